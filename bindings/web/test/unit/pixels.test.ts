// Reading a browser's pictures, with stand-ins for what node lacks: a frame that holds B, G, R, X as Firefox's do, and a canvas.

import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { PixelReader, type Picture } from "../../src/sharer/pixels.ts";

type Layout = { offset: number; stride: number }[];

/** Whether frames convert while they are copied; older browsers ignore what is asked for. */
let converts = true;
let copies = 0;

class Frame {
  readonly codedWidth: number;
  readonly codedHeight: number;
  readonly visibleRect: { width: number; height: number };
  displayWidth: number;
  displayHeight: number;

  constructor(
    readonly bytes: Uint8Array,
    { codedWidth, codedHeight }: { codedWidth: number; codedHeight: number },
  ) {
    [this.codedWidth, this.codedHeight] = [codedWidth, codedHeight];
    this.visibleRect = { width: codedWidth, height: codedHeight };
    [this.displayWidth, this.displayHeight] = [codedWidth, codedHeight];
  }

  async copyTo(out: Uint8Array, { format, layout }: { format: string; layout: Layout }): Promise<void> {
    copies += 1;
    const [{ offset, stride }] = layout as [Layout[0] & object];
    for (let y = 0; y < this.codedHeight; y++) {
      for (let x = 0; x < this.codedWidth; x++) {
        const pixel = this.bytes.subarray(4 * (y * this.codedWidth + x)).subarray(0, 4);
        const [b, g, r, x4] = pixel as unknown as [number, number, number, number];
        out.set(converts && format === "RGBA" ? [r, g, b, 255] : [b, g, r, x4], offset + y * stride + 4 * x);
      }
    }
  }

  close(): void {}
}

/** A canvas that shows a frame's own pixels, whatever size it is drawn in. */
class Canvas {
  #frame: Frame | undefined;

  constructor(
    readonly width: number,
    readonly height: number,
  ) {}

  getContext(): object {
    return {
      drawImage: (frame: Frame) => (this.#frame = frame),
      getImageData: (_x: number, _y: number, width: number, height: number) => {
        const { bytes } = this.#frame!;
        const data = new Uint8ClampedArray(width * height * 4);
        for (let at = 0; at < data.length; at += 4) {
          const from = at % bytes.length;
          data.set([bytes[from + 2]!, bytes[from + 1]!, bytes[from]!, 255], at);
        }
        return { data };
      },
    };
  }
}

Object.assign(globalThis, { VideoFrame: Frame, OffscreenCanvas: Canvas });
afterEach(() => {
  [converts, copies] = [true, 0];
});

/** Every pixel another: blue, green and red count from 0, 80 and 160 on. */
function frame(width: number, height: number): { frame: Frame; rgba: number[] } {
  const bytes = new Uint8Array(width * height * 4);
  const rgba: number[] = [];
  for (let i = 0; i < width * height; i++) {
    bytes.set([i, 80 + i, 160 + i, 7], 4 * i);
    rgba.push(160 + i, 80 + i, i, 255);
  }
  return { frame: new Frame(bytes, { codedWidth: width, codedHeight: height }), rgba };
}

const read = async (reader: PixelReader, from: Frame): Promise<{ size: number[]; data: number[] }> => {
  const { data, width, height } = await reader.read(from as unknown as Picture);
  return { size: [width, height], data: [...data] };
};

test("a frame in B, G, R, X is read as R, G, B, A where the browser converts", async () => {
  const reader = new PixelReader();
  for (const [width, height] of [[5, 3], [2, 7], [5, 3]] as const) {
    const { frame: from, rgba } = frame(width, height);
    assert.deepEqual(await read(reader, from), { size: [width, height], data: rgba });
  }
  assert.equal(copies, 4, "one to find out, and one for each frame");
  reader.forget();
  const { frame: from, rgba } = frame(3, 3);
  assert.deepEqual((await read(reader, from)).data, rgba);
});

test("where the browser ignores what format is asked for, the frame is drawn and nothing swapped", async () => {
  converts = false;
  const { frame: from, rgba } = frame(4, 4);
  assert.deepEqual(await read(new PixelReader(), from), { size: [4, 4], data: rgba });
  assert.equal(copies, 1);
});

test("a frame that is shown in another size is drawn in that size", async () => {
  const { frame: from, rgba } = frame(4, 2);
  [from.displayWidth, from.displayHeight] = [4, 4];
  const shown = await read(new PixelReader(), from);
  assert.deepEqual(shown.size, [4, 4]);
  assert.deepEqual(shown.data.slice(0, 32), rgba);
});

test("a picture that is no frame is drawn", async () => {
  const { frame: from, rgba } = frame(3, 2);
  const bitmap = { width: 3, height: 2, bytes: from.bytes };
  const seen = await read(new PixelReader(), bitmap as unknown as Frame);
  assert.deepEqual(seen, { size: [3, 2], data: rgba });
});
