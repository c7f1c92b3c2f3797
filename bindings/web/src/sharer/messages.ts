// What a page that shows something and its worker tell each other.

import type { EndReason, Purpose, StreamState } from "../protocol.ts";
import type { HostLinkState } from "./host-link.ts";

/** How others come in. */
export interface Doors {
  /** How many a link lets in. */
  uses: number;
  /** How long it does. */
  lastsS: number;
  /** A key is needed with the link; each is for one. */
  withKey: boolean;
}

export interface Person {
  joiner: number;
  who: string;
  /** Cut off, and perhaps back soon. */
  away: boolean;
}

export interface ShowStatus {
  link: HostLinkState;
  /** What stands behind the `#` of the URL. */
  text: string | undefined;
  /** The key that the next one needs with it. */
  key: string | undefined;
  people: Person[];
  paused: boolean;
  state: StreamState | undefined;
  /** Why it is over. */
  ended: EndReason | undefined;
  /** Why it cannot go on, for people. */
  failed: string | undefined;
}

export const NOT_SHOWN: ShowStatus = {
  link: { phase: "off" },
  text: undefined,
  key: undefined,
  people: [],
  paused: false,
  state: undefined,
  ended: undefined,
  failed: undefined,
};

/** The picture that was pushed last, for tests and for questions about exactness. */
export interface ShowProbe {
  width: number;
  height: number;
  /** SHA-256 of its R, G, B, 255 bytes. */
  sha256: string;
  pictures: number;
  sentBytes: number;
  /** Milliseconds that reading and encoding pictures took so far. */
  workMs: number;
  memoryBytes: number;
}

export type ToSharer =
  | {
      type: "start";
      wasm: string;
      socket: string;
      /** Whose screen it is, to the relay; the token where the tenant's hosts need one. */
      tenant: string;
      token: string | undefined;
      source: string;
      purpose: Purpose;
      doors: Doors;
      /** The frames, where the browser has them as a stream; otherwise the worker asks for pictures. */
      frames: ReadableStream<VideoFrame> | undefined;
    }
  /** The answer to `picture`; without one where nothing is new. */
  | { type: "picture"; picture: ImageBitmap | undefined }
  | { type: "pause"; on: boolean }
  | { type: "dismiss"; joiner: number }
  | { type: "reconnect" }
  | { type: "end"; reason: EndReason }
  | { type: "probe"; id: number };

export type FromSharer =
  | { type: "status"; status: ShowStatus }
  /** A picture of now is wanted; `changed`: only if it is another than before. */
  | { type: "picture"; changed: boolean }
  | { type: "probe"; id: number; probe: ShowProbe | undefined };
