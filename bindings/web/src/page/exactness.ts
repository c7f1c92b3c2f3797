// How much of the picture is exactly the source's, in words, and the button that marks the rest.

import type { Stats } from "../messages.ts";
import { byId } from "./elements.ts";

/** What is told of a picture of `pixels`: `before` is how many were not exact when last told. */
export function exactnessText(lossyPixels: number, pixels: number, before: number): string {
  if (pixels === 0) return "";
  if (lossyPixels === 0) return "Exact";
  // Never 100 %: the last pixels count.
  const share = Math.min(99, Math.floor((1 - lossyPixels / pixels) * 100));
  return lossyPixels < before ? `${share} % exact, refining` : `${share} % exact`;
}

export class ExactnessView {
  readonly #label = byId("exactness", HTMLElement);
  readonly #button = byId("mark", HTMLButtonElement);
  readonly #canvas = byId("marks", HTMLCanvasElement);
  #before = 0;
  #on = false;

  constructor(private readonly changed: (on: boolean) => void) {}

  toggle(on = !this.#on): void {
    if (on === this.#on) return;
    this.#on = on;
    this.#button.setAttribute("aria-pressed", String(on));
    this.#canvas.hidden = !on;
    this.changed(on);
  }

  update(stats: Stats, pixels: number): void {
    const text = exactnessText(stats.lossyPixels, pixels, this.#before);
    this.#before = stats.lossyPixels;
    this.#label.textContent = text;
    this.#label.dataset["exact"] = String(stats.lossyPixels === 0);
    this.#label.hidden = text === "";
  }
}
