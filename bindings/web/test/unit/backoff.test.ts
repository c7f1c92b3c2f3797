import assert from "node:assert/strict";
import { test } from "node:test";
import { backoffMs } from "../../src/worker/backoff.ts";

test("the first is at once, eight come quickly, then waits double up to a ceiling", () => {
  const waits = [1, 2, 9, 10, 11, 12, 13, 14, 15, 16, 1000].map((attempt) => backoffMs(attempt, 1));
  assert.deepEqual(waits, [0, 120, 120, 240, 480, 960, 1920, 3840, 7680, 10_000, 10_000]);
});

test("chance takes at most half away", () => {
  for (let attempt = 1; attempt < 30; attempt++) {
    const most = backoffMs(attempt, 1);
    for (const random of [0, 0.25, 0.5, 0.999]) {
      const wait = backoffMs(attempt, random);
      assert.ok(wait >= most / 2 && wait <= most, `attempt ${attempt}: ${wait} of ${most}`);
    }
  }
});
