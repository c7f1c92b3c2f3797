// What the camera's page and its worker tell each other.

import type { EndReason } from "../protocol.ts";
import type { HostLinkState } from "../sharer/host-link.ts";
import type { Codec } from "../worker/av1/planes.ts";

export interface CameraStatus {
  link: HostLinkState;
  /** Where it stands: nobody has come, somebody asks, the camera is shown, it is over. */
  phase: "waiting" | "asked" | "sharing" | "ended" | "failed";
  /** Who asks or watches, as they call themselves. */
  who: string;
  /** Nobody has come for a while, though the agent's page comes at once. */
  long: boolean;
  /** They are cut off, and perhaps back soon. */
  away: boolean;
  paused: boolean;
  /** Whether the camera gives pictures while it is shown; `blocked`: it was taken away. */
  camera: "gives" | "stalled" | "blocked";
  ended: EndReason | undefined;
  /** Why it cannot go on, for people. */
  failed: string | undefined;
  /** How the camera is encoded. */
  encoding: { codec: Codec; width: number; height: number } | undefined;
}

export const NO_CAMERA: CameraStatus = {
  link: { phase: "off" },
  phase: "waiting",
  who: "",
  long: false,
  away: false,
  paused: false,
  camera: "gives",
  ended: undefined,
  failed: undefined,
  encoding: undefined,
};

/** For tests: what has gone out. */
export interface CameraProbe {
  /** Pictures that were sent. */
  pictures: number;
  /** Bytes to the relay, the handshake's among them. */
  sentBytes: number;
}

export type ToCamera =
  | {
      type: "start";
      wasm: string;
      socket: string;
      /** What stands behind the `#` of the link. */
      text: string;
      /** Whose agent asks. */
      tenant: string;
      /** The codecs that may be used; all that the browser has, unless a test says otherwise. */
      codecs: readonly Codec[];
    }
  /** The person's word. After a yes frames come. */
  | { type: "answer"; allow: boolean }
  /** The camera's frames, where the browser has them as a stream; another stream takes the place of the one before. */
  | { type: "frames"; frames: ReadableStream<VideoFrame> }
  /** One frame, where it has not. */
  | { type: "frame"; frame: VideoFrame }
  /** The operating system, or another app, has taken the camera; or gives it back. */
  | { type: "blocked"; on: boolean }
  | { type: "pause"; on: boolean }
  | { type: "reconnect" }
  | { type: "end"; reason: EndReason }
  | { type: "probe"; id: number };

export type FromCamera =
  | { type: "status"; status: CameraStatus }
  | { type: "probe"; id: number; probe: CameraProbe };
