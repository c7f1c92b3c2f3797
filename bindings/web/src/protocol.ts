// The relay's messages to a joiner and to a host, as protocol/ defines them, and the names that the two ends use within the
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
  "spent",
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
  /** Good until the next one was shown. */
  token: string;
}

export type RelayToJoiner =
  | ({ type: "joined" } & Place)
  | { type: "host-lost" }
  | { type: "host-back" }
  | { type: "end"; reason: EndReason }
  | { type: "going-away"; afterMs: number }
  | ({ type: "refused" } & Refusal);

/** A door as joiners name it. */
export type DoorName = { key: { number: string } } | { link: { id: string } } | { presence: { visitor: string } };

/** What is asked to be shown, by the WebAssembly's numbers. */
export const PURPOSES = { screen: 0, window: 1, camera: 2, "agent-screen": 3 } as const;
export type Purpose = keyof typeof PURPOSES;

export interface Hello {
  type: "hello";
  protocol: number;
  tenant?: string;
  token?: string;
  door?: DoorName;
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
  const m = objectOf(text);
  switch (m?.["type"]) {
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
    case "going-away":
      return goingAway(m);
    case "refused": {
      const refusal = refusalOf(m);
      return refusal === undefined ? undefined : { type: "refused", ...refusal };
    }
    default:
      return undefined;
  }
}

/** Reads one text message of the relay to a lookout; undefined if it is none that this version knows. */
export function parseLookoutMessage(text: string): RelayToLookout | undefined {
  const m = objectOf(text);
  switch (m?.["type"]) {
    case "available":
    case "unavailable": {
      const door = doorOf(m["door"]);
      return door === undefined || "key" in door ? undefined : { type: m["type"], door };
    }
    case "going-away":
      return goingAway(m);
    case "refused": {
      const refusal = refusalOf(m);
      return refusal === undefined ? undefined : { type: "refused", ...refusal };
    }
    default:
      return undefined;
  }
}

/** Why a session is over, in the relay's words for what the ends tell each other. */
export function relayEnding(reason: EndReason): string {
  switch (reason) {
    case "sharer-stopped":
      return "host-stopped";
    case "source-ended":
    case "tampered":
      return reason;
    case "source-failed":
    case "failed":
      return "source-failed";
    default:
      return "dismissed";
  }
}

/** A room to come back to. */
export interface RoomProof {
  room: string;
  secret: string;
}

/** What a host tells the relay after its hello. */
export type HostSays =
  | { type: "open"; door: { key: object } | { link: { id: string; lifetime_s: number } } }
  | { type: "close"; door: DoorName }
  | { type: "admit"; joiner: number }
  | { type: "refuse"; joiner: number; reason: "wrong-key" | "declined" | "full" }
  | { type: "dismiss"; joiner: number; reason: string }
  | { type: "end"; reason: string }
  | { type: "ping" };

export type RelayToHost =
  | ({ type: "room" } & RoomProof)
  | { type: "opened"; door: DoorName }
  | ({ type: "not-opened" } & Refusal)
  | { type: "closed"; door: DoorName }
  | { type: "came"; joiner: number; door: DoorName | undefined; resumed: boolean }
  | { type: "left" | "behind" | "ready"; joiner: number }
  | { type: "going-away"; afterMs: number }
  | ({ type: "refused" } & Refusal);

/** Reads one text message of the relay to a host; undefined if it is none that this version knows. */
export function parseHostMessage(text: string): RelayToHost | undefined {
  const m = objectOf(text);
  switch (m?.["type"]) {
    case "room": {
      const { room, secret } = m;
      return typeof room === "string" && typeof secret === "string" ? { type: "room", room, secret } : undefined;
    }
    case "opened":
    case "closed": {
      const door = doorOf(m["door"]);
      return door === undefined ? undefined : { type: m["type"], door };
    }
    case "not-opened": {
      const refusal = refusalOf(m);
      return refusal === undefined ? undefined : { type: "not-opened", ...refusal };
    }
    case "came": {
      const { joiner, resumed } = m;
      return typeof joiner === "number"
        ? { type: "came", joiner, door: doorOf(m["door"]), resumed: resumed === true }
        : undefined;
    }
    case "left":
    case "behind":
    case "ready":
      return typeof m["joiner"] === "number" ? { type: m["type"], joiner: m["joiner"] } : undefined;
    case "going-away":
      return goingAway(m);
    case "refused": {
      const refusal = refusalOf(m);
      return refusal === undefined ? undefined : { type: "refused", ...refusal };
    }
    default:
      return undefined;
  }
}

function objectOf(text: string): Record<string, unknown> | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : undefined;
}

function doorOf(value: unknown): DoorName | undefined {
  if (typeof value !== "object" || value === null) return undefined;
  const { key, link, presence } = value as Record<string, Record<string, unknown> | undefined>;
  if (typeof key?.["number"] === "string") return { key: { number: key["number"] } };
  if (typeof link?.["id"] === "string") return { link: { id: link["id"] } };
  if (typeof presence?.["visitor"] === "string") return { presence: { visitor: presence["visitor"] } };
  return undefined;
}

function refusalOf(m: Record<string, unknown>): Refusal | undefined {
  const kind = REFUSALS.find((name) => name === m["kind"]);
  return kind !== undefined && typeof m["message"] === "string"
    ? { kind, message: m["message"].slice(0, MOST_TEXT) }
    : undefined;
}

function goingAway(m: Record<string, unknown>): { type: "going-away"; afterMs: number } | undefined {
  const ms = m["after_ms"];
  return typeof ms === "number" && ms >= 0 ? { type: "going-away", afterMs: Math.min(ms, MOST_AFTER_MS) } : undefined;
}
