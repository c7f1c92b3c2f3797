import assert from "node:assert/strict";
import { test } from "node:test";
import { Lookout, MOST_WATCHED } from "../../src/page/lookout.ts";
import type { SocketEvents } from "../../src/worker/link.ts";

/** A relay and a clock that do what the test says. */
class World {
  now = 0;
  sockets: { events: SocketEvents; sent: { type: string }[]; closed: boolean }[] = [];
  timers: { at: number; run: () => void }[] = [];
  heard: string[] = [];

  readonly lookout = new Lookout(
    {
      connect: (events) => {
        const socket = { events, sent: [] as { type: string }[], closed: false };
        this.sockets.push(socket);
        return {
          send: (text) => void socket.sent.push(JSON.parse(text)),
          sendBytes: () => assert.fail("a lookout says nothing in bytes"),
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
      changed: (visitor, presence) => void this.heard.push(`${visitor} ${presence}`),
      refused: ({ kind }) => void this.heard.push(`refused ${kind}`),
    },
  );

  get socket(): (typeof this.sockets)[number] {
    return this.sockets.at(-1)!;
  }

  tells(type: string, visitor: string): void {
    this.socket.events.text(JSON.stringify({ type, door: { presence: { visitor } } }));
  }

  pass(ms: number): void {
    this.now += ms;
    const due = this.timers.filter((t) => t.at <= this.now);
    this.timers = this.timers.filter((t) => t.at > this.now);
    for (const timer of due) timer.run();
  }
}

const watch = (visitor: string): object => ({ type: "watch", door: { presence: { visitor } } });

test("each visitor is watched by one connection, for the tenant of the pass", () => {
  const world = new World();
  world.lookout.watch("a");
  assert.equal(world.sockets.length, 0, "without a pass nobody is asked about");
  world.lookout.as({ tenant: "shop", token: "eyJ" });
  world.socket.events.open();
  const hello = { type: "hello", protocol: 3, tenant: "shop", token: "eyJ" };
  assert.deepEqual(world.socket.sent, [hello, watch("a")]);
  world.lookout.watch("b");
  world.lookout.watch("b");
  assert.deepEqual(world.socket.sent.slice(2), [watch("b")]);
  world.tells("available", "a");
  world.tells("unavailable", "b");
  world.tells("available", "a");
  world.tells("available", "somebody else");
  assert.deepEqual(world.heard, ["a there", "b away"]);
  world.lookout.unwatch("a");
  assert.deepEqual(world.socket.sent.at(-1), { ...watch("a"), type: "unwatch" });
  assert.deepEqual(world.lookout.visitors, [["b", "away"]]);
  world.lookout.unwatch("b");
  assert.ok(world.socket.closed && world.timers.length === 0);
});

test("after a cut nothing is known, and all are watched anew", () => {
  const world = new World();
  world.lookout.as({});
  world.lookout.watch("a");
  world.socket.events.open();
  assert.deepEqual(world.socket.sent[0], { type: "hello", protocol: 3 });
  world.tells("available", "a");
  world.pass(5_000);
  world.socket.events.closed();
  assert.deepEqual(world.heard, ["a there", "a unknown"]);
  world.pass(0);
  world.socket.events.open();
  assert.deepEqual(world.socket.sent.slice(1), [watch("a")]);
  world.socket.events.text('{"type":"going-away","after_ms":700}');
  world.pass(699);
  assert.equal(world.sockets.length, 2);
  world.pass(1);
  assert.equal(world.sockets.length, 3);
});

test("a relay that refuses is not asked again before there is another token", () => {
  const world = new World();
  world.lookout.watch("a");
  world.lookout.as({});
  world.socket.events.open();
  world.socket.events.text('{"type":"refused","kind":"not-allowed","message":"no"}');
  world.socket.events.closed();
  world.pass(600_000);
  assert.deepEqual([world.heard, world.sockets.length], [["refused not-allowed"], 1]);
  world.lookout.as({ token: "eyJ" });
  assert.equal(world.sockets.length, 2);
});

test("no more are watched than the relay takes", () => {
  const world = new World();
  for (let i = 0; i < MOST_WATCHED; i++) assert.ok(world.lookout.watch(String(i)));
  assert.ok(!world.lookout.watch("one more"));
  assert.ok(world.lookout.watch("0"), "it is watched already");
});
