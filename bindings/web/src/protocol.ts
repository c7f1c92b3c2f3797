// The relay's messages, as tools/protocol defines them. What arrives is checked field by field: the relay is
// another program, perhaps of another version.

export const PROTOCOL_VERSION = 2;

export type StreamState = "live" | "idle" | "paused" | "stalled";
export type EndReason =
  "visitor-stopped" | "source-ended" | "source-failed" | "visitor-lost" | "relay-stopped";
export type RefusalKind = "wrong-key" | "full" | "version" | "bad-message" | "too-many-tries";

export interface Refusal {
  kind: RefusalKind;
  message: string;
}

export type RelayToAgent =
  | { type: "joined"; agent: number }
  | { type: "state"; state: StreamState; source: string }
  | { type: "visitor-lost" }
  | { type: "end"; reason: EndReason }
  | ({ type: "refused" } & Refusal);

/** The picture that a page holds: a hash for each tile of 64 × 64 pixels, row by row. */
export interface Holds {
  width: number;
  height: number;
  tiles: number[];
}

export type AgentSays =
  | { type: "hello"; protocol: number; key: string; holds?: Holds }
  | { type: "holds"; picture: Holds }
  | { type: "ack"; sequence: number; held_us?: number }
  | { type: "resync" };

const STATES: readonly string[] = ["live", "idle", "paused", "stalled"];
const REASONS: readonly string[] = [
  "visitor-stopped",
  "source-ended",
  "source-failed",
  "visitor-lost",
  "relay-stopped",
];
const REFUSALS: readonly string[] = ["wrong-key", "full", "version", "bad-message", "too-many-tries"];

/** Longest text that is shown to a person; a longer one is cut. */
const MOST_TEXT = 400;

/** Reads one text message of the relay; undefined if it is none that this version knows. */
export function parseRelayMessage(text: string): RelayToAgent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const m = value as Record<string, unknown>;
  switch (m["type"]) {
    case "joined":
      return typeof m["agent"] === "number" ? { type: "joined", agent: m["agent"] } : undefined;
    case "state":
      return isOneOf<StreamState>(m["state"], STATES) && typeof m["source"] === "string"
        ? { type: "state", state: m["state"], source: m["source"].slice(0, MOST_TEXT) }
        : undefined;
    case "visitor-lost":
      return { type: "visitor-lost" };
    case "end":
      return isOneOf<EndReason>(m["reason"], REASONS) ? { type: "end", reason: m["reason"] } : undefined;
    case "refused":
      return isOneOf<RefusalKind>(m["kind"], REFUSALS) && typeof m["message"] === "string"
        ? { type: "refused", kind: m["kind"], message: m["message"].slice(0, MOST_TEXT) }
        : undefined;
    default:
      return undefined;
  }
}

function isOneOf<T extends string>(value: unknown, names: readonly string[]): value is T {
  return typeof value === "string" && names.includes(value);
}
