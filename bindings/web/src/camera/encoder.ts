// The browser's own encoder for a camera: which codecs it has, and one at a time at work.

import type { Codec, Colour } from "../worker/av1/planes.ts";
import { bitrateOf, Climber, differs, ladder, type Rung } from "./ladder.ts";

/** A picture as it goes to the sharing end. */
export interface Unit {
  codec: Codec;
  width: number;
  height: number;
  colour: Colour;
  keyframe: boolean;
  timestampUs: number;
  data: Uint8Array;
}

/** How the next picture is wanted. */
export interface Wants {
  keyframe: boolean;
  /** What the lines take, in bits a second. */
  bitrate: number | undefined;
}

export interface EncoderEvents {
  unit(unit: Unit): void;
  /** What was wanted does not come. */
  lost(): void;
  /** Nothing here encodes. */
  failed(message: string): void;
}

const NAMES: Record<Codec, (rung: Rung) => string> = {
  av1: () => "av01.0.05M.08",
  // Baseline, which every decoder has; level 4.0 for 720p.
  h264: () => "avc1.42e028",
  vp9: () => "vp09.00.31.08",
  vp8: () => "vp8",
};

export function configOf(rung: Rung, bitrate: number): VideoEncoderConfig {
  return {
    codec: NAMES[rung.codec](rung),
    width: rung.width,
    height: rung.height,
    bitrate,
    framerate: 24,
    latencyMode: "realtime",
    // A viewer that comes late, or lost its place, needs parameter sets in the stream.
    ...(rung.codec === "h264" && { avc: { format: "annexb" as const } }),
  };
}

/** The codecs of this list that the browser says it encodes. */
export async function supported(
  codecs: readonly Codec[],
  size: { width: number; height: number },
): Promise<Set<Codec>> {
  const found = new Set<Codec>();
  for (const codec of codecs) {
    const rung = { codec, ...size };
    try {
      const answer = await VideoEncoder.isConfigSupported(configOf(rung, bitrateOf(rung, undefined)));
      if (answer.supported === true) found.add(codec);
    } catch {
      // A browser that does not know the name has no encoder for it.
    }
  }
  return found;
}

/** Encodes the pictures of one camera. */
export class CameraEncoder {
  readonly #codecs: ReadonlySet<Codec>;
  #climber: Climber | undefined;
  #turn: { width: number; height: number } | undefined;
  #encoder: VideoEncoder | undefined;
  #set: { rung: Rung; bitrate: number; at: number } | undefined;
  #colour: Colour = { bt709: false, fullRange: false };
  #canvas: OffscreenCanvas | undefined;
  #keyframe = true;

  constructor(
    codecs: ReadonlySet<Codec>,
    private readonly events: EncoderEvents,
    private readonly now: () => number,
  ) {
    this.#codecs = codecs;
  }

  /** How it encodes now. */
  get rung(): Rung | undefined {
    return this.#set?.rung;
  }

  /** Takes a picture and closes it. `wants` says whether it is wanted at all: it is asked once there is room for it. */
  frame(frame: VideoFrame, wants: () => Wants | undefined): void {
    try {
      this.#take(frame, wants);
    } finally {
      frame.close();
    }
  }

  #take(frame: VideoFrame, wants: () => Wants | undefined): void {
    const size = upright(frame);
    if (this.#climber === undefined || this.#turn?.width !== size.width || this.#turn.height !== size.height) {
      // A phone that was turned starts over with what it can do.
      this.#turn = size;
      const rungs = ladder(this.#codecs, size.width, size.height);
      if (rungs.length === 0) {
        this.events.failed("this browser encodes no video; try Chrome, Edge or Safari");
        return;
      }
      this.#climber = new Climber(rungs);
    }
    const verdict = this.#climber.frame(this.#encoder?.encodeQueueSize ?? 0, this.now());
    if (verdict === "step") this.#drop();
    if (verdict !== "encode") return;
    const wanted = wants();
    if (wanted === undefined) return;
    const rung = this.#climber.rung;
    if (!this.#setUp(rung, bitrateOf(rung, wanted.bitrate))) return;
    const keyFrame = this.#keyframe || wanted.keyframe;
    this.#keyframe = false;
    const picture = this.#upright(frame, rung);
    try {
      this.#encoder?.encode(picture ?? frame, { keyFrame });
    } catch (e) {
      this.#broken(String(e));
    } finally {
      picture?.close();
    }
  }

  /** The camera stops: whatever is in the encoder is dropped. */
  stop(): void {
    this.#drop();
    this.#climber = undefined;
  }

  #drop(): void {
    const encoder = this.#encoder;
    this.#encoder = undefined;
    this.#set = undefined;
    this.#keyframe = true;
    if (encoder !== undefined && encoder.state !== "closed") {
      encoder.close();
      this.events.lost();
    }
  }

  #broken(why: string): void {
    this.#drop();
    this.events.lost();
    if (this.#climber?.fall() !== true) this.events.failed(`the camera cannot be encoded here (${why})`);
  }

  #setUp(rung: Rung, bitrate: number): boolean {
    const now = this.now();
    const had = this.#set;
    if (this.#encoder !== undefined && had?.rung === rung) {
      // Not at every breath of the line.
      if (now - had.at < 1000 || !differs(had.bitrate, bitrate)) return true;
    } else {
      this.#drop();
      const encoder: VideoEncoder = new VideoEncoder({
        output: (chunk, metadata) => {
          if (encoder === this.#encoder) this.#output(chunk, metadata, rung);
        },
        error: (e) => {
          if (encoder === this.#encoder) this.#broken(e.message);
        },
      });
      this.#encoder = encoder;
    }
    this.#set = { rung, bitrate, at: now };
    try {
      this.#encoder.configure(configOf(rung, bitrate));
    } catch (e) {
      this.#broken(String(e));
      return false;
    }
    return true;
  }

  #output(chunk: EncodedVideoChunk, metadata: EncodedVideoChunkMetadata | undefined, rung: Rung): void {
    const space = metadata?.decoderConfig?.colorSpace;
    const keyframe = chunk.type === "key";
    // What a keyframe says is so until the next one.
    if (keyframe && space) this.#colour = { bt709: space.matrix === "bt709", fullRange: space.fullRange === true };
    const data = new Uint8Array(chunk.byteLength);
    chunk.copyTo(data);
    const { codec, width, height } = rung;
    this.events.unit({ codec, width, height, colour: this.#colour, keyframe, timestampUs: chunk.timestamp, data });
  }

  /** The picture as it is seen and as large as it is sent; undefined where it is so already. */
  #upright(frame: VideoFrame, rung: Rung): VideoFrame | undefined {
    const turned = rotationOf(frame);
    const { width, height } = frame.visibleRect ?? { width: frame.codedWidth, height: frame.codedHeight };
    if (turned === 0 && width === rung.width && height === rung.height) return undefined;
    if (this.#canvas?.width !== rung.width || this.#canvas.height !== rung.height) {
      this.#canvas = new OffscreenCanvas(rung.width, rung.height);
    }
    const context = this.#canvas.getContext("2d", { alpha: false });
    // Drawing turns it as its rotation says.
    context?.drawImage(frame, 0, 0, rung.width, rung.height);
    return new VideoFrame(this.#canvas, { timestamp: frame.timestamp });
  }
}

/** Quarter turns that the picture needs to stand upright. Newer browsers say so. */
function rotationOf(frame: VideoFrame): number {
  return (frame as VideoFrame & { rotation?: number }).rotation ?? 0;
}

/** The size in which a picture is seen. */
function upright(frame: VideoFrame): { width: number; height: number } {
  return { width: frame.displayWidth, height: frame.displayHeight };
}
