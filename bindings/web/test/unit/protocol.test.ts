import assert from "node:assert/strict";
import { test } from "node:test";
import { parseRelayMessage } from "../../src/protocol.ts";

test("the relay's messages are read", () => {
  const known: [string, unknown][] = [
    ['{"type":"joined","agent":3}', { type: "joined", agent: 3 }],
    [
      '{"type":"state","state":"idle","source":"Screen 1"}',
      { type: "state", state: "idle", source: "Screen 1" },
    ],
    ['{"type":"visitor-lost"}', { type: "visitor-lost" }],
    ['{"type":"end","reason":"source-ended"}', { type: "end", reason: "source-ended" }],
    [
      '{"type":"refused","kind":"wrong-key","message":"no"}',
      { type: "refused", kind: "wrong-key", message: "no" },
    ],
    ['{"type":"joined","agent":3,"later":"field"}', { type: "joined", agent: 3 }],
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
    '{"type":"joined","agent":"3"}',
    '{"type":"state","state":"asleep","source":"x"}',
    '{"type":"state","state":"live"}',
    '{"type":"state","state":["live"],"source":"x"}',
    '{"type":"end","reason":"toString"}',
    '{"type":"refused","kind":"wrong-key"}',
  ]) {
    assert.equal(parseRelayMessage(text), undefined, text);
  }
});

test("text for people is cut to a length that fits", () => {
  const message = parseRelayMessage(
    JSON.stringify({ type: "state", state: "live", source: "x".repeat(100_000) }),
  );
  assert.equal(message?.type === "state" && message.source.length, 400);
});
