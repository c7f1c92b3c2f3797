// What the page says otherwise where a visitor was asked with a pass: no key was typed, and none is to be asked for.

import type { Status } from "../messages.ts";
import type { EndReason, RefusalKind } from "../protocol.ts";
import { NEW_KEY, type Action, type Description, type Notice } from "./description.ts";

/** How long a visitor has to answer, as the sharing end counts it. */
const ANSWER_MS = 120_000;

const ASK_AGAIN = "Ask the visitor again.";

const NOT_KNOWN = {
  title: "The visitor's app does not take your pass",
  text: "It may be too old, or of somebody else's agents. Ask whoever issues the passes for a new one.",
};

const ENDINGS: Partial<Record<EndReason, { title: string; text: string }>> = {
  declined: { title: "The visitor declined", text: "Nothing was shown. Talk to the visitor before you ask again." },
  "no-answer": {
    title: "The visitor did not answer",
    text: "The question stood for two minutes. Talk to the visitor before you ask again.",
  },
  "wrong-key": NOT_KNOWN,
  untrusted: NOT_KNOWN,
  expired: NOT_KNOWN,
  spent: NOT_KNOWN,
};

const REFUSALS: Partial<Record<RefusalKind, { title: string; text: string }>> = {
  "wrong-key": NOT_KNOWN,
  declined: ENDINGS.declined!,
  unavailable: {
    title: "The visitor is not there any more",
    text: "The list shows when they are back.",
  },
  "too-many-tries": { title: "Too many tries", text: "Wait ten minutes, then ask again." },
};

/** `said` is what would be said of the same state if it were by a key. */
export function describeByPass(status: Status, said: Description, now: number): Description {
  const { link } = status;
  const told =
    link.phase === "ended"
      ? ENDINGS[link.reason]
      : link.phase === "refused"
        ? REFUSALS[link.refusal.kind]
        : undefined;
  if (told !== undefined) {
    const label = link.phase === "ended" ? "Ended" : "Refused";
    return { ...said, tone: "warn", label, form: undefined, card: { ...told, actions: ["back"], busy: false } };
  }
  const waits = (link.phase === "knocking" || link.phase === "joined") && status.picture === "none";
  if (waits && !status.visitorLost && status.consent !== "allowed") {
    const card =
      status.consent === "asked"
        ? { title: "Waiting for the visitor's answer…", text: waitText(status.askedAt, now) }
        : { title: "Reaching the visitor…", text: "Your pass is shown to the visitor's app." };
    return { ...said, card: { ...card, actions: ["cancel"], busy: true } };
  }
  return { ...said, card: of(said.card), banner: of(said.banner) };
}

function of(notice: Notice | undefined): Notice | undefined {
  if (notice === undefined) return undefined;
  const actions = notice.actions.map((action): Action => (action === "new-key" ? "back" : action));
  return { ...notice, text: notice.text.replace(NEW_KEY, ASK_AGAIN), actions };
}

function waitText(askedAt: number, now: number): string {
  const left = Math.min(ANSWER_MS, Math.max(0, askedAt + ANSWER_MS - now));
  const seconds = Math.ceil(left / 1000);
  const clock = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, "0")}`;
  return `They are told your name and what you ask for, and choose what you may see. ${clock} left to answer.`;
}
