import assert from "node:assert/strict";
import { test } from "node:test";
import type { Link } from "../../src/messages.ts";
import { JoinerLink, type SocketEvents } from "../../src/worker/link.ts";

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
  states: Link[] = [];
  heard: string[] = [];

  /** What the seat says when it is to prove itself. */
  proof: number | undefined;

  readonly link: JoinerLink = new JoinerLink(
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
      changed: (link) => void this.states.push(link),
      back: (): void => {
        this.heard.push("back");
        if (this.proof !== undefined) this.byte(this.proof);
      },
      cut: (there) => void this.heard.push(there ? "cut there" : "cut here"),
      binary: (bytes) => void this.heard.push(`bytes ${bytes.length}`),
      // As the session does it: the seat ends, and then the link.
      over: (reason): void => {
        this.heard.push(`over ${reason}`);
        this.link.end(reason);
      },
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

  byte(n: number): void {
    this.link.send(new Uint8Array([n]));
  }

  letIn(token = "t1"): void {
    this.socket.events.open();
    this.say({ type: "joined", room: "r", joiner: 7, token });
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

const HELLO = { type: "hello", protocol: 3, door: { key: { number: "4829" } } };

const joinedWorld = (): World => {
  const world = new World();
  world.link.knock({ key: { number: "4829" } });
  world.letIn();
  return world;
};

test("the relay is told the key's number, and gets two sealed messages before it lets us in", () => {
  const world = new World();
  world.link.knock({ key: { number: "4829" } });
  world.byte(1);
  assert.deepEqual(world.socket.sent, [HELLO], "the hello goes with the request");
  world.socket.events.open();
  assert.equal(world.phase, "knocking");
  world.byte(2);
  world.byte(3);
  assert.deepEqual(world.socket.sent, [HELLO, 1, 2], "a third would be refused");
  world.say({ type: "joined", room: "r", joiner: 7, token: "t1" });
  assert.deepEqual(world.socket.sent, [HELLO, 1, 2, 3]);
  assert.deepEqual([world.phase, world.heard], ["joined", []]);
});

test("a tenant and a token go with a knock; a place needs no token", () => {
  const world = new World();
  const door = { presence: { visitor: "4711" } };
  world.link.knock(door, { tenant: "shop", token: "eyJ" });
  world.letIn();
  const hello = { type: "hello", protocol: 3, tenant: "shop" };
  assert.deepEqual(world.socket.sent, [{ ...hello, token: "eyJ", door }]);
  world.socket.events.closed();
  world.pass(0);
  world.socket.events.open();
  assert.deepEqual(world.socket.sent, [{ ...hello, resume: { room: "r", joiner: 7, token: "t1" } }]);
});

test("a wrong key ends it: no second attempt", () => {
  const world = new World();
  world.link.knock({ key: { number: "0000" } });
  world.refuse("wrong-key");
  assert.deepEqual(world.link.state, { phase: "refused", refusal: { kind: "wrong-key", message: "no" } });
  world.pass(3_600_000);
  assert.equal(world.sockets.length, 1);
});

test("a relay that is not there is tried again, with the first message still to be sent", () => {
  const world = new World();
  world.link.knock({ key: { number: "4829" } });
  world.byte(1);
  world.socket.events.closed();
  assert.equal(world.phase, "retrying");
  world.pass(400);
  world.socket.events.open();
  assert.deepEqual(world.socket.sent, [HELLO, 1]);
});

test("a knock that was cut off cannot go on: its key may be spent", () => {
  const world = new World();
  world.link.knock({ key: { number: "4829" } });
  world.byte(1);
  world.socket.events.open();
  world.socket.events.closed();
  assert.deepEqual(world.heard, ["over lost"]);
  assert.deepEqual([world.phase, world.timers], ["ended", []]);
});

test("after a cut the place is asked for with the newest token, and the proof goes along", () => {
  const world = joinedWorld();
  world.socket.events.closed();
  assert.deepEqual(world.heard, ["cut here"]);
  world.byte(9);
  world.proof = 4;
  world.pass(400);
  const resume = (token: string): object => ({ type: "hello", protocol: 3, resume: { room: "r", joiner: 7, token } });
  assert.deepEqual(world.socket.sent, [resume("t1"), 4], "with the request, before it is open");
  assert.deepEqual(world.heard, ["cut here", "back"]);
  world.socket.events.open();
  assert.deepEqual(world.socket.sent, [resume("t1"), 4]);
  world.say({ type: "joined", room: "r", joiner: 7, token: "t2" });
  assert.deepEqual(world.heard, ["cut here", "back"]);
  world.byte(5);
  assert.deepEqual(world.socket.sent, [resume("t1"), 4, 5]);
  world.socket.events.closed();
  world.pass(10_000);
  assert.deepEqual(world.socket.sent, [resume("t2"), 4]);
});

test("an attempt that does not open takes the proof with it, and the next makes another", () => {
  const world = joinedWorld();
  world.socket.events.closed();
  const sent: unknown[] = [];
  for (world.proof = 10; world.proof < 16; world.proof++) {
    world.pass(400);
    if (world.proof === 12) world.socket.events.open();
    sent.push(world.socket.sent.at(-1));
    world.socket.events.closed();
  }
  assert.deepEqual(sent.slice(0, 3), [10, 11, 12], "the second attempt in four goes the usual way, once it is open");
  const rounds = world.heard.slice(1);
  assert.deepEqual(rounds, Array<string[]>(rounds.length / 2).fill(["back", "cut here"]).flat());
});

test("what does not let sub-protocols pass is gone around", () => {
  const world = new World();
  world.link.knock({ key: { number: "4829" } });
  world.byte(1);
  assert.deepEqual(world.socket.sent, [HELLO]);
  world.socket.events.closed();
  world.pass(400);
  assert.deepEqual(world.socket.sent, []);
  world.socket.events.open();
  assert.deepEqual(world.socket.sent, [HELLO, 1]);
});

test("a relay that does not know the place yet is asked again for a minute", () => {
  const world = joinedWorld();
  world.socket.events.closed();
  let attempts = 0;
  while (world.phase === "retrying") {
    world.pass(world.timers[0]!.at - world.now);
    world.refuse("unavailable");
    assert.ok(++attempts < 100);
  }
  assert.ok(attempts > 5 && world.now >= 60_000, `${attempts} attempts, ${world.now} ms`);
  assert.equal(world.heard.at(-1), "over lost");
  assert.deepEqual(world.timers, []);
});

test("waits grow while the relay is away", () => {
  const world = joinedWorld();
  world.pass(5_000);
  const waits: number[] = [];
  for (let i = 0; i < 16; i++) {
    world.socket.events.closed();
    const { state } = world.link;
    assert.ok(state.phase === "retrying" && state.joinedBefore);
    waits.push(state.at - world.now);
    world.pass(state.at - world.now);
  }
  assert.deepEqual(waits, [0, ...Array<number>(8).fill(120), 240, 480, 960, 1920, 3840, 7680, 10_000]);
});

test("a relay that goes away says how long to wait", () => {
  const world = joinedWorld();
  world.say({ type: "going-away", after_ms: 3210 });
  const { state } = world.link;
  assert.ok(state.phase === "retrying" && state.at - world.now === 3210);
});

test("a host that is lost and back is told once each", () => {
  const world = joinedWorld();
  for (const type of ["host-back", "host-lost", "host-lost", "host-back", "host-back"]) world.say({ type });
  assert.deepEqual(world.heard, ["cut there", "back"]);
});

test("the relay's endings are told in the ends' own words", () => {
  const world = joinedWorld();
  world.say({ type: "end", reason: "host-stopped" });
  world.socket.events.closed();
  assert.deepEqual(world.heard, ["over sharer-stopped"]);
  assert.deepEqual(world.link.state, { phase: "ended", reason: "sharer-stopped" });
  assert.deepEqual(world.timers, []);
});

test("a relay that says nothing for long is asked, and then given up", () => {
  const world = joinedWorld();
  world.pass(5_000);
  assert.deepEqual(world.socket.sent, [HELLO, { type: "ping" }]);
  world.say({ type: "pong" });
  world.pass(5_000);
  world.say({ type: "host-lost" });
  world.pass(10_999);
  assert.deepEqual(world.heard, ["cut there"]);
  const { socket } = world;
  world.pass(1);
  assert.deepEqual([world.heard, socket.closed], [["cut there", "cut here", "back"], true]);
});

test("leaving closes the socket, and its last events change nothing", () => {
  const world = joinedWorld();
  const { events } = world.socket;
  world.link.leave();
  assert.ok(world.socket.closed);
  events.text('{"type":"host-lost"}');
  events.binary(new Uint8Array(3));
  events.closed();
  world.pass(60_000);
  assert.deepEqual([world.phase, world.sockets.length, world.heard], ["off", 1, []]);
});

test("a hand on the button does not wait for the timer", () => {
  const world = joinedWorld();
  world.socket.events.closed();
  world.link.reconnect();
  assert.equal(world.sockets.length, 2);
  world.letIn("t2");
  world.link.reconnect();
  assert.equal(world.sockets.length, 2, "a good connection is left alone");
});

test("a message of a later version is passed over", () => {
  const world = joinedWorld();
  world.say({ type: "chat", text: "hello" });
  world.socket.events.text("not even JSON");
  assert.equal(world.phase, "joined");
});
