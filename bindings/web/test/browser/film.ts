// A desktop with a photograph and a film in it, coded with loss by the native encoder.

import { execFile } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { DEADLINE_MS, program } from "./harness.ts";
import { sha256, toRgba } from "./pictures.ts";

export const FILM_WIDTH = 421;
export const FILM_HEIGHT = 283;
const FPS = 10;

/** Frames in which the film plays; before it and after it nothing moves there. */
const PLAYS = { from: 4, to: 40 };
const FRAMES = 75;

interface Place {
  x: number;
  y: number;
  width: number;
  height: number;
}
const PHOTO: Place = { x: 13, y: 128, width: 160, height: 130 };
const FILM: Place = { x: 190, y: 67, width: 208, height: 160 };

export interface Film {
  /** The stream, packet by packet; the first has the stream's header before it. */
  packets: Buffer[];
  /** SHA-256 of the canvas for each frame, by the native decoder. */
  hashes: string[];
  /** Which frame a time in the stream belongs to. */
  frameAt(timestampUs: number): number;
}

/** Makes it with what `options` add to `panecast encode`. */
export async function makeFilm(folder: string, options: string[]): Promise<Film> {
  const [raw, coded, back] = [join(folder, "film.bgra"), join(folder, "film.pcast"), join(folder, "back.bgra")];
  const frames = Array.from({ length: FRAMES }, (_, i) => picture(i));
  await writeFile(raw, Buffer.concat(frames));
  const run = (args: string[]): Promise<unknown> =>
    promisify(execFile)(program("PANECAST_BIN"), args, { timeout: 3 * DEADLINE_MS });
  const size = `${FILM_WIDTH}x${FILM_HEIGHT}`;
  await run(["encode", raw, "-o", coded, "--size", size, "--fps", String(FPS), ...options]);
  await run(["decode", coded, "-o", back, "--format", "bgra"]);
  const bytes = await readFile(back);
  const length = FILM_WIDTH * FILM_HEIGHT * 4;
  if (bytes.length !== FRAMES * length) throw new Error(`decode gave ${bytes.length} bytes`);
  const decoded = Array.from({ length: FRAMES }, (_, i) => bytes.subarray(i * length, (i + 1) * length));
  return {
    packets: packetsOf(await readFile(coded)),
    hashes: decoded.map((frame) => sha256(toRgba(frame))),
    frameAt: (timestampUs) => Math.round((timestampUs * FPS) / 1_000_000),
  };
}

const HEADER_BYTES = 8;

function packetsOf(stream: Buffer): Buffer[] {
  const packets: Buffer[] = [];
  let start = 0;
  let at = HEADER_BYTES;
  while (at < stream.length) {
    at += 1;
    let length = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = stream[at++]!;
      length += (byte & 127) * 2 ** shift;
      if (byte < 128) break;
    }
    at += length;
    packets.push(stream.subarray(start, at));
    start = at;
  }
  return packets;
}

function picture(i: number): Buffer {
  const frame = Buffer.alloc(FILM_WIDTH * FILM_HEIGHT * 4, 255);
  for (let y = 8; y < 120; y++) {
    for (let x = 8; x < 180; x++) {
      const glyph = (Math.imul((y / 12) | 0, 2_654_435_761) ^ Math.imul((x / 5) | 0, 40_503)) >>> 0;
      if (y % 12 < 7 && (glyph >> 7) % 3 !== 0 && x % 5 !== 4) frame.fill(30, at(x, y), at(x, y) + 3);
    }
  }
  paint(frame, PHOTO, 0, 3);
  const time = Math.max(0, Math.min(i, PLAYS.to) - PLAYS.from);
  paint(frame, FILM, time, 11);
  return frame;
}

function at(x: number, y: number): number {
  return (y * FILM_WIDTH + x) * 4;
}

/** Soft waves under fine grain: many colours, no two neighbours alike, as a lens gives them. */
function paint(frame: Buffer, place: Place, time: number, seed: number): void {
  for (let y = 0; y < place.height; y++) {
    for (let x = 0; x < place.width; x++) {
      const [u, v] = [x + 3 * time, y + time];
      const grain = ((Math.imul(u * 374_761 + v * 668_265 + seed, 1_274_126_177) >>> 24) & 7) - 4;
      const base = 128 + 60 * Math.sin(u / 17 + seed) + 40 * Math.sin(v / 23 + time / 5);
      const to = at(place.x + x, place.y + y);
      frame[to] = clamp(base + grain);
      frame[to + 1] = clamp(base * 0.8 + 30 * Math.sin((u + v) / 31) + grain);
      frame[to + 2] = clamp(255 - base + 20 * Math.cos(u / 41) + grain);
    }
  }
}

function clamp(value: number): number {
  return Math.max(0, Math.min(255, Math.round(value)));
}
