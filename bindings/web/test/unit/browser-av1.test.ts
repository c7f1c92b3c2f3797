// The browser's AV1 decoder, with a stand-in for VideoDecoder that does what real ones do, and what they must not.

import assert from "node:assert/strict";
import { beforeEach, describe, test } from "node:test";
import { BrowserAv1 } from "../../src/worker/av1/browser.ts";
import { Av1Error, layoutOf, type PlaneRequest } from "../../src/worker/av1/planes.ts";

interface Chunk {
  type: string;
  timestamp: number;
  data: Uint8Array;
}

/** What the stand-in gives for a unit: a picture, nothing, or an error. */
type Behavior = (chunk: Chunk, give: (timestamp: number) => void, fail: () => void) => void;

const made: FakeDecoder[] = [];
let behavior: Behavior;
let format: string | null;
let openFrames = 0;

/** Samples that count up, in the layout of `format`. */
class FakeFrame {
  readonly format = format;
  readonly visibleRect;
  closed = false;

  constructor(
    readonly timestamp: number,
    width: number,
    height: number,
  ) {
    this.visibleRect = { x: 0, y: 0, width, height };
    openFrames += 1;
  }

  async copyTo(into: Uint8Array, { layout }: { layout: { offset: number; stride: number }[] }): Promise<void> {
    assert.equal(layout.length, this.format === "NV12" ? 2 : 3);
    for (let i = 0; i < into.length; i++) into[i] = i;
  }

  close(): void {
    assert.ok(!this.closed, "closed once");
    this.closed = true;
    openFrames -= 1;
  }
}

class FakeDecoder {
  state = "unconfigured";
  config: { codec: string; codedWidth: number; codedHeight: number; optimizeForLatency: boolean } | undefined;
  readonly chunks: Chunk[] = [];

  constructor(private readonly init: { output(frame: unknown): void; error(e: Error): void }) {
    made.push(this);
  }

  configure(config: NonNullable<FakeDecoder["config"]>): void {
    this.state = "configured";
    this.config = config;
  }

  decode(chunk: Chunk): void {
    assert.ok(this.chunks.length > 0 || chunk.type === "key", "a decoder begins with a keyframe");
    this.chunks.push(chunk);
    const { codedWidth, codedHeight } = this.config!;
    queueMicrotask(() =>
      behavior(
        chunk,
        (timestamp) => this.init.output(new FakeFrame(timestamp, codedWidth, codedHeight)),
        () => {
          this.state = "closed";
          this.init.error(new Error("told to fail"));
        },
      ),
    );
  }

  close(): void {
    assert.notEqual(this.state, "closed", "closed once");
    this.state = "closed";
  }
}

function request(surface: number, keyframe: boolean, width = 5, height = 3, fullChroma = false): PlaneRequest {
  return { surface, keyframe, width, height, fullChroma, data: new Uint8Array([1, 2, 3]) };
}

const trouble = (kind: string, message: RegExp) => (e: unknown) => {
  assert.ok(e instanceof Av1Error, String(e));
  assert.equal(e.trouble, kind, e.message);
  assert.match(e.message, message);
  return true;
};

describe("the browser's AV1 decoder", () => {
  beforeEach(() => {
    made.length = 0;
    openFrames = 0;
    format = "I420";
    behavior = (chunk, give) => give(chunk.timestamp);
    Object.assign(globalThis, {
      VideoDecoder: FakeDecoder,
      EncodedVideoChunk: class {
        constructor(init: Chunk) {
          Object.assign(this, init);
        }
      },
    });
  });

  test("one decoder a surface, set up again only for another size", async () => {
    const av1 = new BrowserAv1();
    const counting = Uint8Array.from({ length: layoutOf(request(1, true)).bytes }, (_, i) => i);
    assert.deepEqual(await av1.decode(request(1, true)), counting);
    await av1.decode(request(1, false));
    await av1.decode(request(2, true));
    await av1.decode(request(1, true));
    assert.equal(made.length, 2);
    await av1.decode(request(1, true, 7, 3));
    assert.equal(made.length, 3);
    assert.deepEqual(
      made.map((d) => d.state),
      ["closed", "configured", "configured"],
    );
    assert.ok(made.every((d) => d.config?.optimizeForLatency === true));
    assert.equal(openFrames, 0, "every frame is closed");
  });

  test("what the stream does not go on with is closed, the stills' decoder at a reset only", async () => {
    const av1 = new BrowserAv1();
    for (const surface of [0, 1, 2]) await av1.decode(request(surface, true));
    av1.keep(new Set([2]));
    assert.deepEqual(
      made.map((d) => d.state),
      ["configured", "closed", "configured"],
    );
    await assert.rejects(av1.decode(request(1, false)), trouble("broken", /keyframe/));
    av1.reset();
    assert.ok(made.every((d) => d.state === "closed"));
    await assert.rejects(av1.decode(request(2, false)), trouble("broken", /keyframe/));
  });

  test("their number is capped", async () => {
    const av1 = new BrowserAv1();
    for (let surface = 0; surface < 64; surface++) await av1.decode(request(surface, true));
    await assert.rejects(av1.decode(request(64, true)), trouble("broken", /too many/));
    assert.equal(made.length, 64);
  });

  test("pairs of colours are taken apart", async () => {
    format = "NV12";
    const planes = await new BrowserAv1().decode(request(0, true));
    const uv = Array.from({ length: 6 }, (_, i) => 15 + 2 * i);
    assert.deepEqual([...planes.subarray(15)], [...uv, ...uv.map((v) => v + 1)]);
  });

  test("a picture in other samples is refused", async () => {
    for (const other of ["BGRX", "I444", "I420A", null]) {
      format = other;
      await assert.rejects(new BrowserAv1().decode(request(0, true)), trouble("unusable", /gives AV1 pictures as/));
    }
    format = "I420";
    const full = new BrowserAv1().decode(request(0, true, 5, 3, true));
    await assert.rejects(full, trouble("unusable", /as I420/));
    assert.equal(openFrames, 0, "every frame is closed");
  });

  test("silence, errors and pictures of another unit are told, not waited for", async () => {
    behavior = () => undefined;
    await assert.rejects(new BrowserAv1(1).decode(request(0, true)), trouble("unusable", /holds pictures back/));
    behavior = (_chunk, _give, fail) => fail();
    await assert.rejects(new BrowserAv1().decode(request(0, true)), trouble("unusable", /told to fail/));
    behavior = (chunk, give) => give(chunk.timestamp + 1);
    await assert.rejects(new BrowserAv1().decode(request(0, true)), trouble("unusable", /out of order/));
    assert.equal(openFrames, 0, "every frame is closed");
  });

  test("a request that was in hand at a reset fails, and its picture goes nowhere", async () => {
    let late: (() => void) | undefined;
    behavior = (chunk, give) => (late = () => give(chunk.timestamp));
    const av1 = new BrowserAv1();
    const given = av1.decode(request(1, true));
    await new Promise<void>((next) => setImmediate(next));
    av1.reset();
    await assert.rejects(given, trouble("broken", /moved on/));
    late?.();
    assert.equal(openFrames, 0);
    behavior = (chunk, give) => give(chunk.timestamp);
    assert.equal((await av1.decode(request(1, true))).length, 27);
  });
});
