// The canvas above the picture: hatching over the pixels that are not exact, while a person asks for it.

import type { Rect } from "./decoder.ts";

export class Marks {
  readonly #canvas: OffscreenCanvas;
  readonly #context: OffscreenCanvasRenderingContext2D;
  #shown = false;

  constructor(canvas: OffscreenCanvas) {
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("this browser gives a worker no 2D canvas");
    this.#canvas = canvas;
    this.#context = context;
  }

  get shown(): boolean {
    return this.#shown;
  }

  show(on: boolean): void {
    this.#shown = on;
    if (!on) this.clear();
  }

  /** Paints `image`: where the picture changed, or all of it. */
  paint(image: ImageData, rects: readonly Rect[] | "all"): void {
    const resized = image.width !== this.#canvas.width || image.height !== this.#canvas.height;
    if (resized) {
      this.#canvas.width = image.width;
      this.#canvas.height = image.height;
    }
    if (resized || rects === "all") this.#context.putImageData(image, 0, 0);
    else for (const r of rects) this.#context.putImageData(image, 0, 0, r.x, r.y, r.width, r.height);
  }

  clear(): void {
    this.#context.clearRect(0, 0, this.#canvas.width, this.#canvas.height);
  }
}
