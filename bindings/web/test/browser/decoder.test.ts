// The wasm decoder as the page loads it, in node: bytes that were tampered with give an error of a known kind, never
// a trap.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { DecodeError, Decoder, type Decoded } from "../../src/worker/decoder.ts";
import { Cleanup, pageFolder } from "./harness.ts";
import { HEIGHT, makeClip, WIDTH, type Clip } from "./pictures.ts";

const FRAMES = 20;
const KINDS = ["invalid-input", "invalid-data", "unsupported", "limit-exceeded", "desync"];

describe("wasm decoder", () => {
  const whole = new Cleanup();
  let clip: Clip;
  let module: WebAssembly.Module;

  before(async () => {
    clip = await makeClip(await whole.folder(), FRAMES, 10);
    const name = (await readdir(pageFolder())).find((f) => /^decoder-.*\.wasm$/.test(f));
    assert.ok(name !== undefined, "the page has a decoder");
    module = await WebAssembly.compile(new Uint8Array(await readFile(join(pageFolder(), name))));
  });
  after(() => whole.run());

  test("a stream gives its pictures in order", () => {
    const decoder = new Decoder(module);
    const found: Decoded[] = [];
    decoder.decode(clip.stream, (d) => found.push(d));
    const sequences = found.flatMap((d) => (d.kind === "picture" ? [d.sequence] : []));
    assert.deepEqual(
      sequences,
      Array.from({ length: FRAMES }, (_, i) => i + 1),
    );
    assert.deepEqual([decoder.width, decoder.height], [WIDTH, HEIGHT]);
    assert.deepEqual([found[0]?.kind, found.at(-1)?.kind], ["header", "end"]);
  });

  test("a stream cut off anywhere is waited for, not refused", () => {
    const decoder = new Decoder(module);
    for (let length = 0; length < clip.stream.length; length += 211) {
      decoder.reset();
      decoder.decode(clip.stream.subarray(0, length), () => undefined);
    }
  });

  test("bytes that were tampered with are an error or do no harm", () => {
    let seed = 1;
    const random = (below: number): number => {
      seed = (Math.imul(seed, 1_664_525) + 1_013_904_223) >>> 0;
      return Math.floor((seed / 2 ** 32) * below);
    };
    const decoder = new Decoder(module);
    const kinds = new Map<string, number>();
    for (let round = 0; round < 600; round++) {
      const bytes = Buffer.from(clip.stream);
      // Half of the rounds break the first packets, where sizes and counts are.
      const reach = round % 2 === 0 ? 120 : bytes.length;
      for (let i = 0; i <= random(4); i++) bytes[random(reach)] = random(256);
      decoder.reset();
      try {
        decoder.decode(bytes, () => undefined);
      } catch (e) {
        assert.ok(e instanceof DecodeError, String(e));
        assert.ok(KINDS.includes(e.kind), `round ${round}: ${e.kind}: ${e.message}`);
        assert.ok(e.message.length > 5, "an error has a sentence");
        kinds.set(e.kind, (kinds.get(e.kind) ?? 0) + 1);
      }
    }
    assert.ok(
      (kinds.get("invalid-data") ?? 0) > 0 && (kinds.get("desync") ?? 0) > 0,
      JSON.stringify([...kinds]),
    );
    decoder.reset();
    decoder.decode(clip.stream, () => undefined);
    assert.equal(decoder.width, WIDTH, "a sound stream is decoded after all that");
  });

  test("an unknown handle reads as nothing", async () => {
    const { exports } = await WebAssembly.instantiate(module, {});
    const call = (name: string, ...args: number[]): unknown =>
      (exports[name] as (...args: number[]) => unknown)(...args);
    for (const handle of [0, 1, 99, 0xffff_ffff]) {
      call("panecast_free", handle);
      call("panecast_reset", handle);
      assert.deepEqual([call("panecast_step", handle), call("panecast_feed", handle, 5)], [-1, -1]);
      assert.deepEqual(
        [call("panecast_width", handle), call("panecast_pixels", handle), call("panecast_dirty_len", handle)],
        [0, 0, 0],
      );
    }
    const handle = call("panecast_new") as number;
    assert.equal(call("panecast_feed", handle, 0x7fff_ffff), -1, "more than the input holds");
    call("panecast_free", handle);
    assert.equal(call("panecast_step", handle), -1);
    const handles = Array.from({ length: 20 }, () => call("panecast_new"));
    assert.equal(handles.filter((h) => h !== 0).length, 16, "their number is bounded");
  });
});
