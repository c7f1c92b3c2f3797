// The browser's own decoders, one VideoDecoder for each surface. Each unit must give its picture at once: nothing
// is ever flushed, because the unit after a flush would have to be a keyframe.

import { planesOfPixels } from "./pixels.ts";
import {
  Av1Error,
  CODEC_NAMES,
  layoutOf,
  MOST_SURFACES,
  STILLS,
  type PlaneRequest,
  type PlaneSource,
} from "./planes.ts";

/** A decoder that takes longer holds the picture back. */
const ANSWER_MS = 5_000;

/** What a unit waits for. */
interface Waiting {
  timestamp: number;
  resolve(frame: VideoFrame): void;
  reject(error: Av1Error): void;
}

/** A decoder with what it was set up for. */
interface Surface {
  decoder: VideoDecoder;
  key: string;
  waiting: Waiting | undefined;
}

export class BrowserAv1 implements PlaneSource {
  readonly #surfaces = new Map<number, Surface>();
  #planes = new Uint8Array(0);
  /** Names each unit, so that a picture of another one is noticed. */
  #timestamp = 0;

  constructor(private readonly answerMs = ANSWER_MS) {}

  static get present(): boolean {
    return typeof VideoDecoder !== "undefined" && typeof EncodedVideoChunk !== "undefined";
  }

  async decode(request: PlaneRequest): Promise<Uint8Array> {
    const frame = await this.#frame(request);
    try {
      return await this.#copy(request, frame);
    } finally {
      frame.close();
    }
  }

  keep(alive: ReadonlySet<number>): void {
    for (const [id, surface] of this.#surfaces) {
      if (id !== STILLS && !alive.has(id)) this.#drop(id, surface);
    }
  }

  reset(): void {
    for (const [id, surface] of this.#surfaces) this.#drop(id, surface);
  }

  #frame(request: PlaneRequest): Promise<VideoFrame> {
    return new Promise((resolve, reject) => {
      const surface = this.#surface(request);
      const timestamp = (this.#timestamp += 1);
      const timer = setTimeout(() => {
        surface.waiting = undefined;
        reject(new Av1Error("unusable", "this browser's AV1 decoder holds pictures back"));
      }, this.answerMs);
      surface.waiting = {
        timestamp,
        resolve: (frame) => {
          clearTimeout(timer);
          resolve(frame);
        },
        reject: (error) => {
          clearTimeout(timer);
          reject(error);
        },
      };
      try {
        const type = request.keyframe ? "key" : "delta";
        surface.decoder.decode(new EncodedVideoChunk({ type, timestamp, data: request.data }));
      } catch (e) {
        this.#drop(request.surface, surface, stopped(String(e)));
      }
    });
  }

  /** The surface's decoder, set up for this unit. */
  #surface(request: PlaneRequest): Surface {
    const { width, height, fullChroma, keyframe } = request;
    const codec = codecOf(request);
    // The name of H.264's codec is in its keyframes.
    const key = `${width} ${height} ${fullChroma} ${request.film?.codec ?? "av1"}`;
    const had = this.#surfaces.get(request.surface);
    if (had !== undefined && had.decoder.state === "configured" && had.key === key) return had;
    if (!keyframe) throw new Av1Error("broken", `surface ${request.surface} does not begin with a keyframe`);
    if (had !== undefined) this.#drop(request.surface, had);
    if (this.#surfaces.size >= MOST_SURFACES) throw new Av1Error("broken", "the stream has too many surfaces");
    const decoder = new VideoDecoder({
      output: (frame) => {
        const { waiting } = surface;
        surface.waiting = undefined;
        if (waiting?.timestamp === frame.timestamp) {
          waiting.resolve(frame);
          return;
        }
        frame.close();
        waiting?.reject(new Av1Error("unusable", "this browser's AV1 decoder gives pictures out of order"));
      },
      error: (e) => this.#drop(request.surface, surface, stopped(e.message)),
    });
    const surface: Surface = { decoder, key, waiting: undefined };
    this.#surfaces.set(request.surface, surface);
    try {
      decoder.configure({
        codec,
        codedWidth: width,
        codedHeight: height,
        optimizeForLatency: true,
        // Small pictures that are read back at once: a graphics card would only be in the way.
        hardwareAcceleration: request.film === undefined ? "prefer-software" : "no-preference",
      });
    } catch (e) {
      this.#drop(request.surface, surface);
      const name = CODEC_NAMES[request.film?.codec ?? "av1"];
      throw new Av1Error("unusable", `this browser has no such ${name} decoder (${String(e)})`);
    }
    return surface;
  }

  #drop(id: number, surface: Surface, why = new Av1Error("broken", "the stream moved on")): void {
    if (this.#surfaces.get(id) === surface) this.#surfaces.delete(id);
    if (surface.decoder.state !== "closed") surface.decoder.close();
    surface.waiting?.reject(why);
    surface.waiting = undefined;
  }

  async #copy(request: PlaneRequest, frame: VideoFrame): Promise<Uint8Array> {
    const { width, height, fullChroma } = request;
    const visible = frame.visibleRect;
    if (visible === null || visible.width !== width || visible.height !== height) {
      throw new Av1Error("broken", `a picture of ${visible?.width} × ${visible?.height} pixels`);
    }
    const { planes, bytes } = layoutOf(request);
    if (this.#planes.length !== bytes) this.#planes = new Uint8Array(bytes);
    const rect = { x: visible.x, y: visible.y, width, height };
    if (frame.format === (fullChroma ? "I444" : "I420")) {
      await copied(frame, this.#planes, { rect, layout: planes });
    } else if (frame.format === "NV12" && !fullChroma) {
      const [luma, chroma] = [planes[0]!, planes[1]!];
      const pairs = new Uint8Array(2 * chroma.stride * chroma.rows);
      const both = new Uint8Array(luma.rows * luma.stride + pairs.length);
      const layout = [luma, { offset: luma.rows * luma.stride, stride: 2 * chroma.stride }];
      await copied(frame, both, { rect, layout });
      this.#planes.set(both.subarray(0, chroma.offset));
      pairs.set(both.subarray(chroma.offset));
      splitPairs(pairs, this.#planes.subarray(chroma.offset));
    } else if (request.film !== undefined && request.film.codec !== "av1" && frame.format !== null) {
      // Nothing of a film is exact: what the browser has made of it will do.
      const pixels = new Uint8Array(4 * width * height);
      await copied(frame, pixels, { rect, layout: [{ offset: 0, stride: 4 * width }] });
      if (!planesOfPixels(pixels, frame.format, request, this.#planes)) {
        throw new Av1Error("absent", `this browser gives pictures as ${frame.format}`);
      }
    } else {
      // A picture that was converted to red, green and blue is not the decoder's own any more.
      throw new Av1Error("unusable", `this browser gives AV1 pictures as ${frame.format ?? "unknown"}`);
    }
    return this.#planes;
  }
}

function stopped(why: string): Av1Error {
  return new Av1Error("unusable", `this browser's AV1 decoder stopped: ${why}`);
}

async function copied(frame: VideoFrame, into: Uint8Array, options: VideoFrameCopyToOptions): Promise<void> {
  try {
    await frame.copyTo(into, options);
  } catch (e) {
    throw new Av1Error("unusable", `this browser does not give its AV1 pictures out (${String(e)})`);
  }
}

/** U and V in turns, as two planes one after the other. */
export function splitPairs(pairs: Uint8Array, planes: Uint8Array): void {
  const half = pairs.length / 2;
  for (let i = 0; i < half; i++) {
    planes[i] = pairs[2 * i]!;
    planes[half + i] = pairs[2 * i + 1]!;
  }
}

/** Level numbers as AV1 has them, with the pixels and the longer side that each allows. */
const LEVELS: readonly [level: number, pixels: number, side: number][] = [
  [0, 147_456, 2048],
  [4, 665_856, 4352],
  [8, 2_359_296, 6144],
  [12, 8_912_896, 8192],
  [16, 35_651_584, 16_384],
];

/** In full length: Firefox takes 4:4:4 in no other form. */
export function codecOf(
  request: Pick<PlaneRequest, "width" | "height" | "fullChroma"> & Partial<Pick<PlaneRequest, "film" | "data">>,
): string {
  const { width, height, fullChroma, film, data } = request;
  if (film?.codec === "vp8") return "vp8";
  if (film?.codec === "vp9") return "vp09.00.41.08";
  if (film?.codec === "h264") return avcName(data ?? new Uint8Array(0)) ?? "avc1.42e02a";
  const fits = LEVELS.find(
    ([, pixels, side]) => width * height <= pixels && Math.max(width, height) <= side,
  );
  const level = String(fits?.[0] ?? 31).padStart(2, "0");
  // BT.601, in full range where colour has full resolution.
  return fullChroma ? `av01.1.${level}M.08.0.000.06.06.06.1` : `av01.0.${level}M.08.0.110.06.06.06.0`;
}

/** The codec's name from the parameter set in a keyframe of H.264; undefined where there is none. */
export function avcName(unit: Uint8Array): string | undefined {
  for (let i = 0; i + 6 < unit.length; i++) {
    if (unit[i] !== 0 || unit[i + 1] !== 0 || unit[i + 2] !== 1 || (unit[i + 3]! & 31) !== 7) continue;
    return `avc1.${[...unit.subarray(i + 4, i + 7)].map((v) => v.toString(16).padStart(2, "0")).join("")}`;
  }
  return undefined;
}
