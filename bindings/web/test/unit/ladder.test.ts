// Which codec and size a camera gets, with encoders that take their time.

import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { bitrateOf, Climber, differs, firstBitrate, ladder, type Rung } from "../../src/camera/ladder.ts";
import { CODECS, type Codec } from "../../src/worker/av1/planes.ts";

const ALL = new Set(CODECS);
const name = (rung: Rung): string => `${rung.codec} ${rung.width}×${rung.height}`;

/** Runs a camera for some seconds; `cost` is how long a picture takes in the encoder. Gives where it ends, and what was taken. */
function run(
  climber: Climber,
  seconds: number,
  cost: (rung: Rung) => number,
  fps = 30,
): { rung: string; taken: number[] } {
  let queue: number[] = [];
  let free = 0;
  const taken: number[] = [];
  for (let i = 0; i < seconds * fps; i++) {
    const now = (i * 1000) / fps;
    queue = queue.filter((done) => done > now);
    const verdict = climber.frame(queue.length, now);
    if (verdict === "step") [queue, free] = [[], now];
    if (verdict !== "encode") continue;
    free = Math.max(free, now) + cost(climber.rung);
    queue.push(free);
    taken.push(now);
  }
  return { rung: name(climber.rung), taken };
}

describe("the ladder", () => {
  test("goes through the sizes of a codec before the next codec", () => {
    assert.deepEqual(ladder(ALL, 1280, 720).map(name).slice(0, 5), [
      "av1 1280×720",
      "av1 960×540",
      "av1 640×360",
      "h264 1280×720",
      "h264 960×540",
    ]);
  });

  test("keeps the camera's form, upright too, and enlarges nothing", () => {
    const some = new Set<Codec>(["vp8"]);
    assert.deepEqual(ladder(some, 1080, 1920).map(name), ["vp8 720×1280", "vp8 540×960", "vp8 360×640"]);
    assert.deepEqual(ladder(some, 800, 600).map(name), ["vp8 800×600", "vp8 640×480"]);
    assert.deepEqual(ladder(some, 320, 241).map(name), ["vp8 320×242"]);
    assert.deepEqual(ladder(new Set(), 640, 480), []);
  });
});

describe("the climber", () => {
  test("stays with an encoder that keeps up", () => {
    const { rung, taken } = run(new Climber(ladder(ALL, 1280, 720)), 10, () => 20);
    assert.equal(rung, "av1 1280×720");
    assert.ok(taken.length > 295, `${taken.length} pictures`);
  });

  test("forgives a slow start", () => {
    let first = 12;
    const { rung } = run(new Climber(ladder(ALL, 1280, 720)), 10, () => (first-- > 0 ? 60 : 15));
    assert.equal(rung, "av1 1280×720");
  });

  test("takes a smaller size where the large one is too slow", () => {
    // 120 ms for 720p and 68 for 540p are too much, 30 for 360p are not.
    const { rung } = run(new Climber(ladder(ALL, 1280, 720)), 12, (r) => (120 * r.width * r.height) / (1280 * 720));
    assert.equal(rung, "av1 640×360");
  });

  test("takes the next codec where no size will do", () => {
    const { rung } = run(new Climber(ladder(ALL, 1280, 720)), 20, (r) => (r.codec === "av1" ? 120 : 10));
    assert.equal(rung, "h264 1280×720");
  });

  test("ends with the last one, however slow it is", () => {
    const climber = new Climber(ladder(ALL, 1280, 720));
    const { rung, taken } = run(climber, 60, () => 500);
    assert.equal(rung, "vp8 640×360");
    assert.ok(climber.last && taken.length > 0);
  });

  test("does not blame the encoder for a slow camera", () => {
    const { rung } = run(new Climber(ladder(ALL, 1280, 720)), 20, () => 60, 10);
    assert.equal(rung, "av1 1280×720");
  });

  test("leaves a codec that fails at once", () => {
    const climber = new Climber(ladder(new Set<Codec>(["av1", "vp9"]), 1280, 720));
    assert.ok(climber.fall());
    assert.equal(name(climber.rung), "vp9 1280×720");
    assert.ok(!climber.fall());
  });

  test("a picture waits for no other in the queue", () => {
    const climber = new Climber(ladder(ALL, 640, 360));
    assert.deepEqual([0, 1, 2, 9].map((queued) => climber.frame(queued, 0)), ["encode", "encode", "skip", "skip"]);
  });
});

test("bitrates follow the lines within what is of use", () => {
  const rung: Rung = { codec: "h264", width: 1280, height: 720 };
  const first = firstBitrate(rung);
  assert.ok(first > 1_000_000 && first < 2_500_000, `${first}`);
  assert.equal(bitrateOf(rung, undefined), first);
  assert.equal(bitrateOf(rung, 300_000), 300_000);
  assert.equal(bitrateOf(rung, 1e9), 2 * first);
  assert.equal(bitrateOf(rung, 5), 60_000);
  assert.ok(!differs(1000, 1100) && differs(1000, 700) && differs(1000, 1500));
});
