// What is to be painted at the next animation frame: few rectangles, never more pixels than the whole picture.

import type { Rect } from "./decoder.ts";

/** Past this many, one call for their bounds is cheaper than a call for each. */
const MOST_RECTS = 12;

export class DirtyArea {
  #rects: Rect[] = [];

  get empty(): boolean {
    return this.#rects.length === 0;
  }

  add(rect: Rect): void {
    if (rect.width === 0 || rect.height === 0 || this.#rects.some((r) => contains(r, rect))) return;
    this.#rects = this.#rects.filter((r) => !contains(rect, r));
    this.#rects.push(rect);
    if (this.#rects.length > MOST_RECTS) this.#rects = [bounds(this.#rects)];
  }

  /** The rectangles to paint; none are left. Bounds where that paints hardly more than the parts. */
  take(): Rect[] {
    const rects = this.#rects;
    this.#rects = [];
    if (rects.length < 2) return rects;
    const all = bounds(rects);
    const parts = rects.reduce((sum, r) => sum + r.width * r.height, 0);
    return all.width * all.height <= parts * 1.5 ? [all] : rects;
  }
}

function contains(outer: Rect, inner: Rect): boolean {
  return (
    outer.x <= inner.x &&
    outer.y <= inner.y &&
    outer.x + outer.width >= inner.x + inner.width &&
    outer.y + outer.height >= inner.y + inner.height
  );
}

function bounds(rects: Rect[]): Rect {
  const x = Math.min(...rects.map((r) => r.x));
  const y = Math.min(...rects.map((r) => r.y));
  const right = Math.max(...rects.map((r) => r.x + r.width));
  const bottom = Math.max(...rects.map((r) => r.y + r.height));
  return { x, y, width: right - x, height: bottom - y };
}
