// The wasm decoder as an object. The ABI is documented in bindings/web/decoder/src/exports.rs.

interface Exports {
  memory: WebAssembly.Memory;
  panecast_new(): number;
  panecast_reset(d: number): void;
  panecast_input(d: number): number;
  panecast_input_len(): number;
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

  constructor(module: WebAssembly.Module) {
    this.#wasm = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
    this.#handle = this.#wasm.panecast_new();
    if (this.#handle === 0) throw new DecodeError("trap", "the decoder could not be made");
  }

  /** Feeds a whole message and hands each thing found to `found`, in order. */
  decode(bytes: Uint8Array, found: (decoded: Decoded) => void): void {
    const wasm = this.#wasm;
    const most = wasm.panecast_input_len();
    try {
      for (let at = 0; at < bytes.length; at += most) {
        const piece = bytes.subarray(at, at + most);
        new Uint8Array(wasm.memory.buffer, wasm.panecast_input(this.#handle), piece.length).set(piece);
        if (wasm.panecast_feed(this.#handle, piece.length) < 0) throw this.#error();
        for (;;) {
          const decoded = this.#step();
          if (decoded === undefined) break;
          found(decoded);
        }
      }
    } catch (e) {
      if (e instanceof WebAssembly.RuntimeError)
        throw new DecodeError("trap", `the decoder stopped: ${e.message}`);
      throw e;
    }
  }

  reset(): void {
    this.#wasm.panecast_reset(this.#handle);
  }

  get width(): number {
    return this.#wasm.panecast_width(this.#handle);
  }

  get height(): number {
    return this.#wasm.panecast_height(this.#handle);
  }

  /** The picture as a view of the decoder's own memory, good until the next {@link decode}; undefined before the first. */
  image(): ImageData | undefined {
    const wasm = this.#wasm;
    const { width, height } = this;
    if (width === 0) return undefined;
    const at = wasm.panecast_pixels(this.#handle);
    const had = this.#image;
    // Memory that grew has a new buffer and the old views are empty.
    if (
      had === undefined ||
      had.data.buffer !== wasm.memory.buffer ||
      had.data.byteOffset !== at ||
      had.width !== width ||
      had.height !== height
    ) {
      const bytes = new Uint8ClampedArray(wasm.memory.buffer as ArrayBuffer, at, width * height * 4);
      this.#image = new ImageData(bytes, width, height);
    }
    return this.#image;
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

  #step(): Decoded | undefined {
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
