import assert from "node:assert/strict";
import { test } from "node:test";
import { shortcutOf, type Press } from "../../src/page/shortcuts.ts";

const press = (key: string, change: Partial<Press> = {}): Press => ({
  key,
  ctrlKey: false,
  altKey: false,
  metaKey: false,
  repeat: false,
  target: { tag: "body", editable: false },
  dialogOpen: false,
  ...change,
});

test("keys mean what the help says", () => {
  const meant = ["f", "F", "0", "1", "+", "=", "-", "s", "x", "d", "?", "p", "l", "e", "h", "a", "c", "Escape"].map((key) => shortcutOf(press(key)));
  assert.deepEqual(meant, [
    "fullscreen",
    "fullscreen",
    "fit",
    "actual",
    "in",
    "in",
    "out",
    "save",
    "mark",
    "details",
    "help",
    "rest",
    "laser",
    "pen",
    "highlight",
    "arrow",
    "clear",
    "lay-down",
  ]);
  for (const key of ["y", "Tab", "Enter", " ", "ArrowLeft"])
    assert.equal(shortcutOf(press(key)), undefined, key);
});

test("typing, dialogs and the browser's own combinations are left alone", () => {
  for (const tag of ["input", "textarea", "select"]) {
    assert.equal(shortcutOf(press("f", { target: { tag, editable: false } })), undefined, tag);
  }
  assert.equal(shortcutOf(press("f", { target: { tag: "div", editable: true } })), undefined);
  assert.equal(shortcutOf(press("f", { dialogOpen: true })), undefined);
  for (const modifier of ["ctrlKey", "altKey", "metaKey"] as const) {
    assert.equal(shortcutOf(press("+", { [modifier]: true })), undefined, modifier);
  }
});

test("a key that is held zooms on, and does nothing else twice", () => {
  assert.equal(shortcutOf(press("+", { repeat: true })), "in");
  assert.equal(shortcutOf(press("-", { repeat: true })), "out");
  assert.equal(shortcutOf(press("s", { repeat: true })), undefined);
});
