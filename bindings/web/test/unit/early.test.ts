import assert from "node:assert/strict";
import { test } from "node:test";
import { early, MOST_EARLY_BYTES, Way } from "../../src/worker/early.ts";

test("entries have the documented form", () => {
  const first = early("{}", new Uint8Array([0xfb, 0xff, 0]));
  assert.deepEqual(first, { protocols: ["panecast", "hello.e30", "proof.-_8A"], hello: true, proof: true });
  assert.deepEqual(early("{}"), { protocols: ["panecast", "hello.e30"], hello: true, proof: false });
});

test("what does not fit is left to be sent", () => {
  const room = MOST_EARLY_BYTES - "panecast, hello.e30, proof.".length;
  const most = early("{}", new Uint8Array(Math.floor((room * 3) / 4)));
  assert.ok(most.proof && most.protocols.join(", ").length <= MOST_EARLY_BYTES);
  const more = early("{}", new Uint8Array(Math.floor((room * 3) / 4) + 2));
  assert.deepEqual([more.hello, more.proof, more.protocols.length], [true, false, 2]);
  const none = early("x".repeat(MOST_EARLY_BYTES), new Uint8Array(1));
  assert.deepEqual(none, { protocols: ["panecast"], hello: false, proof: false });
});

test("sub-protocols are tried again and again, and given up for one attempt in four", () => {
  const way = new Way();
  assert.deepEqual([1, 2, 3, 4].map((n) => way.tries(n)), [true, false, true, false]);
  way.opened();
  assert.equal(way.tries(5), true, "one without says nothing of those with");
  way.opened();
  assert.deepEqual([1, 2, 3, 4, 5].map((n) => way.tries(n)), [true, true, true, false, true]);
});
