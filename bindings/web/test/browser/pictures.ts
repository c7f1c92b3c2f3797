// Pictures whose pixels the tests know, and what the project's own programs make of them.

import { createHash } from "node:crypto";
import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { DEADLINE_MS, program } from "./harness.ts";

/** Odd on purpose: no row, tile or chroma sample ends where the picture does. */
export const WIDTH = 417;
export const HEIGHT = 273;

/** The upper rows are black and white only: there the conversion from YUV has one right answer. */
export const EXACT_ROWS = 160;

const [BLACK, WHITE, GREY] = [16, 235, 128];

export interface Clip {
  /** A `.y4m` file. */
  path: string;
  /** The same as a recorded stream. */
  stream: Buffer;
  /** Every frame as R, G, B, 255. */
  frames: Buffer[];
  /** SHA-256 of every frame, as the page gives for its canvas. */
  hashes: string[];
}

/** Makes a clip of `count` frames at `fps` in `folder`: text that scrolls, a block that moves, colours that shimmer. */
export async function makeClip(folder: string, count: number, fps: number): Promise<Clip> {
  const path = join(folder, "clip.y4m");
  const parts: Uint8Array[] = [Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F${fps}:1 Ip A1:1 C420jpeg\n`)];
  for (let i = 0; i < count; i++) parts.push(Buffer.from("FRAME\n"), planes(i));
  await writeFile(path, Buffer.concat(parts));

  const run = promisify(execFile);
  const [stream, raw] = [join(folder, "clip.pcast"), join(folder, "clip.bgra")];
  const options = { timeout: DEADLINE_MS };
  await run(program("PANECAST_BIN"), ["encode", path, "-o", stream, "--format", "y4m"], options);
  await run(program("PANECAST_BIN"), ["decode", stream, "-o", raw, "--format", "bgra"], options);
  const bytes = await readFile(raw);
  const size = WIDTH * HEIGHT * 4;
  if (bytes.length !== count * size) throw new Error(`decode gave ${bytes.length} bytes for ${count} frames`);
  const frames = Array.from({ length: count }, (_, i) => toRgba(bytes.subarray(i * size, (i + 1) * size)));
  frames.forEach((frame, i) => checkExactRows(frame, i));
  return { path, stream: await readFile(stream), frames, hashes: frames.map(sha256) };
}

export function sha256(bytes: Uint8Array | Uint8ClampedArray): string {
  return createHash("sha256").update(bytes).digest("hex");
}

/** Whether the pixel is white in frame `i`: bars like lines of text that scroll by three rows a frame. */
function isWhite(x: number, y: number, i: number): boolean {
  const line = Math.floor((y + 3 * i) / 12);
  const inLine = (y + 3 * i) % 12 < 7;
  const glyph = (Math.imul(line + 1, 2_654_435_761) ^ Math.imul(Math.floor(x / 5) + 1, 40_503)) >>> 0;
  return inLine && (glyph >> 7) % 3 !== 0 && x % 5 !== 4;
}

function planes(i: number): Buffer {
  const luma = Buffer.alloc(WIDTH * HEIGHT);
  const [chromaWidth, chromaHeight] = [Math.ceil(WIDTH / 2), Math.ceil(HEIGHT / 2)];
  const chroma = [
    Buffer.alloc(chromaWidth * chromaHeight, GREY),
    Buffer.alloc(chromaWidth * chromaHeight, GREY),
  ];
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      if (y < EXACT_ROWS) {
        luma[y * WIDTH + x] = isWhite(x, y, i) ? WHITE : BLACK;
        continue;
      }
      const inBlock = x >= (4 * i) % (WIDTH - 60) && x < ((4 * i) % (WIDTH - 60)) + 60 && y > 190 && y < 250;
      luma[y * WIDTH + x] = inBlock ? 180 : 40 + (((x + y) >> 2) % 120);
      const at = (y >> 1) * chromaWidth + (x >> 1);
      chroma[0]![at] = inBlock ? 90 : 128 + ((x >> 3) % 60);
      chroma[1]![at] = inBlock ? 200 : 128 - ((y + i) % 50);
    }
  }
  return Buffer.concat([luma, ...chroma]);
}

function checkExactRows(rgba: Buffer, i: number): void {
  for (let y = 0; y < EXACT_ROWS - 1; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const at = (y * WIDTH + x) * 4;
      const expected = isWhite(x, y, i) ? 0xffffffff : 0x000000ff;
      if (rgba.readUInt32BE(at) !== expected)
        throw new Error(`frame ${i}, pixel ${x},${y} is ${rgba.toString("hex", at, at + 4)}`);
    }
  }
}

export function toRgba(bgra: Uint8Array): Buffer {
  const out = Buffer.from(bgra);
  for (let at = 0; at < out.length; at += 4) {
    const blue = out[at]!;
    out[at] = out[at + 2]!;
    out[at + 2] = blue;
  }
  return out;
}
