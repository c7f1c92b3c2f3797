// The session's order of work, in node with a canvas and an animation frame that the test holds: an update is
// acknowledged after it was painted and not before, the newest of several alone.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, beforeEach, describe, test } from "node:test";
import type { FromWorker } from "../../src/messages.ts";
import type { SocketEvents } from "../../src/worker/link.ts";
import { Av1 } from "../../src/worker/av1/av1.ts";
import { Session } from "../../src/worker/session.ts";
import { Cleanup, pageFolder } from "./harness.ts";
import { makeClip, sha256, type Clip } from "./pictures.ts";

/** A canvas' memory, and what happened in which order. */
const events: string[] = [];

class FakeCanvas {
  width = 300;
  height = 150;
  pixels = new Uint8ClampedArray(0);

  getContext(): unknown {
    return {
      fillStyle: "",
      fillRect: () => this.pixels.fill(0),
      clearRect: () => undefined,
      putImageData: (
        image: ImageData,
        _dx: number,
        _dy: number,
        x: number,
        y: number,
        width: number,
        height: number,
      ) => {
        if (this.pixels.length !== image.data.length) this.pixels = new Uint8ClampedArray(image.data.length);
        for (let row = y; row < y + height; row++) {
          const at = (row * image.width + x) * 4;
          this.pixels.set(image.data.subarray(at, at + width * 4), at);
        }
        events.push("paint");
      },
    };
  }
}

let frames: (() => void)[] = [];
const runFrame = (): void => {
  const due = frames;
  frames = [];
  for (const run of due) run();
};

describe("acknowledgements", () => {
  const whole = new Cleanup();
  let clip: Clip;
  let module: WebAssembly.Module;
  let canvas: FakeCanvas;
  let socket: SocketEvents;
  let posted: FromWorker[];
  let session: Session;

  before(async () => {
    Object.assign(globalThis, {
      requestAnimationFrame: (run: () => void) => frames.push(run),
      cancelAnimationFrame: () => undefined,
      ImageData: class {
        constructor(
          readonly data: Uint8ClampedArray,
          readonly width: number,
          readonly height: number,
        ) {}
      },
    });
    clip = await makeClip(await whole.folder(), 6, 10);
    const name = (await readdir(pageFolder())).find((f) => /^decoder-.*\.wasm$/.test(f));
    assert.ok(name !== undefined, "the page has a decoder");
    module = await WebAssembly.compile(new Uint8Array(await readFile(join(pageFolder(), name))));
  });
  after(() => whole.run());

  beforeEach(() => {
    canvas = new FakeCanvas();
    posted = [];
    frames = [];
    const around = {
      connect: (given: SocketEvents) => {
        socket = given;
        return {
          send: (text: string) => {
            const said = JSON.parse(text) as { type: string; sequence?: number };
            events.push(said.type === "ack" ? `ack ${said.sequence}` : said.type);
          },
          close: () => events.push("close"),
        };
      },
      after: () => () => undefined,
      now: () => 0,
      random: () => 0,
    };
    const av1 = new Av1({ browser: () => undefined, module: () => Promise.reject(new Error("no AV1 here")) });
    const canvases = { canvas, marks: new FakeCanvas() } as unknown as ConstructorParameters<typeof Session>[1];
    session = new Session(module, canvases, av1, around, (message) => posted.push(message));
    session.join("KJ4P-7TWX");
    socket.open();
    socket.text('{"type":"joined","agent":1}');
    events.length = 0;
  });

  const lastPicture = (): string | undefined => {
    const statuses = posted.flatMap((m) => (m.type === "status" ? [m.status.picture] : []));
    return statuses.at(-1);
  };

  test("nothing is acknowledged or called current before its animation frame", () => {
    socket.binary(clip.stream);
    assert.deepEqual(events, []);
    assert.equal(lastPicture(), "none");
    runFrame();
    assert.deepEqual(events, ["paint", "ack 6"], "one paint, and the newest alone");
    assert.equal(lastPicture(), "current");
    assert.equal(sha256(canvas.pixels), clip.hashes.at(-1));
    runFrame();
    assert.deepEqual(events, ["paint", "ack 6"], "nothing new, nothing said");
  });

  test("what comes in pieces is acknowledged piece by piece", () => {
    const half = clip.stream.length >> 1;
    socket.binary(clip.stream.subarray(0, half));
    runFrame();
    const first = Number(/^ack (\d)$/.exec(events.at(-1) ?? "")?.[1]);
    assert.ok(first >= 1 && first < 6, events.join());
    assert.equal(sha256(canvas.pixels), clip.hashes[first - 1]);
    socket.binary(clip.stream.subarray(half));
    assert.equal(events.at(-1), `ack ${first}`);
    runFrame();
    assert.equal(events.at(-1), "ack 6");
    assert.equal(sha256(canvas.pixels), clip.hashes.at(-1));
  });

  test("an agent that lost the thread asks once, skips what is on its way, and acknowledges nothing of it", () => {
    socket.binary(clip.stream);
    runFrame();
    events.length = 0;
    socket.binary(new Uint8Array([7, 7, 7, 7, 7, 7, 7, 7]));
    assert.deepEqual(events, ["resync"]);
    assert.equal(lastPicture(), "stale");
    socket.binary(clip.stream.subarray(500));
    runFrame();
    assert.deepEqual(events, ["resync"]);
    socket.binary(clip.stream);
    runFrame();
    assert.deepEqual(events, ["resync", "paint", "ack 6"]);
    assert.equal(lastPicture(), "current");
  });

  test("a message of a stream that was replaced is not acknowledged on the new connection", () => {
    socket.binary(clip.stream);
    const old = socket;
    session.join("0000-0000");
    socket.open();
    socket.text('{"type":"joined","agent":1}');
    events.length = 0;
    old.binary(clip.stream);
    runFrame();
    assert.deepEqual(events, []);
    assert.equal(lastPicture(), "none");
  });
});
