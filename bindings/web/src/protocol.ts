// The relay's messages to a joiner, as tools/protocol defines them, and the names that the two ends use within the
// seal. What arrives is checked field by field: the relay is another program, perhaps of another version.

export const PROTOCOL_VERSION = 3;

/** The tenant of those who name none. */
export const DEFAULT_TENANT = "default";

export const STATES = ["live", "idle", "paused", "stalled", "blocked", "secure", "reconnecting"] as const;
export type StreamState = (typeof STATES)[number];

/** Why a session is over, as the ends tell it. */
export const END_REASONS = [
  "sharer-stopped",
  "watcher-left",
  "declined",
  "no-answer",
  "dismissed",
  "source-ended",
  "source-failed",
  "wrong-key",
  "untrusted",
  "expired",
  "spent",
  "tampered",
  "broke-rules",
  "lost",
  "timed-out",
  "relay-stopped",
  "failed",
] as const;
export type EndReason = (typeof END_REASONS)[number];

/** Why a session is over, as the relay tells it: what the ends told each other was lost on its way, or never said. */
const RELAY_ENDINGS = {
  "host-stopped": "sharer-stopped",
  "source-ended": "source-ended",
  "source-failed": "source-failed",
  "host-lost": "lost",
  dismissed: "dismissed",
  "too-far-behind": "failed",
  tampered: "tampered",
} as const satisfies Record<string, EndReason>;

const REFUSALS = [
  "wrong-key",
  "full",
  "version",
  "bad-message",
  "too-many-tries",
  "declined",
  "unavailable",
  "not-allowed",
] as const;
export type RefusalKind = (typeof REFUSALS)[number];

export interface Refusal {
  kind: RefusalKind;
  message: string;
}

/** A joiner's place in a room, to come back to. */
export interface Place {
  room: string;
  joiner: number;
  /** Good for one return. */
  token: string;
}

export type RelayToJoiner =
  | ({ type: "joined" } & Place)
  | { type: "host-lost" }
  | { type: "host-back" }
  | { type: "end"; reason: EndReason }
  | { type: "going-away"; afterMs: number }
  | ({ type: "refused" } & Refusal);

export interface Hello {
  type: "hello";
  protocol: number;
  door?: { key: { number: string } };
  resume?: Place;
}

/** A door that can be watched at `/ws/watch`: who waits there is told when a host is behind it. */
export type WatchedDoor = { presence: { visitor: string } } | { link: { id: string } };

export type LookoutSays =
  | { type: "hello"; protocol: number; tenant?: string; token?: string }
  | { type: "watch"; door: WatchedDoor }
  | { type: "unwatch"; door: WatchedDoor };

export type RelayToLookout =
  | { type: "available"; door: WatchedDoor }
  | { type: "unavailable"; door: WatchedDoor }
  | { type: "going-away"; afterMs: number }
  | ({ type: "refused" } & Refusal);

/** Longest text that is shown to a person; a longer one is cut. */
const MOST_TEXT = 400;

/** Longest wait that a relay may ask for. */
const MOST_AFTER_MS = 30_000;

/** Reads one text message of the relay; undefined if it is none that this version knows. */
export function parseRelayMessage(text: string): RelayToJoiner | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const m = value as Record<string, unknown>;
  switch (m["type"]) {
    case "joined": {
      const { room, joiner, token } = m;
      return typeof room === "string" && typeof joiner === "number" && typeof token === "string"
        ? { type: "joined", room, joiner, token }
        : undefined;
    }
    case "host-lost":
    case "host-back":
      return { type: m["type"] };
    case "end": {
      const reason = Object.entries(RELAY_ENDINGS).find(([name]) => name === m["reason"])?.[1];
      return reason === undefined ? undefined : { type: "end", reason };
    }
    case "going-away": {
      const ms = m["after_ms"];
      return typeof ms === "number" && ms >= 0
        ? { type: "going-away", afterMs: Math.min(ms, MOST_AFTER_MS) }
        : undefined;
    }
    case "refused": {
      const kind = REFUSALS.find((name) => name === m["kind"]);
      return kind !== undefined && typeof m["message"] === "string"
        ? { type: "refused", kind, message: m["message"].slice(0, MOST_TEXT) }
        : undefined;
    }
    default:
      return undefined;
  }
}
