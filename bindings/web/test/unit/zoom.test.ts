import assert from "node:assert/strict";
import { test } from "node:test";
import {
  anchoredScroll,
  clampZoom,
  fitZoom,
  isPixelated,
  place,
  stepZoom,
  wholeLength,
  zoomText,
  visiblePart,
} from "../../src/page/zoom.ts";

const size = (width: number, height: number): { width: number; height: number } => ({ width, height });

test("fit fills the room inside its margin", () => {
  assert.equal(fitZoom(size(1920, 1080), size(1000, 1000), 20), 0.5);
  assert.equal(fitZoom(size(1080, 1920), size(1000, 1000), 20), 0.5);
  assert.equal(fitZoom(size(100, 100), size(840, 440), 20), 4);
});

test("fit keeps exact pixels where they nearly fill the room or fit it to the edge", () => {
  assert.equal(fitZoom(size(1280, 720), size(1360, 798), 20), 1, "would be 1.03");
  assert.equal(fitZoom(size(1280, 720), size(1280, 720), 20), 1, "the margin gives way");
  assert.ok(fitZoom(size(1280, 720), size(1279, 720), 20) < 1);
  assert.equal(fitZoom(size(1000, 500), size(1300, 900), 20), 1.26, "a quarter more is worth it");
});

test("fit survives a room without pixels", () => {
  const zoom = fitZoom(size(16_384, 1), size(0, 0), 20);
  assert.ok(zoom > 0 && Number.isFinite(zoom));
});

test("a picture smaller than the room is centred on whole device pixels", () => {
  assert.deepEqual(place(size(1280, 720), size(1361, 799), 1), {
    left: 40,
    top: 39,
    width: 1280,
    height: 720,
  });
});

test("a picture larger than the room starts in its corner", () => {
  assert.deepEqual(place(size(1280, 720), size(1000, 1000), 2), {
    left: 0,
    top: 0,
    width: 2560,
    height: 1440,
  });
});

test("a picture never vanishes", () => {
  const { width, height } = place(size(16_384, 1), size(800, 600), 0.05);
  assert.deepEqual([width, height], [819, 1]);
});

test("steps go through 100 % from any zoom", () => {
  assert.equal(stepZoom(0.97, "in"), 1);
  assert.equal(stepZoom(1.03, "out"), 1);
  assert.equal(stepZoom(1, "in"), 1.25);
  assert.equal(stepZoom(1, "out"), 0.9);
  assert.equal(stepZoom(16, "in"), 16);
  assert.equal(stepZoom(0.1, "out"), 0.1);
  assert.equal(clampZoom(100), 16);
  assert.equal(clampZoom(0), 0.1);
});

test("the point under the pointer stays when zooming", () => {
  const room = size(1000, 600);
  const source = size(1280, 720);
  for (const anchor of [
    { x: 0, y: 0 },
    { x: 500, y: 300 },
    { x: 999, y: 1 },
  ]) {
    const before = place(source, room, 2);
    const scroll = { left: 333, top: 444 };
    const after = place(source, room, 4);
    const to = anchoredScroll(before, after, scroll, anchor);
    assert.ok(Math.abs(to.left + anchor.x - (333 + anchor.x) * 2) < 1e-6);
    assert.ok(Math.abs(to.top + anchor.y - (444 + anchor.y) * 2) < 1e-6);
  }
});

test("pixels are squares at whole enlargements only", () => {
  assert.deepEqual([0.5, 1, 1.5, 2, 2.5, 3, 16].map(isPixelated), [
    false,
    true,
    false,
    true,
    false,
    true,
    true,
  ]);
});

test("a whole length is whole in CSS and in device pixels", () => {
  assert.deepEqual(
    [1, 2, 3].map((ratio) => wholeLength(101.7, ratio)),
    [101, 101, 101],
  );
  assert.equal(wholeLength(101, 1.5), 100);
  assert.equal(wholeLength(103.9, 1.25), 100);
  assert.equal(wholeLength(104, 1.25), 104);
  assert.equal(wholeLength(32, 1.1), 30);
  for (const ratio of [0.8, 0.9, 1.1, 1.25, 1.3333333, 1.5, 1.75, 2.25, 2.625, Math.PI]) {
    for (const length of [0, 7, 99.5, 640]) {
      const whole = wholeLength(length, ratio);
      assert.ok(whole <= length && length - whole <= 20, `${length} at ${ratio} gave ${whole}`);
    }
  }
});

test("zoom is shown in percent", () => {
  assert.equal(zoomText(0.6666), "67 %");
  assert.equal(zoomText(16), "1600 %");
});

test("what can be seen is told in whole source pixels, all of it as nothing special", () => {
  const source = { width: 1000, height: 500 };
  const box = { left: 0, top: 0, width: 2000, height: 1000 };
  assert.deepEqual(visiblePart(source, box, 2, { left: 101, top: 200, width: 600, height: 400 }), {
    left: 50,
    top: 100,
    width: 301,
    height: 200,
  });
  assert.equal(visiblePart(source, box, 2, { left: 0, top: 0, width: 2000, height: 1000 }), undefined);
  const small = { left: 20, top: 30, width: 500, height: 250 };
  assert.equal(visiblePart(source, small, 0.5, { left: 0, top: 0, width: 800, height: 600 }), undefined);
  assert.equal(visiblePart(source, box, 2, { left: 3000, top: 0, width: 10, height: 10 }), undefined);
});
