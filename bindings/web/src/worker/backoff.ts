// How long to wait before the next attempt: exponential, with jitter so that many agents of a restarted relay do
// not come back at the same moment.

const FIRST_MS = 400;
const MOST_MS = 10_000;

/** Milliseconds before attempt `attempt` (from 1). `random` is in [0, 1): the wait is between half and all of the step. */
export function backoffMs(attempt: number, random: number): number {
  const step = Math.min(MOST_MS, FIRST_MS * 2 ** Math.min(attempt - 1, 16));
  return Math.round(step / 2 + (step / 2) * random);
}
