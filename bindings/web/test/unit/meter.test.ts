import assert from "node:assert/strict";
import { test } from "node:test";
import { Meter } from "../../src/worker/meter.ts";

test("figures are of the last two seconds", () => {
  const meter = new Meter();
  for (let i = 0; i < 100; i++) {
    meter.received(i * 100, 1000, 2);
    meter.painted(i * 100 + 1, 0.5, 4);
  }
  assert.deepEqual(meter.read(9950), { fps: 10, kbits: 80, dirty: 0.5, decodeMs: 2, paintMs: 4 });
});

test("silence is no rate, and keeps the last times", () => {
  const meter = new Meter();
  assert.deepEqual(meter.read(5), { fps: 0, kbits: 0, dirty: 0, decodeMs: 0, paintMs: 0 });
  meter.received(10, 1000, 2);
  meter.painted(10, 1, 4);
  meter.read(100);
  assert.deepEqual(meter.read(60_000), { fps: 0, kbits: 0, dirty: 0, decodeMs: 2, paintMs: 4 });
});
