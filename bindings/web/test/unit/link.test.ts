import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link } from "../../src/messages.ts";
import { AgentLink, type SocketEvents } from "../../src/worker/link.ts";

/** A network and a clock that do what the test says. */
class World {
  now = 0;
  sockets: { events: SocketEvents; sent: unknown[]; closed: boolean }[] = [];
  timers: { at: number; run: () => void }[] = [];
  states: Link[] = [];
  joins: boolean[] = [];
  messages: unknown[] = [];
  bytes: number[] = [];
  held: { width: number; height: number; tiles: number[] } | undefined;

  readonly link = new AgentLink(
    {
      connect: (events) => {
        const socket = { events, sent: [] as unknown[], closed: false };
        this.sockets.push(socket);
        return {
          send: (text) => void socket.sent.push(JSON.parse(text)),
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
      changed: (link) => void this.states.push(link),
      joined: (again) => void this.joins.push(again),
      message: (message) => void this.messages.push(message),
      binary: (bytes) => void this.bytes.push(bytes.length),
      holds: () => this.held,
    },
  );

  get socket(): { events: SocketEvents; sent: unknown[]; closed: boolean } {
    return this.sockets.at(-1)!;
  }

  get phase(): string {
    return this.link.state.phase;
  }

  say(message: object): void {
    this.socket.events.text(JSON.stringify(message));
  }

  /** Joins as a relay that knows the key lets one. */
  letIn(): void {
    this.socket.events.open();
    this.say({ type: "joined", agent: 1 });
  }

  refuse(kind: string): void {
    this.socket.events.open();
    this.say({ type: "refused", kind, message: "no" });
    this.socket.events.closed();
  }

  /** Lets time pass up to and including `ms` from now. */
  pass(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const due = this.timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((t) => t !== due);
      this.now = due.at;
      due.run();
    }
    this.now = until;
  }
}

const joinedWorld = (): World => {
  const world = new World();
  world.link.join("KJ4P-7TWX");
  world.letIn();
  return world;
};

test("the first message is a hello with the key", () => {
  const world = new World();
  world.link.join("KJ4P-7TWX");
  assert.equal(world.phase, "connecting");
  assert.deepEqual(world.socket.sent, []);
  world.letIn();
  assert.deepEqual(world.socket.sent, [{ type: "hello", protocol: 2, key: "KJ4P-7TWX" }]);
  assert.equal(world.phase, "joined");
  assert.deepEqual(world.joins, [false]);
  assert.deepEqual(world.timers, [], "nothing is left that could cut a good connection");
});

test("who comes back tells what it holds, who comes with another key does not", () => {
  const world = joinedWorld();
  world.held = { width: 100, height: 64, tiles: [1, 2] };
  world.socket.events.closed();
  world.pass(60_000);
  world.socket.events.open();
  assert.deepEqual(world.socket.sent, [
    { type: "hello", protocol: 2, key: "KJ4P-7TWX", holds: { width: 100, height: 64, tiles: [1, 2] } },
  ]);
  world.link.join("0000-0000");
  world.letIn();
  assert.deepEqual(world.socket.sent, [{ type: "hello", protocol: 2, key: "0000-0000" }]);
});

test("nothing but the hello is said before the relay lets us in, and no packet is taken", () => {
  const world = new World();
  world.link.join("KJ4P-7TWX");
  world.socket.events.open();
  world.link.send({ type: "ack", sequence: 1 });
  world.socket.events.binary(new Uint8Array(9));
  world.say({ type: "state", state: "live", source: "x" });
  assert.equal(world.socket.sent.length, 1);
  assert.deepEqual([world.bytes, world.messages], [[], []]);
});

test("a wrong key ends it: no second attempt", () => {
  const world = new World();
  world.link.join("AAAA-AAAA");
  world.refuse("wrong-key");
  assert.deepEqual(world.link.state, { phase: "refused", refusal: { kind: "wrong-key", message: "no" } });
  world.pass(3_600_000);
  assert.equal(world.sockets.length, 1);
});

test("a cut is followed by a new hello, and the stream starts anew", () => {
  const world = joinedWorld();
  world.socket.events.closed();
  assert.equal(world.phase, "retrying");
  world.pass(400);
  assert.equal(world.sockets.length, 2);
  world.letIn();
  assert.deepEqual(world.joins, [false, true]);
  assert.equal(world.phase, "joined");
});

test("waits grow while the relay is away, and start over after a connection that held", () => {
  const world = joinedWorld();
  world.pass(5_000);
  const waits: number[] = [];
  for (let i = 0; i < 7; i++) {
    world.socket.events.closed();
    const before = world.sockets.length;
    const { state } = world.link;
    assert.ok(state.phase === "retrying" && state.joinedBefore);
    waits.push(state.at - world.now);
    world.pass(state.at - world.now);
    assert.equal(world.sockets.length, before + 1);
  }
  assert.deepEqual(waits, [400, 800, 1600, 3200, 6400, 10_000, 10_000]);
  world.letIn();
  world.pass(5_000);
  world.socket.events.closed();
  assert.ok(world.link.state.phase === "retrying" && world.link.state.at - world.now === 400);
});

test("a relay that lets us in and cuts us off at once does not get attempts at full speed", () => {
  const world = joinedWorld();
  let attempts = 0;
  const end = world.now + 60_000;
  while (world.now < end) {
    world.socket.events.closed();
    world.pass(world.timers[0]!.at - world.now);
    world.letIn();
    attempts += 1;
  }
  assert.ok(attempts < 15, `${attempts} attempts in a minute`);
});

test("a restarted relay does not know the room until the visitor is back: that is waited for", () => {
  const world = joinedWorld();
  world.socket.events.closed();
  for (let i = 0; i < 3; i++) {
    world.pass(world.timers[0]!.at - world.now);
    world.refuse("wrong-key");
    assert.equal(world.phase, "retrying");
  }
  world.pass(world.timers[0]!.at - world.now);
  world.letIn();
  assert.equal(world.phase, "joined");
});

test("a room that stays unknown is given up, and can be tried again by hand", () => {
  const world = joinedWorld();
  world.socket.events.closed();
  let attempts = 0;
  while (world.phase === "retrying") {
    world.pass(world.timers[0]!.at - world.now);
    world.refuse("wrong-key");
    attempts += 1;
    assert.ok(attempts < 50);
  }
  assert.deepEqual(world.link.state, { phase: "ended", reason: "visitor-lost" });
  assert.deepEqual(world.timers, []);
  world.link.reconnect();
  world.letIn();
  assert.equal(world.phase, "joined");
});

test("a relay that shuts down is waited for; a visitor that stops is not", () => {
  const world = joinedWorld();
  world.say({ type: "end", reason: "relay-stopped" });
  assert.equal(world.phase, "retrying");
  world.pass(400);
  world.letIn();
  world.say({ type: "end", reason: "visitor-stopped" });
  world.socket.events.closed();
  assert.deepEqual(world.link.state, { phase: "ended", reason: "visitor-stopped" });
  assert.deepEqual(world.timers, []);
});

test("a relay that accepts and then says nothing is given up after a while", () => {
  const world = new World();
  world.link.join("KJ4P-7TWX");
  world.socket.events.open();
  const first = world.socket;
  world.pass(10_000);
  assert.equal(world.phase, "retrying");
  assert.ok(first.closed);
});

test("leaving closes the socket, and its last events change nothing", () => {
  const world = joinedWorld();
  const { events } = world.socket;
  world.link.leave();
  assert.ok(world.socket.closed);
  events.text('{"type":"visitor-lost"}');
  events.binary(new Uint8Array(3));
  events.closed();
  world.pass(60_000);
  assert.equal(world.phase, "off");
  assert.equal(world.sockets.length, 1);
  assert.deepEqual([world.messages, world.bytes], [[], []]);
});

test("another key replaces the session", () => {
  const world = joinedWorld();
  const first = world.socket;
  world.link.join("0000-0000");
  assert.ok(first.closed);
  world.letIn();
  assert.deepEqual(world.socket.sent, [{ type: "hello", protocol: 2, key: "0000-0000" }]);
  assert.deepEqual(world.joins, [false, false]);
});

test("a hand on the button does not wait for the timer", () => {
  const world = joinedWorld();
  world.socket.events.closed();
  world.link.reconnect();
  assert.equal(world.sockets.length, 2);
  world.link.reconnect();
  assert.equal(world.sockets.length, 3, "an attempt that hangs is replaced");
  world.letIn();
  world.link.reconnect();
  assert.equal(world.sockets.length, 3, "a good connection is left alone");
});

test("a message of a later version is passed over", () => {
  const world = joinedWorld();
  world.say({ type: "chat", text: "hello" });
  world.socket.events.text("not even JSON");
  assert.equal(world.phase, "joined");
});
