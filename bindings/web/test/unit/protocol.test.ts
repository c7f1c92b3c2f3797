import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRelayMessage } from "../../src/protocol.ts";

test("the relay's messages are read", () => {
  const known: [string, unknown][] = [
    [
      '{"type":"joined","room":"r","joiner":3,"token":"t","later":"field"}',
      { type: "joined", room: "r", joiner: 3, token: "t" },
    ],
    ['{"type":"host-lost"}', { type: "host-lost" }],
    ['{"type":"host-back"}', { type: "host-back" }],
    ['{"type":"end","reason":"source-ended"}', { type: "end", reason: "source-ended" }],
    ['{"type":"end","reason":"host-stopped"}', { type: "end", reason: "sharer-stopped" }],
    ['{"type":"going-away","after_ms":900}', { type: "going-away", afterMs: 900 }],
    ['{"type":"going-away","after_ms":1e12}', { type: "going-away", afterMs: 30_000 }],
    [
      '{"type":"refused","kind":"wrong-key","message":"no"}',
      { type: "refused", kind: "wrong-key", message: "no" },
    ],
  ];
  for (const [text, message] of known) assert.deepEqual(parseRelayMessage(text), message, text);
});

test("anything else is nothing", () => {
  for (const text of [
    "",
    "{",
    "null",
    "7",
    '"joined"',
    "[]",
    "{}",
    '{"type":"shout"}',
    '{"type":"joined"}',
    '{"type":"joined","room":"r","joiner":"3","token":"t"}',
    '{"type":"going-away","after_ms":-1}',
    '{"type":"end","reason":"toString"}',
    '{"type":"refused","kind":"wrong-key"}',
  ]) {
    assert.equal(parseRelayMessage(text), undefined, text);
  }
});

test("text for people is cut to a length that fits", () => {
  const message = parseRelayMessage(
    JSON.stringify({ type: "refused", kind: "full", message: "x".repeat(100_000) }),
  );
  assert.equal(message?.type === "refused" && message.message.length, 400);
});
