// With what, and how large, a camera is encoded: the best codec that this browser has, as large as it can keep up with.

import { CODECS, type Codec } from "../worker/av1/planes.ts";

/** One way to encode. */
export interface Rung {
  codec: Codec;
  width: number;
  height: number;
}

/** Longer sides that are tried, the largest first. */
const LONG_SIDES = [1280, 960, 640] as const;

/** A picture is left out while so many are still in the encoder: it would only be late. */
const MOST_QUEUED = 2;

/** How long a rung is looked at before it is judged, and how long a new one may take to get going. */
const WINDOW_MS = 1000;
const SETTLES_MS = 700;

/** Pictures a second that an encoder must keep up with, if the camera gives them. */
const WANTED_FPS = 24;

/** It must take so much of what it is offered. */
const TAKES = 0.75;

/** All ways in the order in which they are tried: a codec in all its sizes before the next codec. */
export function ladder(supported: ReadonlySet<Codec>, width: number, height: number): Rung[] {
  const long = Math.max(width, height);
  const sides = LONG_SIDES.filter((side) => side < long);
  const even = (side: number): number => Math.max(2, 2 * Math.round(side / 2));
  const sizes = [Math.min(long, LONG_SIDES[0]), ...sides.filter((side) => side < Math.min(long, LONG_SIDES[0]))];
  return CODECS.filter((codec) => supported.has(codec)).flatMap((codec) =>
    sizes.map((side) => ({
      codec,
      width: even((width * side) / long),
      height: even((height * side) / long),
    })),
  );
}

/** What is to be done with a picture. */
export type Verdict =
  | "encode"
  /** The encoder has enough to do. */
  | "skip"
  /** It cannot keep up: {@link Climber.rung} is another one now. */
  | "step";

/** Goes down the ladder while the encoder, by the depth of its queue, does not keep up. */
export class Climber {
  #at = 0;
  #since: number | undefined;
  #offered = 0;
  #taken = 0;

  constructor(private readonly rungs: readonly Rung[]) {
    if (rungs.length === 0) throw new Error("a ladder without rungs");
  }

  get rung(): Rung {
    return this.rungs[this.#at]!;
  }

  get last(): boolean {
    return this.#at + 1 >= this.rungs.length;
  }

  /** The rung's encoder failed altogether: the next codec; false where there is none. */
  fall(): boolean {
    const next = this.rungs.findIndex((rung, i) => i > this.#at && rung.codec !== this.rung.codec);
    if (next < 0) return false;
    this.#at = next;
    this.#since = undefined;
    return true;
  }

  /** A picture is there and `queued` are in the encoder. Times are milliseconds. */
  frame(queued: number, now: number): Verdict {
    if (this.#since === undefined) {
      // The first keyframe and what the system does to start an encoder are not its pace.
      this.#since = now + SETTLES_MS;
      this.#offered = this.#taken = 0;
    }
    const takes = queued < MOST_QUEUED;
    if (now >= this.#since) {
      this.#offered += 1;
      if (takes) this.#taken += 1;
      const seconds = (now - this.#since) / 1000;
      if (seconds * 1000 >= WINDOW_MS) {
        const wanted = Math.min(this.#offered, WANTED_FPS * seconds);
        const slow = this.#taken < TAKES * wanted;
        this.#since = now;
        this.#offered = this.#taken = 0;
        if (slow && !this.last) {
          this.#at += 1;
          this.#since = undefined;
          return "step";
        }
      }
    }
    return takes ? "encode" : "skip";
  }
}

/** Bits a second that a camera's picture of this size deserves while nothing is known of the lines. */
export function firstBitrate(rung: Rung): number {
  const better = rung.codec === "av1" ? 0.7 : 1;
  return Math.round((better * rung.width * rung.height * WANTED_FPS) / 14);
}

/** What to ask the encoder for: what the lines take, within what is of use. */
export function bitrateOf(rung: Rung, lines: number | undefined): number {
  const first = firstBitrate(rung);
  return lines === undefined ? first : Math.round(Math.min(2 * first, Math.max(60_000, lines)));
}

/** An encoder is set anew for another bitrate only if it differs by more than this. */
export function differs(now: number, wanted: number): boolean {
  return Math.abs(now - wanted) > 0.2 * now;
}
