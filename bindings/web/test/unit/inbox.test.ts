import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Inbox } from "../../src/worker/inbox.ts";

describe("waiting messages", () => {
  test("come out in order", () => {
    const inbox = new Inbox();
    for (const n of [1, 2, 3]) assert.ok(inbox.put(new Uint8Array([n])));
    assert.deepEqual([inbox.take()?.[0], inbox.take()?.[0]], [1, 2]);
    inbox.clear();
    assert.equal(inbox.take(), undefined);
  });

  test("are bounded in bytes and in number, and there is room again after", () => {
    const inbox = new Inbox();
    const large = new Uint8Array(33 << 20);
    assert.ok(inbox.put(large));
    assert.ok(!inbox.put(large));
    inbox.take();
    assert.ok(inbox.put(large));
    inbox.clear();
    let count = 0;
    while (count < 5000 && inbox.put(new Uint8Array(1))) count += 1;
    assert.equal(count, 1024);
  });
});
