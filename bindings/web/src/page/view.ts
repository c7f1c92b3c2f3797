// The picture on the stage: fit, zoom, scroll, drag, and the cursor's layer above it.

import type { CursorShape } from "../messages.ts";
import {
  anchoredScroll,
  clampZoom,
  fitZoom,
  isPixelated,
  place,
  stepZoom,
  visiblePart,
  wholeLength,
  type Box,
  type Size,
} from "./zoom.ts";

/** A cursor is not drawn smaller than this share of its own size: it must still be found in a picture that was shrunk. */
const LEAST_CURSOR_ZOOM = 0.75;

const WHEEL_ZOOM = 0.0022;

/** Between two words about where the person looks. */
const LOOK_MS = 250;

export type Mode = "fit" | number;

export class View {
  #source: Size = { width: 0, height: 0 };
  #mode: Mode = "fit";
  #zoom = 1;
  #box: Box = { left: 0, top: 0, width: 1, height: 1 };
  #cursor: { x: number; y: number } | undefined;
  #lookTimer: ReturnType<typeof setTimeout> | undefined;
  #lookedAt: string | undefined;
  #hotspot = { x: 0, y: 0, width: 0, height: 0 };

  constructor(
    private readonly stage: HTMLElement,
    private readonly sheet: HTMLElement,
    /** The picture and what lies over it, all of the same size. */
    private readonly canvases: readonly HTMLCanvasElement[],
    private readonly cursorCanvas: HTMLCanvasElement,
    private readonly changed: (mode: Mode, zoom: number) => void,
    /** What of the picture can be seen; undefined: all of it. Told at most a few times a second. */
    private readonly looked: (rect: Box | undefined) => void,
  ) {
    stage.addEventListener("scroll", () => this.#look(), { passive: true });
    new ResizeObserver(() => this.layout()).observe(stage);
    this.#watchScaleFactor();
    stage.addEventListener("wheel", (e) => this.#wheel(e), { passive: false });
    this.#dragToScroll();
  }

  get zoom(): number {
    return this.#zoom;
  }

  get mode(): Mode {
    return this.#mode;
  }

  setSource(width: number, height: number): void {
    this.#source = { width, height };
    this.#lookedAt = undefined;
    this.layout();
  }

  fit(): void {
    this.#mode = "fit";
    this.layout();
  }

  /** Zooms to `zoom`; the point at `anchor` (CSS pixels from the stage's corner) stays, the stage's middle by default. */
  zoomTo(zoom: number, anchor = { x: this.stage.clientWidth / 2, y: this.stage.clientHeight / 2 }): void {
    this.#mode = clampZoom(zoom);
    const before = this.#box;
    const scroll = { left: this.stage.scrollLeft, top: this.stage.scrollTop };
    this.layout();
    const to = anchoredScroll(before, this.#box, scroll, anchor);
    this.stage.scrollTo({ ...to, behavior: "instant" });
  }

  step(direction: "in" | "out"): void {
    this.zoomTo(stepZoom(this.#zoom, direction));
  }

  layout(): void {
    if (this.#source.width === 0) return;
    const ratio = devicePixelRatio;
    this.stage.classList.toggle("fit", this.#mode === "fit");
    const room = {
      width: Math.floor(this.stage.clientWidth * ratio),
      height: Math.floor(this.stage.clientHeight * ratio),
    };
    const margin =
      Math.round(parseFloat(getComputedStyle(this.stage).getPropertyValue("--margin")) * ratio) || 0;
    this.#zoom = this.#mode === "fit" ? fitZoom(this.#source, room, margin) : this.#mode;
    const box = place(this.#source, room, this.#zoom);
    // Offsets are counted from the window's corner, where the stage need not begin on a whole pixel.
    const corner = this.stage.getBoundingClientRect();
    const whole = (offset: number, edge: number): number => wholeLength(offset / ratio + edge, ratio) - edge;
    this.#box = {
      left: Math.max(0, whole(box.left, corner.left)),
      top: Math.max(0, whole(box.top, corner.top)),
      width: box.width / ratio,
      height: box.height / ratio,
    };
    const { style } = this.sheet;
    style.left = `${this.#box.left}px`;
    style.top = `${this.#box.top}px`;
    style.width = `${this.#box.width}px`;
    style.height = `${this.#box.height}px`;
    // The canvas is laid out in its own whole pixels and scaled by the compositor: a CSS size of 208.5 px would be
    // rounded by some browsers, and with it every pixel.
    for (const { style } of this.canvases) {
      style.width = `${this.#source.width}px`;
      style.height = `${this.#source.height}px`;
      style.transform = `scale(${box.width / this.#source.width / ratio}, ${box.height / this.#source.height / ratio})`;
    }
    this.sheet.classList.toggle("pixelated", isPixelated(this.#zoom));
    this.stage.classList.toggle("pannable", box.width > room.width || box.height > room.height);
    this.#placeCursor();
    this.#look();
    this.changed(this.#mode, this.#zoom);
  }

  #look(): void {
    this.#lookTimer ??= setTimeout(() => {
      this.#lookTimer = undefined;
      const scale = this.#zoom / devicePixelRatio;
      const { scrollLeft, scrollTop, clientWidth, clientHeight } = this.stage;
      const rect = visiblePart(this.#source, this.#box, scale, {
        left: scrollLeft,
        top: scrollTop,
        width: clientWidth,
        height: clientHeight,
      });
      const words = JSON.stringify(rect);
      if (words === this.#lookedAt) return;
      this.#lookedAt = words;
      this.looked(rect);
    }, LOOK_MS);
  }

  setCursor(position: { x: number; y: number } | undefined, shape: CursorShape | undefined): void {
    this.#cursor = position;
    if (shape !== undefined) {
      this.#hotspot = { x: shape.hotspotX, y: shape.hotspotY, width: shape.width, height: shape.height };
      this.cursorCanvas.width = shape.width;
      this.cursorCanvas.height = shape.height;
      if (shape.width > 0 && shape.height > 0) {
        const image = new ImageData(shape.pixels, shape.width, shape.height);
        this.cursorCanvas.getContext("2d")?.putImageData(image, 0, 0);
      }
    }
    this.#placeCursor();
  }

  #placeCursor(): void {
    const { cursorCanvas } = this;
    cursorCanvas.hidden = this.#cursor === undefined || this.#hotspot.width === 0;
    if (this.#cursor === undefined) return;
    const scale = this.#zoom / devicePixelRatio;
    const own = Math.max(this.#zoom, LEAST_CURSOR_ZOOM) / devicePixelRatio;
    const { style } = cursorCanvas;
    style.width = `${this.#hotspot.width * own}px`;
    style.height = `${this.#hotspot.height * own}px`;
    style.transform = `translate(${this.#cursor.x * scale - this.#hotspot.x * own}px, ${this.#cursor.y * scale - this.#hotspot.y * own}px)`;
  }

  #watchScaleFactor(): void {
    const query = matchMedia(`(resolution: ${devicePixelRatio}dppx)`);
    query.addEventListener(
      "change",
      () => {
        this.layout();
        this.#watchScaleFactor();
      },
      { once: true },
    );
  }

  #wheel(e: WheelEvent): void {
    if (!e.ctrlKey || this.#source.width === 0) return;
    e.preventDefault();
    const pixels = e.deltaMode === WheelEvent.DOM_DELTA_PIXEL ? e.deltaY : e.deltaY * 33;
    const corner = this.stage.getBoundingClientRect();
    const zoom = this.#zoom * Math.exp(-Math.max(-200, Math.min(200, pixels)) * WHEEL_ZOOM);
    this.zoomTo(zoom, { x: e.clientX - corner.left, y: e.clientY - corner.top });
  }

  #dragToScroll(): void {
    const { stage } = this;
    let from: { x: number; y: number; left: number; top: number } | undefined;
    stage.addEventListener("pointerdown", (e) => {
      // Touch scrolls by itself; a press on a scroll bar is the scroll bar's.
      const onBar = e.offsetX >= stage.clientWidth || e.offsetY >= stage.clientHeight;
      if (e.pointerType === "touch" || (e.button !== 0 && e.button !== 1) || (e.target === stage && onBar))
        return;
      if (!stage.classList.contains("pannable")) return;
      if (e.button === 1) e.preventDefault();
      from = { x: e.clientX, y: e.clientY, left: stage.scrollLeft, top: stage.scrollTop };
      stage.setPointerCapture(e.pointerId);
      stage.classList.add("dragging");
    });
    stage.addEventListener("pointermove", (e) => {
      if (from === undefined) return;
      stage.scrollTo({
        left: from.left - (e.clientX - from.x),
        top: from.top - (e.clientY - from.y),
        behavior: "instant",
      });
    });
    const stop = (): void => {
      from = undefined;
      stage.classList.remove("dragging");
    };
    stage.addEventListener("pointerup", stop);
    stage.addEventListener("pointercancel", stop);
  }
}
