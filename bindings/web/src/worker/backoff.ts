// How long to wait before the next attempt: none before the first and little before the next eight, so that a picture is
// soon back after a short cut; then exponential, since browsers hold back pages whose connections keep failing. Chance
// keeps the agents of a restarted relay from coming back in step.

const QUICK_MS = 120;
const QUICK_TRIES = 9;
const MOST_MS = 10_000;

/** Milliseconds before attempt `attempt` (from 1). `random` is in [0, 1): the wait is between half and all of the step. */
export function backoffMs(attempt: number, random: number): number {
  if (attempt <= 1) return 0;
  const step = Math.min(MOST_MS, QUICK_MS * 2 ** Math.min(Math.max(0, attempt - QUICK_TRIES), 16));
  return Math.round(step / 2 + (step / 2) * random);
}
