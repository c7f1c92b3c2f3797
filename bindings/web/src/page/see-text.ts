// What the page of somebody who is shown a screen says about it: one place turns the session's state into words, and is
// tested without a browser.

import type { Status } from "../messages.ts";
import type { EndReason, RefusalKind, StreamState } from "../protocol.ts";
import type { Tone } from "./description.ts";

export type SeeAction = "join" | "reconnect" | "reload" | "cancel";

export interface SeeNotice {
  title: string;
  text: string;
  action: SeeAction | undefined;
  busy: boolean;
}

export interface SeeText {
  tone: Tone;
  /** A word or two for the status; empty before anything happens. */
  label: string;
  /** Asks for a name, and a key where one is needed; `error` says what was wrong with the last. */
  form: { error: string } | undefined;
  card: SeeNotice | undefined;
  banner: SeeNotice | undefined;
  /** The picture does not follow the screen now. */
  dim: boolean;
}

export const SEE_ACTIONS: Record<SeeAction, string> = {
  join: "Join again",
  reconnect: "Try now",
  reload: "Reload the page",
  cancel: "Cancel",
};

const PLAIN = { form: undefined, card: undefined, banner: undefined, dim: false };
const AGAIN = "Ask for a new link.";
const SPENT_LINK = `This link was used by as many as it is for, or whoever shows has closed it. ${AGAIN}`;
const DEAD_LINK = `This link does not work: it is too old, was used by as many as it is for, or nobody shows anything by it now. ${AGAIN}`;
const WRONG_KEY = "This key does not work with this link. Check its digits; if they are right, it was used or is too old: ask for the next one.";

export function seeText(status: Status, withKey: boolean, now: number): SeeText {
  const { link } = status;
  switch (link.phase) {
    case "off":
      return { ...PLAIN, tone: "none", label: "", form: { error: "" } };
    case "connecting":
      return busy("Connecting…", "Reaching the relay.");
    case "knocking":
    case "joined":
      return joined(status, withKey);
    case "retrying":
      return retrying(status, link, now);
    case "refused":
      return refused(link.refusal.kind, link.refusal.message, withKey);
    case "ended":
      return ended(status, link.reason, withKey);
    case "failed":
      return {
        ...PLAIN,
        tone: "bad",
        label: "Failed",
        card: { title: "This page cannot go on", text: link.message, action: "reload", busy: false },
      };
  }
}

function busy(title: string, text: string): SeeText {
  return { ...PLAIN, tone: "busy", label: "Connecting", card: { title, text, action: "cancel", busy: true } };
}

function joined(status: Status, withKey: boolean): SeeText {
  const { stream, picture, visitorLost, resyncing, consent, sealed } = status;
  if (!sealed) return busy(withKey ? "Checking the key…" : "Opening the link…", "This takes a moment.");
  const shown = picture !== "none" && !status.blanked;
  const at = (tone: Tone, label: string, title: string, text: string, waits: boolean): SeeText => {
    const notice = { title, text, action: undefined, busy: waits };
    return { ...PLAIN, tone, label, ...(shown ? { banner: notice } : { card: notice }), dim: shown };
  };
  if (visitorLost) {
    return at("warn", "Connection lost", "Their connection was cut", "Waiting for it to come back, for a minute at most.", true);
  }
  if (consent !== "allowed") {
    return { ...busy("Waiting to be let in…", "They have been told that you are here."), label: "Waiting" };
  }
  const stop = stream === undefined ? undefined : STOPS[stream.state];
  if (stop !== undefined) return at(stop.tone, stop.label, stop.title, stop.text, false);
  if (!shown) return { ...busy("Receiving the first picture…", "You have been let in."), label: "Starting" };
  if (picture === "stale" || resyncing) return { ...PLAIN, tone: "busy", label: "Refreshing", dim: true };
  return { ...PLAIN, tone: "good", label: "Live" };
}

/** States that are worth a word. */
const STOPS: Partial<Record<StreamState, { tone: Tone; label: string; title: string; text: string }>> = {
  paused: { tone: "calm", label: "Paused", title: "Paused", text: "The picture comes back when they go on." },
  secure: { tone: "calm", label: "Hidden", title: "What is on the screen must not be shown", text: "The picture comes back after it." },
  stalled: { tone: "warn", label: "Stalled", title: "Their screen does not answer", text: "Nothing newer can be captured now." },
  blocked: { tone: "warn", label: "Blocked", title: "Their device lets nothing be captured", text: "The screen may be locked. Tell them." },
};

function retrying(
  status: Status,
  link: { at: number; joinedBefore: boolean },
  now: number,
): SeeText {
  const seconds = Math.ceil((link.at - now) / 1000);
  const next = seconds > 0 ? `Next attempt in ${seconds} s.` : "Trying again…";
  const title = link.joinedBefore ? "Connection lost" : "The relay cannot be reached";
  const notice: SeeNotice = { title, text: next, action: "reconnect", busy: true };
  const shown = status.picture !== "none" && !status.blanked;
  const label = link.joinedBefore ? "Reconnecting" : "No relay";
  return { ...PLAIN, tone: "warn", label, ...(shown ? { banner: notice } : { card: notice }), dim: shown };
}

function refused(kind: RefusalKind, message: string, withKey: boolean): SeeText {
  const form = (error: string): SeeText => ({ ...PLAIN, tone: "bad", label: "", form: { error } });
  const card = (title: string, text: string, action: SeeAction): SeeText => ({
    ...PLAIN,
    tone: "warn",
    label: "Not let in",
    card: { title, text, action, busy: false },
  });
  switch (kind) {
    case "wrong-key":
    case "unavailable":
      return form(withKey ? WRONG_KEY : DEAD_LINK);
    case "spent":
      return form(SPENT_LINK);
    case "too-many-tries":
      return form("Too many keys were tried. Wait ten minutes, then try again.");
    case "declined":
      return card("You were not let in", "Ask whoever gave you the link.", "join");
    case "full":
      return card("There is no room for more people", "Ask whoever gave you the link, or try again later.", "join");
    case "not-allowed":
      return card("This is not allowed here", `${AGAIN} The relay says: ${message}`, "join");
    case "version":
      return card("Page and relay are of different versions", "Reload this page.", "reload");
    case "bad-message":
      return card("The relay ended the connection", `Reload this page. The relay says: ${message}`, "reload");
  }
}

const ENDINGS: Partial<Record<EndReason, { title: string; text: string }>> = {
  "sharer-stopped": { title: "They stopped showing their screen", text: "The picture was cleared." },
  "watcher-left": { title: "You left", text: "The picture was cleared." },
  declined: { title: "You were not let in", text: "Ask whoever gave you the link." },
  "no-answer": { title: "Nobody answered", text: "Ask whoever gave you the link, then join again." },
  dismissed: { title: "They ended it for you", text: "The picture was cleared." },
  "source-ended": { title: "What was shown is gone", text: "Its window was closed. This was the last picture." },
  "source-failed": { title: "Their screen cannot be shown any more", text: "Ask them to show it again." },
  tampered: {
    title: "The connection was not safe",
    text: `What came had been changed on its way, so it was ended and the picture cleared. ${AGAIN}`,
  },
  "broke-rules": { title: "The two sides do not understand each other", text: `They may be of different versions: reload this page. ${AGAIN}` },
  lost: { title: "The connection was lost", text: "It did not come back within a minute. Join again if they still show their screen." },
  "timed-out": { title: "The other side did not answer", text: "Ask whether they still show their screen, then join again." },
};

function ended(status: Status, reason: EndReason, withKey: boolean): SeeText {
  if (reason === "wrong-key" || reason === "expired" || reason === "spent") {
    return { ...PLAIN, tone: "bad", label: "", form: { error: withKey ? WRONG_KEY : DEAD_LINK } };
  }
  const { title, text } = ENDINGS[reason] ?? { title: "It is over", text: AGAIN };
  const dim = status.picture !== "none";
  return { ...PLAIN, tone: "none", label: "Ended", card: { title, text, action: "join", busy: false }, dim };
}
