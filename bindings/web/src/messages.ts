// What page and worker tell each other.

import type { EndReason, Purpose, Refusal, StreamState } from "./protocol.ts";
import type { Rect } from "./worker/decoder.ts";
import type { Credentials } from "./worker/link.ts";
import type { Mark } from "./worker/seat.ts";

/** Where the link to the relay stands. */
export type Link =
  /** No key yet, or the person left. */
  | { phase: "off" }
  /** The first connection with this key is being made; `attempt` counts from 1. */
  | { phase: "connecting"; attempt: number }
  /** The relay was reached; the two ends find out whether they have the same key. */
  | { phase: "knocking" }
  /** The relay let us in. */
  | { phase: "joined" }
  /** Cut off; the next attempt starts at `at` (milliseconds, Date.now). `joinedBefore` tells a cut from a relay never reached. */
  | { phase: "retrying"; attempt: number; at: number; joinedBefore: boolean }
  /** The relay said no. */
  | { phase: "refused"; refusal: Refusal }
  /** The session is over. */
  | { phase: "ended"; reason: EndReason }
  /** This side cannot go on. */
  | { phase: "failed"; message: string };

/** What a pass says. */
export interface PassFacts {
  name: string;
  tenant: string;
  /** By which two agents of one name are told apart. */
  agent: string;
  /** Seconds since 1970. */
  notAfter: number;
}

/** Everything the page needs to describe the session. */
export interface Status {
  link: Link;
  /** How the other end is reached. */
  way: "key" | "link" | "visitor";
  /** The key was right, and nobody between the two ends can read what they say. */
  sealed: boolean;
  /** What the visitor was asked, and has answered. */
  consent: "none" | "asked" | "allowed";
  /** When that was (Date.now); 0 before. */
  askedAt: number;
  /** The last state that the visitor's side told, with the name of what is shown. */
  stream: { state: StreamState; source: string } | undefined;
  /** The visitor's connection to the relay was cut. */
  visitorLost: boolean;
  /** The person here wants no pictures for now. */
  resting: boolean;
  /** Whether a picture is on the canvas, and whether it follows the visitor's. */
  picture: "none" | "stale" | "current";
  /** The picture is not to be shown now, and is not on the canvas. */
  blanked: boolean;
  /** A fresh snapshot was asked for and is not here yet. */
  resyncing: boolean;
}

export const NO_SESSION: Status = {
  link: { phase: "off" },
  way: "key",
  sealed: false,
  consent: "none",
  askedAt: 0,
  stream: undefined,
  visitorLost: false,
  resting: false,
  picture: "none",
  blanked: false,
  resyncing: false,
};

/** Figures over the last two seconds, and totals. */
export interface Stats {
  fps: number;
  kbits: number;
  /** Share of the picture that the updates changed, 0 to 1, a mean. */
  dirty: number;
  decodeMs: number;
  paintMs: number;
  bytes: number;
  updates: number;
  sequence: number;
  resyncs: number;
  reconnects: number;
  /** Pixels of the picture that are not exactly the source's. */
  lossyPixels: number;
  /** Who decodes the stream's AV1: nobody was needed yet, the browser, or the page's own decoder. */
  av1: "none yet" | "browser" | "module";
  /** Pictures that it decoded, since the key was given. */
  av1Pictures: number;
  /** When the last update was painted (Date.now), 0 before the first. */
  paintedAt: number;
}

/** The canvas as it really is: read back, not remembered. */
export interface Probe {
  sequence: number;
  timestampUs: number;
  width: number;
  height: number;
  /** SHA-256 of the canvas' R, G, B, A bytes. */
  sha256: string;
  /** Pixels that are not exactly the source's. */
  lossyPixels: number;
}

export interface CursorShape {
  width: number;
  height: number;
  hotspotX: number;
  hotspotY: number;
  pixels: Uint8ClampedArray<ArrayBuffer>;
}

export type ToWorker =
  | {
      type: "start";
      canvas: OffscreenCanvas;
      /** What covers the picture where it is not exact. */
      marks: OffscreenCanvas;
      wasm: string;
      /** The page's own AV1 decoder; loaded where the browser's cannot be used. */
      av1: string;
      /** Which AV1 decoders may be used. */
      av1Decoders: "any" | "module";
      socket: string;
    }
  /** The key as typed; `who` is how the visitor is told who asks. */
  | { type: "join"; key: string; who: string; credentials?: Credentials }
  /** What stands behind a link's `#`, and the key as typed where it needs one. */
  | { type: "join-by-link"; link: string; key: string; who: string; purpose: Purpose; tenant: string }
  /** A visitor is asked with a pass and its key, in the text of their file. */
  | { type: "ask"; visitor: string; pass: string; purpose: Purpose; token: string | undefined }
  /** What does this pass say? */
  | { type: "pass"; id: number; file: string }
  | { type: "leave" }
  | { type: "reconnect" }
  /** No pictures for now, or again. */
  | { type: "rest"; on: boolean }
  /** The person points or draws, for the visitor to see. */
  | { type: "draw"; mark: Mark }
  /** Where the person looks; undefined: everywhere. */
  | { type: "focus"; rect: Rect | undefined }
  /** Whether to mark what is not exact. */
  | { type: "mark"; on: boolean }
  | { type: "snapshot"; id: number }
  | { type: "probe"; id: number };

export type FromWorker =
  /** The worker cannot start at all. */
  | { type: "broken"; message: string }
  | { type: "status"; status: Status }
  | { type: "stats"; stats: Stats }
  | { type: "size"; width: number; height: number }
  | { type: "cursor"; position: { x: number; y: number } | undefined; shape: CursorShape | undefined }
  | { type: "pass"; id: number; pass: PassFacts | undefined }
  | { type: "snapshot"; id: number; png: Blob | undefined }
  | { type: "probe"; id: number; probe: Probe | undefined };
