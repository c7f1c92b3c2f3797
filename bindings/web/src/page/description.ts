// What the page says about the session: one place turns its state into words, and is tested without a browser.

import type { Status } from "../messages.ts";
import type { EndReason, RefusalKind, StreamState } from "../protocol.ts";
import { describeByCamera } from "./by-camera.ts";
import { describeByPass } from "./by-pass.ts";

export type Tone = "good" | "calm" | "busy" | "warn" | "bad" | "none";
export type Action = "reconnect" | "new-key" | "new-link" | "back" | "save" | "reload" | "cancel" | "resume";

export interface Notice {
  title: string;
  text: string;
  actions: Action[];
  /** Something is under way: shows that the page is not stuck. */
  busy: boolean;
}

export interface Description {
  tone: Tone;
  /** A word or two for the status button. */
  label: string;
  /** Asks for a key; `error` says what was wrong with the last one. */
  form: { error: string | undefined } | undefined;
  /** In the middle where there is no picture to show, or at the end. */
  card: Notice | undefined;
  /** Over the lower edge of a picture that is still shown. */
  banner: Notice | undefined;
  /** The picture does not follow the visitor's screen now. */
  dim: boolean;
}

const PLAIN = { form: undefined, card: undefined, banner: undefined, dim: false };

export function describe(status: Status, now: number): Description {
  const said = describeByKey(status, now);
  switch (status.way) {
    case "key":
      return said;
    case "visitor":
      return describeByPass(status, said, now);
    // On this page links are those that phones are sent.
    case "link":
      return describeByCamera(status, said);
  }
}

function describeByKey(status: Status, now: number): Description {
  const { link } = status;
  switch (link.phase) {
    case "off":
      return { ...PLAIN, tone: "none", label: "Not connected", form: { error: undefined } };
    case "connecting":
      return {
        ...PLAIN,
        tone: "busy",
        label: "Connecting",
        card: { title: "Connecting…", text: "Reaching the relay.", actions: ["cancel"], busy: true },
      };
    case "knocking":
      return status.consent === "none" && !status.sealed
        ? {
            ...PLAIN,
            tone: "busy",
            label: "Connecting",
            card: {
              title: "Checking the key…",
              text: "The visitor's app is being reached. This takes two seconds.",
              actions: ["cancel"],
              busy: true,
            },
          }
        : describeJoined(status);
    case "joined":
      return describeJoined(status);
    case "retrying":
      return describeRetrying(status, link, now);
    case "refused":
      return describeRefused(link.refusal.kind, link.refusal.message);
    case "ended": {
      const error = KEY_FAULTS[link.reason];
      if (error !== undefined) return { ...PLAIN, tone: "bad", label: "Wrong key", form: { error } };
      const kept = status.picture !== "none";
      const { title, text } = ENDINGS[link.reason] ?? ENDED_OTHERWISE;
      return {
        ...PLAIN,
        tone: "none",
        label: "Ended",
        card: { title, text, actions: kept ? ["new-key", "save"] : ["new-key"], busy: false },
        dim: kept,
      };
    }
    case "failed":
      return {
        ...PLAIN,
        tone: "bad",
        label: "Failed",
        card: {
          title: "This page cannot go on",
          text: link.message,
          actions: ["reload", "new-key"],
          busy: false,
        },
        dim: true,
      };
  }
}

export const NEW_KEY = "Ask the visitor for a new key.";
const WRONG_KEY = `This key does not work. Check its digits with the visitor; if they are right, it was used or is too old: ${NEW_KEY.toLowerCase()}`;

/** Reasons that lead back to the key field. */
const KEY_FAULTS: Partial<Record<EndReason, string>> = {
  "wrong-key": WRONG_KEY,
  expired: `This key is too old. ${NEW_KEY}`,
  spent: `This key was used already. ${NEW_KEY}`,
};

const ENDED_OTHERWISE = { title: "The session is over", text: NEW_KEY };

const ENDINGS: Partial<Record<EndReason, { title: string; text: string }>> = {
  "sharer-stopped": {
    title: "The visitor stopped sharing",
    text: "The session is over and the picture was cleared.",
  },
  "watcher-left": { title: "You left the session", text: "The picture was cleared." },
  declined: {
    title: "The visitor declined",
    text: "Nothing was shown. Talk to the visitor, and ask for a new key to try again.",
  },
  "no-answer": {
    title: "The visitor did not answer",
    text: "The question stood for two minutes. Ask for a new key to try again.",
  },
  dismissed: { title: "The visitor ended your part", text: "The picture was cleared." },
  "source-ended": {
    title: "What was shared is gone",
    text: "Its window was closed, or its recording is over. This was the last picture.",
  },
  "source-failed": {
    title: "Sharing failed",
    text: "The visitor's device could not capture its screen any more. Ask the visitor to share again.",
  },
  untrusted: { title: "You are not known to this visitor's app", text: "Ask whoever runs it to let you in." },
  tampered: {
    title: "The connection was not safe",
    text: `What came had been changed on its way, so the session was ended and the picture cleared. ${NEW_KEY}`,
  },
  "broke-rules": {
    title: "Page and app do not understand each other",
    text: `They may be of different versions: reload this page. ${NEW_KEY}`,
  },
  lost: {
    title: "The connection was lost",
    text: `It did not come back within a minute. ${NEW_KEY}`,
  },
  "timed-out": { title: "The visitor's app did not answer", text: `Ask whether it is still open. ${NEW_KEY}` },
  "relay-stopped": { title: "The relay was stopped", text: NEW_KEY },
  failed: { title: "The session failed", text: `One of the two devices could not go on. ${NEW_KEY}` },
};

function describeJoined(status: Status): Description {
  const { stream, picture, visitorLost, resyncing, resting, consent } = status;
  const state = stream?.state;
  if (picture === "none" || status.blanked) {
    const card = (title: string, text: string, actions: Action[] = [], busy = true): Notice => ({
      title,
      text,
      actions,
      busy,
    });
    if (visitorLost) {
      return {
        ...PLAIN,
        tone: "warn",
        label: "Visitor lost",
        card: card("The visitor's connection was cut", "Waiting for it to come back, for a minute at most."),
      };
    }
    if (consent !== "allowed") {
      return {
        ...PLAIN,
        tone: "busy",
        label: "Waiting",
        card: card(
          "Waiting for the visitor's answer…",
          "The key is right. The screen appears here as soon as the visitor allows it.",
          ["cancel"],
        ),
      };
    }
    const told = state === undefined ? undefined : BLANKS[state];
    if (told !== undefined) {
      return { ...PLAIN, tone: told.tone, label: told.label, card: card(told.title, told.text, [], false) };
    }
    if (resting) return { ...PLAIN, ...RESTING, card: { ...RESTING_NOTICE } };
    return {
      ...PLAIN,
      tone: "busy",
      label: "Starting",
      card: card("Receiving the first picture…", "The visitor allowed it."),
    };
  }
  const banner = (title: string, text: string, busy = false): Notice => ({ title, text, actions: [], busy });
  if (visitorLost) {
    return {
      ...PLAIN,
      tone: "warn",
      label: "Visitor lost",
      banner: banner(
        "The visitor's connection was cut",
        "This is the last picture. Waiting for the visitor to come back.",
        true,
      ),
      dim: true,
    };
  }
  const told = state === undefined ? undefined : STOPS[state];
  if (told !== undefined) {
    return { ...PLAIN, tone: told.tone, label: told.label, banner: banner(told.title, told.text), dim: true };
  }
  if (resting) return { ...PLAIN, ...RESTING, banner: { ...RESTING_NOTICE }, dim: true };
  if (picture === "stale" || resyncing) return { ...PLAIN, tone: "busy", label: "Refreshing", dim: true };
  if (state === "idle") return { ...PLAIN, tone: "good", label: "Live, unchanged" };
  return { ...PLAIN, tone: "good", label: "Live" };
}

interface Stop {
  tone: Tone;
  label: string;
  title: string;
  text: string;
}

/** States with the last picture still to be seen. */
const STOPS: Partial<Record<StreamState, Stop>> = {
  stalled: {
    tone: "warn",
    label: "Stalled",
    title: "The visitor's screen does not answer",
    text: "This is its last picture. Nothing newer can be captured now.",
  },
  blocked: {
    tone: "warn",
    label: "Blocked",
    title: "The visitor's device lets nothing be captured",
    text: "Its screen may be locked, or a permission was taken back. Ask the visitor. This is the last picture.",
  },
};

/** States without a picture. */
const BLANKS: Partial<Record<StreamState, Stop>> = {
  paused: {
    tone: "calm",
    label: "Paused",
    title: "The visitor paused",
    text: "The picture is hidden. It comes back when the visitor goes on.",
  },
  secure: {
    tone: "calm",
    label: "Secure content",
    title: "What is on the visitor's screen must not be captured",
    text: "Such as a password field or a protected film. The picture comes back after it.",
  },
  stalled: {
    tone: "warn",
    label: "Stalled",
    title: "The visitor's screen does not answer",
    text: "Waiting for its first picture.",
  },
  blocked: {
    tone: "warn",
    label: "Blocked",
    title: "The visitor's device lets nothing be captured",
    text: "Its screen may be locked, or a permission is missing. Ask the visitor.",
  },
};

const RESTING = { tone: "calm" as const, label: "Paused by you" };
const RESTING_NOTICE: Notice = {
  title: "You paused",
  text: "The visitor's screen is not sent to you now.",
  actions: ["resume"],
  busy: false,
};

/** What the padlock says. */
export const SEALED_TEXT =
  "Sealed end to end: only you and the visitor's app can read what is sent. The relay between you passes on bytes that it has no key for.";

function describeRetrying(
  status: Status,
  link: { attempt: number; at: number; joinedBefore: boolean },
  now: number,
): Description {
  const seconds = Math.ceil((link.at - now) / 1000);
  const next = seconds > 0 ? `Next attempt in ${seconds} s.` : "Trying again…";
  if (!link.joinedBefore) {
    return {
      ...PLAIN,
      tone: "warn",
      label: "No relay",
      card: {
        title: "The relay cannot be reached",
        text: next,
        actions: ["reconnect", "new-key"],
        busy: true,
      },
    };
  }
  const notice: Notice = {
    title: "Connection lost",
    text: `Reconnecting by itself. ${next}`,
    actions: ["reconnect"],
    busy: true,
  };
  const shown = status.picture !== "none";
  return {
    ...PLAIN,
    tone: "warn",
    label: "Reconnecting",
    ...(shown ? { banner: notice } : { card: notice }),
    dim: shown,
  };
}

function describeRefused(kind: RefusalKind, message: string): Description {
  switch (kind) {
    case "wrong-key":
      return { ...PLAIN, tone: "bad", label: "Wrong key", form: { error: WRONG_KEY } };
    case "too-many-tries":
      return {
        ...PLAIN,
        tone: "bad",
        label: "Wait",
        form: { error: "Too many keys were tried. Wait ten minutes, then try again." },
      };
    case "declined":
      return {
        ...PLAIN,
        tone: "none",
        label: "Declined",
        card: { ...(ENDINGS.declined ?? ENDED_OTHERWISE), actions: ["new-key"], busy: false },
      };
    case "unavailable":
    case "spent":
    case "not-allowed":
      return {
        ...PLAIN,
        tone: "warn",
        label: "Not there",
        card: {
          title: kind === "not-allowed" ? "This is not allowed here" : "The visitor is not there",
          text: `${sentence(message)} ${NEW_KEY}`,
          actions: ["new-key"],
          busy: false,
        },
      };
    case "full":
      return {
        ...PLAIN,
        tone: "warn",
        label: "Full",
        card: {
          title: "The session is full",
          text: sentence(message),
          actions: ["new-key"],
          busy: false,
        },
      };
    case "version":
      return {
        ...PLAIN,
        tone: "bad",
        label: "Other version",
        card: {
          title: "Page and relay are of different versions",
          text: sentence(message),
          actions: ["reload", "new-key"],
          busy: false,
        },
      };
    case "bad-message":
      return {
        ...PLAIN,
        tone: "bad",
        label: "Refused",
        card: {
          title: "The relay ended the connection",
          text: sentence(message),
          actions: ["new-key"],
          busy: false,
        },
      };
  }
}

function sentence(text: string): string {
  const trimmed = text.trim();
  if (trimmed === "") return "It gave no reason.";
  return trimmed.charAt(0).toUpperCase() + trimmed.slice(1) + (/[.!?…]$/.test(trimmed) ? "" : ".");
}

/** How long ago something was, for people. */
export function agoText(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000));
  if (seconds < 1) return "just now";
  if (seconds < 60) return `${seconds} s ago`;
  const minutes = Math.floor(seconds / 60);
  return minutes < 60
    ? `${minutes} min ${seconds % 60} s ago`
    : `${Math.floor(minutes / 60)} h ${minutes % 60} min ago`;
}

/** A rate for people. */
export function rateText(kbits: number): string {
  if (kbits === 0) return "0 kbit/s";
  if (kbits < 10) return `${kbits.toFixed(1)} kbit/s`;
  return kbits < 10_000 ? `${Math.round(kbits)} kbit/s` : `${(kbits / 1000).toFixed(1)} Mbit/s`;
}

/** An amount for people. */
export function bytesText(bytes: number): string {
  if (bytes < 1000) return `${bytes} B`;
  if (bytes < 1e6) return `${(bytes / 1e3).toFixed(1)} kB`;
  return bytes < 1e9 ? `${(bytes / 1e6).toFixed(1)} MB` : `${(bytes / 1e9).toFixed(2)} GB`;
}
