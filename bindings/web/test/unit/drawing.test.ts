import assert from "node:assert/strict";
import { test } from "node:test";
import { Strokes } from "../../src/page/drawing.ts";

test("a line is sent as it grows, each point once, and in pieces where it is long", () => {
  const strokes = new Strokes();
  strokes.begin("pen", [1, 2]);
  strokes.extend([3, 4]);
  strokes.extend([3, 4]);
  const colour = 0xe5383b;
  assert.deepEqual(strokes.take(false), [{ kind: "line", line: 1, tool: "pen", colour, points: [[1, 2], [3, 4]] }]);
  assert.deepEqual(strokes.take(false), []);
  for (let i = 0; i < 600; i++) strokes.extend([i, 9]);
  assert.deepEqual(
    strokes.take(true).map((m) => m.kind === "line" && [m.line, m.points.length]),
    [[1, 512], [1, 88]],
  );
});

test("an arrow is sent when it is finished, with its two ends", () => {
  const strokes = new Strokes();
  strokes.begin("arrow", [1, 1]);
  for (let i = 2; i < 9; i++) strokes.extend([i, i]);
  assert.deepEqual(strokes.take(false), []);
  const [mark] = strokes.take(true);
  assert.deepEqual(mark?.kind === "line" && mark.points, [[1, 1], [8, 8]]);
});

test("the pointer is told where it is, and when it is gone", () => {
  const strokes = new Strokes();
  strokes.laser = [5, 6];
  assert.deepEqual(strokes.take(false), [{ kind: "pointer", at: [5, 6] }]);
  assert.deepEqual(strokes.take(false), []);
  strokes.laser = undefined;
  assert.deepEqual(strokes.take(true), [{ kind: "pointer", at: undefined }]);
});
