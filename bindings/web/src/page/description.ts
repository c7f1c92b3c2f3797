// What the page says about the session: one place turns its state into words, and is tested without a browser.

import type { Status } from "../messages.ts";
import type { EndReason, RefusalKind } from "../protocol.ts";

export type Tone = "good" | "calm" | "busy" | "warn" | "bad" | "none";
export type Action = "reconnect" | "new-key" | "save" | "reload";

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
  const { link } = status;
  switch (link.phase) {
    case "off":
      return { ...PLAIN, tone: "none", label: "Not connected", form: { error: undefined } };
    case "connecting":
      return {
        ...PLAIN,
        tone: "busy",
        label: "Connecting",
        card: { title: "Connecting…", text: "Reaching the relay.", actions: [], busy: true },
      };
    case "joined":
      return describeJoined(status);
    case "retrying":
      return describeRetrying(status, link, now);
    case "refused":
      return describeRefused(link.refusal.kind, link.refusal.message);
    case "ended": {
      const kept = status.picture !== "none";
      const { title, text } = ENDINGS[link.reason];
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

const ENDINGS: Record<EndReason, { title: string; text: string }> = {
  "visitor-stopped": {
    title: "The visitor stopped sharing",
    text: "The session is over and the picture was cleared.",
  },
  "source-ended": {
    title: "What was shared is gone",
    text: "Its window was closed, or its recording is over. This was the last picture.",
  },
  "source-failed": {
    title: "Sharing failed",
    text: "The visitor's device could not capture its screen any more.",
  },
  "visitor-lost": {
    title: "The visitor did not come back",
    text: "The visitor's connection was cut and the session is over.",
  },
  "relay-stopped": { title: "The relay was stopped", text: "The session is over." },
};

function describeJoined(status: Status): Description {
  const { stream, picture, visitorLost, resyncing } = status;
  if (picture === "none") {
    const card = (title: string, text: string): Notice => ({ title, text, actions: [], busy: true });
    if (visitorLost) {
      return {
        ...PLAIN,
        tone: "warn",
        label: "Visitor lost",
        card: card("The visitor's connection was cut", "Waiting for it to come back."),
      };
    }
    switch (stream?.state) {
      case undefined:
        return {
          ...PLAIN,
          tone: "busy",
          label: "Waiting",
          card: card(
            "Waiting for the visitor to allow…",
            "The key is right. The screen appears here as soon as the visitor allows it.",
          ),
        };
      case "paused":
        return {
          ...PLAIN,
          tone: "calm",
          label: "Paused",
          card: card("The visitor paused", "The screen appears here when the visitor goes on."),
        };
      case "stalled":
        return {
          ...PLAIN,
          tone: "warn",
          label: "Stalled",
          card: card("The visitor's screen does not answer", "Waiting for its first picture."),
        };
      default:
        return {
          ...PLAIN,
          tone: "busy",
          label: "Starting",
          card: card("Receiving the first picture…", "The visitor allowed it."),
        };
    }
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
  if (stream?.state === "paused") {
    return {
      ...PLAIN,
      tone: "calm",
      label: "Paused",
      banner: banner("Paused by the visitor", "This is the last picture before the pause."),
      dim: true,
    };
  }
  if (stream?.state === "stalled") {
    return {
      ...PLAIN,
      tone: "warn",
      label: "Stalled",
      banner: banner(
        "The visitor's screen does not answer",
        "This is its last picture. Nothing newer can be captured now.",
      ),
      dim: true,
    };
  }
  if (picture === "stale" || resyncing) return { ...PLAIN, tone: "busy", label: "Refreshing", dim: true };
  if (stream?.state === "idle") return { ...PLAIN, tone: "good", label: "Live, unchanged" };
  return { ...PLAIN, tone: "good", label: "Live" };
}

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
      return {
        ...PLAIN,
        tone: "bad",
        label: "Wrong key",
        form: { error: "No session has this key. Check it with the visitor: it changes with every session." },
      };
    case "too-many-tries":
      return {
        ...PLAIN,
        tone: "bad",
        label: "Wait",
        form: { error: "Too many wrong keys. Wait a minute, then try again." },
      };
    case "full":
      return {
        ...PLAIN,
        tone: "warn",
        label: "Full",
        card: {
          title: "The session is full",
          text: sentence(message),
          actions: ["reconnect", "new-key"],
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
          actions: ["reconnect", "new-key"],
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
