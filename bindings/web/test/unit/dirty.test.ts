import assert from "node:assert/strict";
import { test } from "node:test";
import { DirtyArea } from "../../src/worker/dirty.ts";

const rect = (x: number, y: number, width: number, height: number) => ({ x, y, width, height });

test("nothing added is nothing to paint", () => {
  const area = new DirtyArea();
  area.add(rect(3, 3, 0, 9));
  assert.ok(area.empty);
  assert.deepEqual(area.take(), []);
});

test("rectangles far apart stay apart", () => {
  const area = new DirtyArea();
  area.add(rect(0, 0, 10, 10));
  area.add(rect(1000, 1000, 10, 10));
  assert.deepEqual(area.take(), [rect(0, 0, 10, 10), rect(1000, 1000, 10, 10)]);
  assert.ok(area.empty);
});

test("neighbours become one, and what is covered is dropped", () => {
  const area = new DirtyArea();
  area.add(rect(0, 0, 10, 10));
  area.add(rect(10, 0, 10, 10));
  area.add(rect(2, 2, 3, 3));
  assert.deepEqual(area.take(), [rect(0, 0, 20, 10)]);
});

test("every dirty pixel is painted, whatever comes", () => {
  let seed = 7;
  const random = (below: number): number => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return (seed >>> 8) % below;
  };
  for (let round = 0; round < 200; round++) {
    const area = new DirtyArea();
    const added = Array.from({ length: random(90) }, () =>
      rect(random(90), random(90), random(10), random(10)),
    );
    for (const r of added) area.add(r);
    const painted = new Set<number>();
    for (const r of area.take()) {
      for (let y = r.y; y < r.y + r.height; y++)
        for (let x = r.x; x < r.x + r.width; x++) painted.add(y * 100 + x);
    }
    for (const r of added) {
      for (let y = r.y; y < r.y + r.height; y++) {
        for (let x = r.x; x < r.x + r.width; x++)
          assert.ok(painted.has(y * 100 + x), `round ${round}: ${x},${y}`);
      }
    }
  }
});
