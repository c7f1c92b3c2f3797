import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHostMessage, parseRelayMessage } from "../../src/protocol.ts";

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

test("the relay's messages to a host are read", () => {
  const refusal = { kind: "full", message: "no" };
  const known: [object, unknown][] = [
    [{ type: "room", room: "r", secret: "s" }, { type: "room", room: "r", secret: "s" }],
    [
      { type: "opened", door: { key: { number: "0042", expires_in_s: 600 } } },
      { type: "opened", door: { key: { number: "0042" } } },
    ],
    [{ type: "closed", door: { link: { id: "ab" } }, reason: "expired" }, { type: "closed", door: { link: { id: "ab" } } }],
    [
      { type: "came", joiner: 7, door: { presence: { visitor: "v" } }, who: { id: "a" } },
      { type: "came", joiner: 7, door: { presence: { visitor: "v" } }, resumed: false },
    ],
    [
      { type: "came", joiner: 7, resumed: true },
      { type: "came", joiner: 7, door: undefined, resumed: true },
    ],
    [{ type: "left", joiner: 7 }, { type: "left", joiner: 7 }],
    [{ type: "behind", joiner: 7 }, { type: "behind", joiner: 7 }],
    [{ type: "ready", joiner: 7 }, { type: "ready", joiner: 7 }],
    [{ type: "going-away", after_ms: 9 }, { type: "going-away", afterMs: 9 }],
    [{ type: "not-opened", ...refusal }, { type: "not-opened", ...refusal }],
    [{ type: "refused", ...refusal }, { type: "refused", ...refusal }],
  ];
  for (const [message, read] of known) assert.deepEqual(parseHostMessage(JSON.stringify(message)), read);
  for (const bad of [
    "{",
    "[]",
    '{"type":"room","room":"r"}',
    '{"type":"opened","door":{}}',
    '{"type":"opened","door":{"key":{"number":42}}}',
    '{"type":"closed","door":null}',
    '{"type":"came"}',
    '{"type":"left","joiner":"7"}',
    '{"type":"refused","kind":"because","message":""}',
  ]) {
    assert.equal(parseHostMessage(bad), undefined, bad);
  }
});
