// What is to be painted at the next animation frame: few rectangles, never more pixels than the whole picture.

import type { Rect } from "./decoder.ts";

/** Past this many, calls for each cost more than a few pixels too many: the new one joins its cheapest neighbor. */
const MOST_RECTS = 32;

export class DirtyArea {
  #rects: Rect[] = [];

  get empty(): boolean {
    return this.#rects.length === 0;
  }

  add(rect: Rect): void {
    if (rect.width === 0 || rect.height === 0 || this.#rects.some((r) => contains(r, rect))) return;
    this.#rects = this.#rects.filter((r) => !contains(rect, r));
    if (this.#rects.length < MOST_RECTS) {
      this.#rects.push(rect);
      return;
    }
    const growth = this.#rects.map((r) => area(bounds([r, rect])) - area(r));
    const cheapest = growth.indexOf(Math.min(...growth));
    const [joined] = this.#rects.splice(cheapest, 1);
    if (joined !== undefined) this.add(bounds([joined, rect]));
  }

  /** The rectangles to paint; none are left. Bounds where that paints hardly more than the parts. */
  take(): Rect[] {
    const rects = this.#rects;
    this.#rects = [];
    if (rects.length < 2) return rects;
    const all = bounds(rects);
    const parts = rects.reduce((sum, r) => sum + area(r), 0);
    return area(all) <= parts * 1.1 ? [all] : rects;
  }
}

function area(rect: Rect): number {
  return rect.width * rect.height;
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
