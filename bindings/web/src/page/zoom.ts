// Zoom arithmetic. A zoom of 1 shows one source pixel on one device pixel, whatever the screen's scale factor.

export interface Size {
  width: number;
  height: number;
}

export interface Box extends Size {
  left: number;
  top: number;
}

export const LEAST_ZOOM = 0.1;
export const MOST_ZOOM = 16;

const STEPS = [0.1, 0.17, 0.25, 0.33, 0.5, 0.67, 0.75, 0.9, 1, 1.25, 1.5, 2, 3, 4, 6, 8, 12, 16];

/** Enlarging by less than this is not worth the sharpness that it costs. */
const LEAST_GAIN = 1.25;

/**
 * The zoom at which `source` fits `room` (device pixels) with `margin` on each side. Exact pixels win where they
 * nearly fill the room, or fit it without the margin.
 */
export function fitZoom(source: Size, room: Size, margin: number): number {
  const fill = (m: number): number =>
    Math.min(
      Math.max(1, room.width - 2 * m) / source.width,
      Math.max(1, room.height - 2 * m) / source.height,
    );
  const zoom = fill(margin);
  if (zoom < 1) return fill(0) >= 1 ? 1 : zoom;
  return zoom < LEAST_GAIN ? 1 : zoom;
}

/**
 * The nearest length below `length` (CSS pixels) that is whole in CSS and in device pixels. Browsers lay out in small
 * fractions of a CSS pixel, and a canvas that begins between two device pixels is blurred.
 */
export function wholeLength(length: number, ratio: number): number {
  for (let unit = 1; unit <= 20; unit++) {
    const device = unit * ratio;
    if (Math.abs(device - Math.round(device)) < 1e-3) return Math.floor(length / unit + 1e-6) * unit;
  }
  return Math.floor(length);
}

export function clampZoom(zoom: number): number {
  return Math.min(MOST_ZOOM, Math.max(LEAST_ZOOM, zoom));
}

/** The next step in or out from any zoom. */
export function stepZoom(zoom: number, direction: "in" | "out"): number {
  // Within one percent of a step counts as on it.
  if (direction === "in") return STEPS.find((s) => s > zoom * 1.01) ?? MOST_ZOOM;
  return STEPS.findLast((s) => s < zoom * 0.99) ?? LEAST_ZOOM;
}

/** Where the picture lies in `room`, in whole device pixels: centred where it is smaller, from the corner where it scrolls. */
export function place(source: Size, room: Size, zoom: number): Box {
  const width = Math.max(1, Math.round(source.width * zoom));
  const height = Math.max(1, Math.round(source.height * zoom));
  return {
    width,
    height,
    left: Math.max(0, Math.floor((room.width - width) / 2)),
    top: Math.max(0, Math.floor((room.height - height) / 2)),
  };
}

/** How far to scroll so that the picture's point under `anchor` stays there when `before` becomes `after`. All in one unit. */
export function anchoredScroll(
  before: Box,
  after: Box,
  scroll: { left: number; top: number },
  anchor: { x: number; y: number },
): { left: number; top: number } {
  const x = (scroll.left + anchor.x - before.left) / before.width;
  const y = (scroll.top + anchor.y - before.top) / before.height;
  return { left: x * after.width + after.left - anchor.x, top: y * after.height + after.top - anchor.y };
}

/**
 * At whole factors pixels stay squares; otherwise the browser smooths. At 100 % there is nothing to smooth, but on a
 * scale factor such as 1.25 the browser's own rounding would.
 */
export function isPixelated(zoom: number): boolean {
  return zoom >= 1 && Math.abs(zoom - Math.round(zoom)) < 1e-6;
}

export function zoomText(zoom: number): string {
  return `${Math.round(zoom * 100)} %`;
}

/**
 * What of `source` can be seen in `window`, in whole source pixels; undefined if that is all of it, or nothing. `box` is
 * where the picture lies and `scale` how large a source pixel is, in the unit of `window`.
 */
export function visiblePart(source: Size, box: Box, scale: number, window: Box): Box | undefined {
  const from = (start: number, at: number, most: number): number =>
    Math.min(most, Math.max(0, Math.floor((start - at) / scale)));
  const to = (end: number, at: number, most: number): number =>
    Math.min(most, Math.max(0, Math.ceil((end - at) / scale)));
  const left = from(window.left, box.left, source.width);
  const top = from(window.top, box.top, source.height);
  const width = to(window.left + window.width, box.left, source.width) - left;
  const height = to(window.top + window.height, box.top, source.height) - top;
  const all = width >= source.width && height >= source.height;
  return all || width <= 0 || height <= 0 ? undefined : { left, top, width, height };
}
