// The canvas: changed rectangles go from the decoder's memory to the screen once per animation frame.

import { DirtyArea } from "./dirty.ts";
import type { Rect } from "./decoder.ts";

/** An animation frame that is later than this is not waited for: a hidden tab has none, yet the stream goes on. */
const HIDDEN_MS = 200;

export class Painter {
  readonly #canvas: OffscreenCanvas;
  readonly #context: OffscreenCanvasRenderingContext2D;
  readonly #dirty = new DirtyArea();
  #cancelScheduled: (() => void) | undefined;

  constructor(
    canvas: OffscreenCanvas,
    private readonly onFrame: () => void,
  ) {
    const context = canvas.getContext("2d", { alpha: false });
    if (context === null) throw new Error("this browser gives a worker no 2D canvas");
    this.#canvas = canvas;
    this.#context = context;
  }

  get width(): number {
    return this.#canvas.width;
  }

  get height(): number {
    return this.#canvas.height;
  }

  invalidate(rects: Rect[]): void {
    for (const r of rects) this.#dirty.add(r);
  }

  /** Has `onFrame` called at the next animation frame, once. */
  schedule(): void {
    if (this.#cancelScheduled !== undefined) return;
    const frame = requestAnimationFrame(() => run());
    const timer = setTimeout(() => run(), HIDDEN_MS);
    const run = (): void => {
      this.#cancelScheduled?.();
      this.onFrame();
    };
    this.#cancelScheduled = () => {
      cancelAnimationFrame(frame);
      clearTimeout(timer);
      this.#cancelScheduled = undefined;
    };
  }

  /** Paints what is dirty from `image`; returns where that was and whether the canvas got a new size. */
  paint(image: ImageData): { rects: Rect[]; pixels: number; resized: boolean } {
    const resized = image.width !== this.#canvas.width || image.height !== this.#canvas.height;
    if (resized) {
      this.#canvas.width = image.width;
      this.#canvas.height = image.height;
      this.#dirty.add({ x: 0, y: 0, width: image.width, height: image.height });
    }
    let pixels = 0;
    const rects = this.#dirty.take();
    for (const r of rects) {
      this.#context.putImageData(image, 0, 0, r.x, r.y, r.width, r.height);
      pixels += r.width * r.height;
    }
    return { rects, pixels, resized };
  }

  /** Black; for a picture that is no longer ours to show. */
  clear(): void {
    this.#dirty.take();
    this.#context.fillStyle = "#000";
    this.#context.fillRect(0, 0, this.#canvas.width, this.#canvas.height);
  }

  /** The canvas' own pixels. */
  readBack(): ImageData {
    return this.#context.getImageData(0, 0, this.#canvas.width, this.#canvas.height);
  }
}
