// Pixels back to planes, for browsers that give a film as red, green and blue alone.

import { layoutOf, type PlaneRequest } from "./planes.ts";

/** Where blue, green and red are in a pixel. */
const ORDERS: Record<string, readonly [blue: number, green: number, red: number]> = {
  BGRX: [0, 1, 2],
  BGRA: [0, 1, 2],
  RGBX: [2, 1, 0],
  RGBA: [2, 1, 0],
};

/** Writes the planes of pixels without padding, in the colours that the request asks for; false for another format. */
export function planesOfPixels(
  pixels: Uint8Array,
  format: string,
  request: Pick<PlaneRequest, "width" | "height" | "fullChroma" | "film">,
  into: Uint8Array,
): boolean {
  const order = ORDERS[format];
  if (order === undefined || request.fullChroma) return false;
  const [blue, green, red] = order;
  const { width, height, film } = request;
  const [kr, kb] = film?.colour.bt709 === true ? [0.2126, 0.0722] : [0.299, 0.114];
  const [offset, luma, chroma] = film?.colour.fullRange === true ? [0, 1, 1] : [16, 219 / 255, 224 / 255];
  const [y, u, v] = layoutOf(request).planes;
  const clamped = new Uint8ClampedArray(into.buffer, into.byteOffset, into.length);
  const light = (at: number): number =>
    kr * pixels[at + red]! + (1 - kr - kb) * pixels[at + green]! + kb * pixels[at + blue]!;
  for (let i = 0; i < width * height; i++) clamped[y!.offset + i] = offset + luma * light(4 * i);
  for (let row = 0; row < u!.rows; row++) {
    for (let column = 0; column < u!.stride; column++) {
      let [b, r, l] = [0, 0, 0];
      for (const [dx, dy] of CORNERS) {
        const [px, py] = [Math.min(2 * column + dx, width - 1), Math.min(2 * row + dy, height - 1)];
        const at = 4 * (py * width + px);
        b += pixels[at + blue]! / 4;
        r += pixels[at + red]! / 4;
        l += light(at) / 4;
      }
      const at = row * u!.stride + column;
      clamped[u!.offset + at] = 128 + (chroma * (b - l)) / (2 * (1 - kb));
      clamped[v!.offset + at] = 128 + (chroma * (r - l)) / (2 * (1 - kr));
    }
  }
  return true;
}

const CORNERS = [
  [0, 0],
  [1, 0],
  [0, 1],
  [1, 1],
] as const;
