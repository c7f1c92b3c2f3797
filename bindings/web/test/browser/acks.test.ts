// The session's order of work, in node with a canvas and an animation frame that the test holds: an update is
// acknowledged after it was painted and not before, the newest of several alone.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, afterEach, before, beforeEach, describe, test } from "node:test";
import type { FromWorker } from "../../src/messages.ts";
import type { SocketEvents } from "../../src/worker/link.ts";
import { Av1 } from "../../src/worker/av1/av1.ts";
import { Session } from "../../src/worker/session.ts";
import { Cleanup, pageFolder, until } from "./harness.ts";
import { Sharer } from "./host.ts";
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
  let cleanup: Cleanup;
  let sharer: Sharer;
  const VIEWER = 1;

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

  beforeEach(async () => {
    cleanup = new Cleanup();
    sharer = new Sharer(cleanup);
    canvas = new FakeCanvas();
    posted = [];
    frames = [];
    const around = {
      connect: (given: SocketEvents) => {
        socket = given;
        return {
          send: () => undefined,
          sendBytes: (bytes: Uint8Array) => sharer.tell("r", VIEWER, bytes),
          waiting: () => 0,
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
    const door = Buffer.from([37, 0, 0, 0]);
    sharer.tell("k", 0, door.subarray(0, 2));
    const key = await sharer.tells("K");
    sharer.on("told", ({ letter, payload }) => {
      if (letter === "S") socket.binary(new Uint8Array(payload.subarray(1)));
      if (letter === "A") socket.text('{"type":"joined","room":"r","joiner":1,"token":"t"}');
      if (letter === "Q") sharer.tell("a", VIEWER, "Test clip");
      if (letter === "J") events.push("joined");
      if (letter === "P") events.push(`ack ${payload.readBigUInt64LE(0)}`);
    });
    session.join(key, "Ada");
    sharer.tell("c", VIEWER, door);
    socket.open();
    await until("the seat", () => events.includes("joined") || undefined);
    events.length = 0;
  });
  afterEach(() => cleanup.run());

  /** Has a packet sealed and delivered. */
  const deliver = async (bytes: Uint8Array, letter = "p"): Promise<void> => {
    const before = sharer.all("S").length;
    sharer.tell(letter, VIEWER, bytes);
    await until("the packet", () => sharer.all("S").length > before || undefined);
  };
  /** Runs the frame, and waits for what the page says to arrive: the answer to a packet that is none. */
  const frame = async (): Promise<void> => {
    runFrame();
    session.draw({ kind: "pointer", at: [1, sharer.all("M").length] });
    const before = sharer.all("M").length;
    await until("all that was said before the mark", () => sharer.all("M").length > before || undefined);
  };

  const lastPicture = (): string | undefined => {
    const statuses = posted.flatMap((m) => (m.type === "status" ? [m.status.picture] : []));
    return statuses.at(-1);
  };

  test("nothing is acknowledged or called current before its animation frame", async () => {
    await deliver(clip.stream);
    assert.deepEqual(events, []);
    assert.equal(lastPicture(), "none");
    await frame();
    assert.deepEqual(events, ["paint", "ack 6"], "one paint, and the newest alone");
    assert.equal(lastPicture(), "current");
    assert.equal(sha256(canvas.pixels), clip.hashes.at(-1));
    await frame();
    assert.deepEqual(events, ["paint", "ack 6"], "nothing new, nothing said");
  });

  test("what comes in pieces is acknowledged piece by piece", async () => {
    const half = clip.stream.length >> 1;
    await deliver(clip.stream.subarray(0, half));
    await frame();
    const first = Number(/^ack (\d)$/.exec(events.at(-1) ?? "")?.[1]);
    assert.ok(first >= 1 && first < 6, events.join());
    assert.equal(sha256(canvas.pixels), clip.hashes[first - 1]);
    await deliver(clip.stream.subarray(half), "s");
    assert.equal(events.at(-1), `ack ${first}`);
    await frame();
    assert.equal(events.at(-1), "ack 6");
    assert.equal(sha256(canvas.pixels), clip.hashes.at(-1));
  });

  test("an agent that lost the thread asks once, skips what is on its way, and acknowledges nothing of it", async () => {
    await deliver(clip.stream);
    await frame();
    events.length = 0;
    // No packet is of this kind.
    await deliver(new Uint8Array(8).fill(0x63), "s");
    await until("the question for a snapshot", () => events.length > 0 || undefined);
    assert.deepEqual(events, ["joined"]);
    assert.equal(lastPicture(), "stale");
    await deliver(clip.stream.subarray(500), "s");
    await frame();
    assert.deepEqual(events, ["joined"]);
    await deliver(clip.stream);
    await frame();
    assert.deepEqual(events, ["joined", "paint", "ack 6"]);
    assert.equal(lastPicture(), "current");
  });

  test("a message of a session that was left is not painted", async () => {
    const old = socket;
    await deliver(clip.stream);
    session.leave();
    await until("the word that it leaves", () => sharer.all("L")[0]);
    events.length = 0;
    old.binary(new Uint8Array(sharer.all("S").at(-1)!.payload.subarray(1)));
    runFrame();
    assert.deepEqual(events, []);
    assert.equal(lastPicture(), "none");
  });
});
