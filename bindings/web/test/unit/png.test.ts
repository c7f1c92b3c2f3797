import assert from "node:assert/strict";
import { test } from "node:test";
import { encodePng } from "../../src/worker/png.ts";
import { decodePng } from "../png.ts";

for (const [width, height] of [
  [1, 1],
  [3, 2],
  [257, 65],
] as const) {
  test(`a saved ${width} × ${height} picture holds its exact pixels`, async () => {
    const rgba = new Uint8ClampedArray(width * height * 4);
    for (let i = 0; i < rgba.length; i++) rgba[i] = i % 4 === 3 ? 255 : (i * 2_654_435_761) >>> 24;
    const blob = await encodePng(rgba, width, height);
    assert.equal(blob.type, "image/png");
    const read = decodePng(new Uint8Array(await blob.arrayBuffer()));
    assert.deepEqual([read.width, read.height], [width, height]);
    assert.deepEqual(Buffer.from(read.rgba), Buffer.from(rgba));
  });
}

test("pixels that change while a picture is being saved do not reach it", async () => {
  const rgba = new Uint8ClampedArray(64 * 64 * 4).fill(255);
  const saving = encodePng(rgba, 64, 64);
  rgba.fill(0);
  const read = decodePng(new Uint8Array(await (await saving).arrayBuffer()));
  assert.ok(read.rgba.every((byte) => byte === 255));
});
