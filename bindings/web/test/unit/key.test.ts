import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPartialKey, keyOfFragment, parseKey } from "../../src/page/key.ts";

test("a key is read as people type it", () => {
  for (const typed of ["KJ4P-7TW0", "kj4p7tw0", " KJ4P 7TWO ", "kj4p–7two", "K-J-4-P-7-T-W-0", "kj4p.7tw0"]) {
    assert.equal(parseKey(typed), "KJ4P-7TW0", typed);
  }
  assert.equal(parseKey("iLoO-1111"), "1100-1111");
});

test("other text is no key", () => {
  for (const typed of [
    "",
    "KJ4P",
    "KJ4P-7TW",
    "KJ4P-7TWX-9",
    "KJ4P-7TW!",
    "KJ4P-7TWÜ",
    "UUUU-UUUU",
    "KJ4P/7TWX",
  ]) {
    assert.equal(parseKey(typed), undefined, typed);
  }
});

test("a key being typed gets its hyphen and loses what cannot belong to it", () => {
  const shown: [string, string][] = [
    ["", ""],
    ["kj", "KJ"],
    ["kj4p", "KJ4P"],
    ["kj4p7", "KJ4P-7"],
    ["KJ4P-", "KJ4P"],
    ["kj4p-7twx", "KJ4P-7TWX"],
    ["kj4p7twx99", "KJ4P-7TWX"],
    ["u!o", "0"],
  ];
  for (const [typed, expected] of shown) assert.equal(formatPartialKey(typed), expected, typed);
});

test("a fragment may hold a key, also one that was encoded on its way", () => {
  assert.equal(keyOfFragment("#kj4p7twx"), "KJ4P-7TWX");
  assert.equal(keyOfFragment("#KJ4P%2D7TWX"), "KJ4P-7TWX");
  assert.equal(keyOfFragment("#KJ4P%20-%207TWX"), "KJ4P-7TWX");
  for (const none of ["", "#", "#%", "#%E0%A4%A", "#help", "#KJ4P-7TWX&x=1"])
    assert.equal(keyOfFragment(none), undefined, none);
});
