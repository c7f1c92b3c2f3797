// The wasm decoder as an object. The ABI is documented in bindings/web/decoder/src/exports.rs.

import { CODECS, type PlaneRequest } from "./av1/planes.ts";
import { Seat, type SeatExports } from "./seat.ts";

interface Exports extends SeatExports {
  panecast_take(d: number): number;
  panecast_new(): number;
  panecast_reset(d: number): void;
  panecast_restart(d: number): void;
  panecast_feed(d: number, len: number): number;
  panecast_step(d: number): number;
  panecast_sequence(d: number): bigint;
  panecast_timestamp_us(d: number): bigint;
  panecast_error_kind(d: number): number;
  panecast_error_kind_len(d: number): number;
  panecast_error_message(d: number): number;
  panecast_error_message_len(d: number): number;
  panecast_width(d: number): number;
  panecast_height(d: number): number;
  panecast_pixels(d: number): number;
  panecast_dirty_len(d: number): number;
  panecast_dirty(d: number, index: number, side: number): number;
  panecast_av1_surface(d: number): number;
  panecast_av1_codec(d: number): number;
  panecast_film_colour(d: number): number;
  panecast_av1_keyframe(d: number): number;
  panecast_av1_full_chroma(d: number): number;
  panecast_av1_width(d: number): number;
  panecast_av1_height(d: number): number;
  panecast_av1_data(d: number): number;
  panecast_av1_data_len(d: number): number;
  panecast_av1_alive(d: number, index: number): bigint;
  panecast_planes(d: number): number;
  panecast_planes_len(d: number): number;
  panecast_supply(d: number): number;
  panecast_lossy_px(d: number): bigint;
  panecast_marks(d: number): number;
  panecast_cursor_visible(d: number): number;
  panecast_cursor_x(d: number): number;
  panecast_cursor_y(d: number): number;
  panecast_cursor_version(d: number): number;
  panecast_cursor_width(d: number): number;
  panecast_cursor_height(d: number): number;
  panecast_cursor_hotspot_x(d: number): number;
  panecast_cursor_hotspot_y(d: number): number;
  panecast_cursor_pixels(d: number): number;
}

export interface Rect {
  x: number;
  y: number;
  width: number;
  height: number;
}

export type Decoded =
  | { kind: "header" }
  | { kind: "picture"; sequence: number; timestampUs: number; dirty: Rect[] }
  | { kind: "epoch"; sequence: number }
  | { kind: "cursor" }
  | { kind: "end" };

/** What the decoder refused, by the library's own kinds; `trap` when the module itself broke. */
export class DecodeError extends Error {
  constructor(
    readonly kind: string,
    message: string,
  ) {
    super(message);
  }
}

/** Decodes one stream; made anew by its owner after a `trap`. */
export class Decoder {
  readonly #wasm: Exports;
  readonly #handle: number;
  #image: ImageData | undefined;
  #marks: ImageData | undefined;
  /** What of a message is not fed yet. */
  #rest: Uint8Array = new Uint8Array(0);

  constructor(module: WebAssembly.Module) {
    this.#wasm = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
    this.#handle = this.#wasm.panecast_new();
    if (this.#handle === 0) throw new DecodeError("trap", "the decoder could not be made");
  }

  /**
   * Feeds a whole message and hands each thing found to `found`, in order. Where a packet needs planes it stops and
   * says which: {@link supply} goes on.
   */
  decode(bytes: Uint8Array, found: (decoded: Decoded) => void): PlaneRequest | undefined {
    this.#rest = bytes;
    return this.#guarded(() => this.#run(found));
  }

  /** As {@link decode}, with the oldest packet that waits at the seat; gives its bytes' number, 0 if there is none. */
  next(found: (decoded: Decoded) => void): { bytes: number; request: PlaneRequest | undefined } {
    this.#rest = new Uint8Array(0);
    return this.#guarded(() => {
      const bytes = this.#wasm.panecast_take(this.#handle);
      if (bytes < 0) throw this.#error();
      return { bytes, request: bytes === 0 ? undefined : this.#run(found) };
    });
  }

  /** Goes on with the planes that were asked for. */
  supply(planes: Uint8Array, found: (decoded: Decoded) => void): PlaneRequest | undefined {
    return this.#guarded(() => {
      const wasm = this.#wasm;
      const at = wasm.panecast_planes(this.#handle);
      if (at === 0 || planes.length !== wasm.panecast_planes_len(this.#handle)) throw this.#error();
      new Uint8Array(wasm.memory.buffer, at, planes.length).set(planes);
      if (wasm.panecast_supply(this.#handle) < 0) throw this.#error();
      return this.#run(found);
    });
  }

  reset(): void {
    this.#rest = new Uint8Array(0);
    this.#wasm.panecast_reset(this.#handle);
  }

  /** Expects a stream to begin anew, perhaps from the picture that is held. */
  restart(): void {
    this.#rest = new Uint8Array(0);
    this.#wasm.panecast_restart(this.#handle);
  }

  /** A seat in a session, whose packets {@link next} takes. */
  seat(now: () => number): Seat {
    return new Seat(this.#wasm, this.#handle, now);
  }

  /** The AV1 surfaces that the stream goes on with. */
  surfaces(): Set<number> {
    const alive = new Set<number>();
    for (;;) {
      const surface = Number(this.#wasm.panecast_av1_alive(this.#handle, alive.size));
      if (surface < 0) return alive;
      alive.add(surface);
    }
  }

  /** Pixels of the picture that are not exactly the source's. */
  get lossyPixels(): number {
    return Number(this.#wasm.panecast_lossy_px(this.#handle));
  }

  get width(): number {
    return this.#wasm.panecast_width(this.#handle);
  }

  get height(): number {
    return this.#wasm.panecast_height(this.#handle);
  }

  /** The picture as a view of the decoder's own memory, good until the next {@link decode}; undefined before the first. */
  image(): ImageData | undefined {
    return (this.#image = this.#view(this.#image, () => this.#wasm.panecast_pixels(this.#handle)));
  }

  /** What covers the pixels that are not exact, brought up to date; a view like {@link image}. */
  marks(): ImageData | undefined {
    return (this.#marks = this.#view(this.#marks, () => this.#wasm.panecast_marks(this.#handle)));
  }

  #view(had: ImageData | undefined, address: () => number): ImageData | undefined {
    const { width, height } = this;
    if (width === 0) return undefined;
    const at = address();
    if (at === 0) return undefined;
    const { buffer } = this.#wasm.memory;
    // Memory that grew has a new buffer and the old views are empty.
    if (
      had !== undefined &&
      had.data.buffer === buffer &&
      had.data.byteOffset === at &&
      had.width === width &&
      had.height === height
    ) {
      return had;
    }
    const bytes = new Uint8ClampedArray(buffer as ArrayBuffer, at, width * height * 4);
    return new ImageData(bytes, width, height);
  }

  /** Where the cursor's hotspot is; undefined where it is hidden. */
  cursorPosition(): { x: number; y: number } | undefined {
    const wasm = this.#wasm;
    if (wasm.panecast_cursor_visible(this.#handle) === 0) return undefined;
    return { x: wasm.panecast_cursor_x(this.#handle), y: wasm.panecast_cursor_y(this.#handle) };
  }

  get cursorVersion(): number {
    return this.#wasm.panecast_cursor_version(this.#handle);
  }

  /** A copy of the cursor's picture. */
  cursorShape(): {
    width: number;
    height: number;
    hotspotX: number;
    hotspotY: number;
    pixels: Uint8ClampedArray<ArrayBuffer>;
  } {
    const wasm = this.#wasm;
    const d = this.#handle;
    const [width, height] = [wasm.panecast_cursor_width(d), wasm.panecast_cursor_height(d)];
    const bytes = new Uint8ClampedArray(
      wasm.memory.buffer as ArrayBuffer,
      wasm.panecast_cursor_pixels(d),
      width * height * 4,
    );
    return {
      width,
      height,
      hotspotX: wasm.panecast_cursor_hotspot_x(d),
      hotspotY: wasm.panecast_cursor_hotspot_y(d),
      pixels: bytes.slice(),
    };
  }

  #guarded<T>(work: () => T): T {
    try {
      return work();
    } catch (e) {
      if (e instanceof WebAssembly.RuntimeError)
        throw new DecodeError("trap", `the decoder stopped: ${e.message}`);
      throw e;
    }
  }

  #run(found: (decoded: Decoded) => void): PlaneRequest | undefined {
    const wasm = this.#wasm;
    for (;;) {
      for (;;) {
        const decoded = this.#step();
        if (decoded === undefined) break;
        if (decoded.kind === "planes") return decoded.request;
        found(decoded);
      }
      if (this.#rest.length === 0) return undefined;
      const piece = this.#rest.subarray(0, wasm.panecast_input_len());
      this.#rest = this.#rest.subarray(piece.length);
      new Uint8Array(wasm.memory.buffer, wasm.panecast_input(this.#handle), piece.length).set(piece);
      if (wasm.panecast_feed(this.#handle, piece.length) < 0) throw this.#error();
    }
  }

  #request(): PlaneRequest {
    const wasm = this.#wasm;
    const d = this.#handle;
    const at = wasm.panecast_av1_data(d);
    const colour = wasm.panecast_film_colour(d);
    const request = {
      film:
        colour < 0
          ? undefined
          : {
              codec: CODECS[wasm.panecast_av1_codec(d) - 1] ?? "av1",
              colour: { bt709: (colour & 1) !== 0, fullRange: (colour & 2) !== 0 },
            },
      surface: wasm.panecast_av1_surface(d),
      keyframe: wasm.panecast_av1_keyframe(d) !== 0,
      width: wasm.panecast_av1_width(d),
      height: wasm.panecast_av1_height(d),
      fullChroma: wasm.panecast_av1_full_chroma(d) !== 0,
      data: new Uint8Array(wasm.memory.buffer as ArrayBuffer, at, wasm.panecast_av1_data_len(d)).slice(),
    };
    if (request.width === 0) throw new DecodeError("trap", "the decoder asks for planes of nothing");
    return request;
  }

  #step(): Decoded | { kind: "planes"; request: PlaneRequest } | undefined {
    const wasm = this.#wasm;
    const d = this.#handle;
    switch (wasm.panecast_step(d)) {
      case 0:
        return undefined;
      case 1:
        return { kind: "header" };
      case 2: {
        const dirty: Rect[] = [];
        for (let i = 0; i < wasm.panecast_dirty_len(d); i++) {
          dirty.push({
            x: wasm.panecast_dirty(d, i, 0),
            y: wasm.panecast_dirty(d, i, 1),
            width: wasm.panecast_dirty(d, i, 2),
            height: wasm.panecast_dirty(d, i, 3),
          });
        }
        const sequence = Number(wasm.panecast_sequence(d));
        return { kind: "picture", sequence, timestampUs: Number(wasm.panecast_timestamp_us(d)), dirty };
      }
      case 3:
        return { kind: "epoch", sequence: Number(wasm.panecast_sequence(d)) };
      case 4:
        return { kind: "cursor" };
      case 5:
        return { kind: "end" };
      case 6:
        return { kind: "planes", request: this.#request() };
      default:
        throw this.#error();
    }
  }

  #error(): DecodeError {
    const wasm = this.#wasm;
    const d = this.#handle;
    const kind = this.#text(wasm.panecast_error_kind(d), wasm.panecast_error_kind_len(d));
    return new DecodeError(
      kind,
      this.#text(wasm.panecast_error_message(d), wasm.panecast_error_message_len(d)),
    );
  }

  #text(at: number, len: number): string {
    return new TextDecoder().decode(new Uint8Array(this.#wasm.memory.buffer, at, len).slice());
  }
}
