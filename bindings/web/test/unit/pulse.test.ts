import assert from "node:assert/strict";
import { test } from "node:test";
import { ANSWER_WITHIN_MS, ASK_AFTER_MS, Pulse } from "../../src/worker/pulse.ts";

/** A line that is dead unless it answers, on a clock of its own. */
class Line {
  now = 0;
  timers: { at: number; run: () => void }[] = [];
  asked = 0;
  silent = 0;
  answers = false;
  waiting = 0;

  readonly pulse = new Pulse({
    after: (ms, run) => {
      const timer = { at: this.now + ms, run };
      this.timers.push(timer);
      return () => (this.timers = this.timers.filter((t) => t !== timer));
    },
    now: () => this.now,
  });

  begin(): void {
    this.pulse.begin({
      ask: () => {
        this.asked += 1;
        if (this.answers) this.timers.push({ at: this.now + 40, run: () => this.pulse.heard() });
      },
      waiting: () => this.waiting,
      silent: () => void (this.silent += 1),
    });
  }

  pass(ms: number): void {
    const until = this.now + ms;
    for (;;) {
      const due = this.timers.filter((t) => t.at <= until).sort((a, b) => a.at - b.at)[0];
      if (due === undefined) break;
      this.timers = this.timers.filter((t) => t !== due);
      this.now = Math.max(this.now, due.at);
      due.run();
    }
    this.now = until;
  }
}

/** Milliseconds until the line is given up. */
function untilSilent(line: Line): number {
  const [began, silent] = [line.now, line.silent];
  line.begin();
  while (line.silent === silent) line.pass(100);
  return line.now - began;
}

test("a dead line is asked once and given up after eleven seconds", () => {
  const line = new Line();
  assert.equal(untilSilent(line), ASK_AFTER_MS + ANSWER_WITHIN_MS);
  assert.deepEqual([line.asked, line.timers.length], [1, 0]);
});

test("a line that answers is asked again only after it has been silent", () => {
  const line = new Line();
  line.answers = true;
  line.begin();
  line.pass(60_000);
  assert.ok(line.asked >= 5 && line.asked <= 12 && line.silent === 0, `${line.asked}`);
  const { asked } = line;
  for (let i = 0; i < 100; i++) {
    line.pulse.heard();
    line.pass(1000);
  }
  assert.ok(line.asked - asked <= 1, "one on which something comes is left alone");
  line.pulse.end();
  line.pass(60_000);
  assert.deepEqual([line.asked - asked <= 1, line.silent, line.timers.length], [true, 0, 0]);
});

test("a line on which bytes still go out is not dead", () => {
  const line = new Line();
  line.waiting = 1000;
  line.begin();
  for (let i = 0; i < 10; i++) {
    line.pass(ANSWER_WITHIN_MS);
    line.waiting -= 50;
  }
  assert.equal(line.silent, 0);
  line.pass(20_000);
  assert.equal(line.silent, 1);
});

test("who is given up on and comes back is given longer, until a connection has held", () => {
  const line = new Line();
  const taken = [1, 2, 3, 4, 5].map(() => untilSilent(line));
  assert.deepEqual(taken, [11_000, 17_000, 29_000, 53_000, 53_000]);
  line.answers = true;
  line.begin();
  line.pass(70_000);
  line.answers = false;
  const { now } = line;
  while (line.silent === 5) line.pass(100);
  assert.ok(line.now - now <= 2 * (ASK_AFTER_MS + ANSWER_WITHIN_MS));
});

test("a device that slept asks before it gives up", () => {
  const line = new Line();
  line.begin();
  line.now = 3_600_000;
  line.pass(0);
  assert.deepEqual([line.asked, line.silent], [1, 0]);
  line.pulse.heard();
  line.pass(ANSWER_WITHIN_MS);
  assert.equal(line.silent, 0);
});
