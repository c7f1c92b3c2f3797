import assert from "node:assert/strict";
import { test } from "node:test";
import { HostLink, type HostLinkState } from "../../src/sharer/host-link.ts";
import type { SocketEvents } from "../../src/worker/link.ts";

/** What went with the request, read as a relay reads it. */
function earlyOf(protocols: string[] = []): unknown[] {
  const [name, ...entries] = protocols;
  assert.ok(name === undefined || name === "panecast");
  return entries.map((entry) => {
    const [what, text = ""] = entry.split(".");
    const bytes = Buffer.from(text, "base64url");
    return what === "hello" ? JSON.parse(bytes.toString()) : bytes[0];
  });
}

/** A network and a clock that do what the test says. */
class World {
  now = 0;
  sockets: { events: SocketEvents; sent: unknown[]; closed: boolean }[] = [];
  timers: { at: number; run: () => void }[] = [];
  states: HostLinkState[] = [];
  heard: string[] = [];

  readonly link = new HostLink(
    {
      connect: (events, protocols) => {
        const socket = { events, sent: earlyOf(protocols), closed: false };
        this.sockets.push(socket);
        return {
          send: (text) => void socket.sent.push(JSON.parse(text)),
          sendBytes: (bytes) => void socket.sent.push(bytes[0]),
          waiting: () => 0,
          close: () => (socket.closed = true),
        };
      },
      after: (ms, run) => {
        const timer = { at: this.now + ms, run };
        this.timers.push(timer);
        return () => (this.timers = this.timers.filter((t) => t !== timer));
      },
      now: () => this.now,
      random: () => 1,
    },
    {
      changed: (state) => void this.states.push(state),
      room: (again) => void this.heard.push(again ? "room again" : "room"),
      roomLost: () => void this.heard.push("room lost"),
      cut: () => void this.heard.push("cut"),
      said: (message) => void this.heard.push(message.type),
      binary: (joiner, bytes) => void this.heard.push(`${joiner}: ${[...bytes].join(" ")}`),
    },
  );

  get socket(): { events: SocketEvents; sent: unknown[]; closed: boolean } {
    return this.sockets.at(-1)!;
  }

  say(message: object): void {
    this.socket.events.text(JSON.stringify(message));
  }

  enter(room = "r"): void {
    this.socket.events.open();
    this.say({ type: "room", room, secret: `secret of ${room}` });
  }

  /** Goes on to the next timer. */
  wait(): void {
    const next = this.timers.sort((a, b) => a.at - b.at).shift();
    assert.ok(next, "nothing is waited for");
    this.now = next.at;
    next.run();
  }
}

function begun(): World {
  const world = new World();
  world.link.start();
  world.enter();
  return world;
}

test("a room is asked for, and what joiners and relay say is passed on", () => {
  const world = begun();
  assert.deepEqual(world.socket.sent, [{ type: "hello", protocol: 3 }]);
  world.say({ type: "came", joiner: 7, door: { link: { id: "ab" } } });
  world.socket.events.binary(new Uint8Array([7, 0, 0, 128, 1, 2]));
  world.socket.events.binary(new Uint8Array([7, 0, 0]));
  world.say({ type: "of a later version" });
  assert.deepEqual(world.heard, ["room", "came", `${0x80000007}: 1 2`]);
});

test("after a cut the room is come back to", () => {
  const world = begun();
  world.socket.events.closed();
  assert.equal(world.link.state.phase, "retrying");
  world.wait();
  world.enter();
  assert.deepEqual(world.socket.sent[0], {
    type: "hello",
    protocol: 3,
    resume: { room: "r", secret: "secret of r" },
  });
  assert.deepEqual(world.heard, ["room", "cut", "room again"]);
});

test("a room that the relay has ended is given up for a new one", () => {
  const world = begun();
  world.socket.events.closed();
  world.wait();
  world.socket.events.open();
  world.say({ type: "refused", kind: "unavailable", message: "over" });
  world.wait();
  world.enter("new");
  assert.deepEqual(world.socket.sent[0], { type: "hello", protocol: 3 });
  assert.deepEqual(world.heard, ["room", "cut", "room lost", "room"]);
});

test("a relay that says no to a first hello is not asked again; one of another version never", () => {
  const first = new World();
  first.link.start();
  first.socket.events.open();
  first.say({ type: "refused", kind: "full", message: "no room" });
  assert.equal(first.link.state.phase, "refused");
  assert.deepEqual([first.socket.closed, first.timers.length], [true, 0]);
  const later = begun();
  later.socket.events.closed();
  later.wait();
  later.socket.events.open();
  later.say({ type: "refused", kind: "version", message: "4" });
  assert.equal(later.link.state.phase, "refused");
});

test("a silent relay is given up on, and one that goes away is come back to when it says", () => {
  const world = new World();
  world.link.start();
  world.wait();
  assert.deepEqual([world.now, world.link.state.phase], [10_000, "retrying"]);
  world.wait();
  world.enter();
  const at = world.now;
  world.say({ type: "going-away", after_ms: 1234 });
  world.wait();
  assert.equal(world.now - at, 1234);
  assert.equal(world.sockets.length, 3);
  world.sockets[1]!.events.text('{"type":"left","joiner":1}');
  assert.ok(!world.heard.includes("left"), "an older socket says nothing");
});

test("a relay that says nothing for long is asked, and then given up", () => {
  const world = begun();
  world.wait();
  assert.deepEqual(world.socket.sent.at(-1), { type: "ping" });
  world.wait();
  assert.deepEqual([world.now, world.link.state.phase, world.heard], [11_000, "retrying", ["room", "cut"]]);
});
