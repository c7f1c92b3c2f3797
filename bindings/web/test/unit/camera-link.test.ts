// Links to cameras: their text, their door, and the numbers that they go to.

import assert from "node:assert/strict";
import { test } from "node:test";
import { doorId, drawLink, linkText, phoneNumber } from "../../src/page/camera-link.ts";

test("a link's text is Crockford's base 32", () => {
  assert.equal(linkText(new Uint8Array([0xff, 0xff, 0xff, 0xff, 0xff])), "zzzzzzzz");
  assert.equal(linkText(new Uint8Array([0, 1])), "000g");
  assert.equal(linkText(new Uint8Array(16)), "0".repeat(26));
});

test("a link's door is what the sharing end opens", async () => {
  // The same number stands in src/session/seal/key.rs.
  assert.equal(await doorId(new Uint8Array(16).fill(0xab)), "2c66f498b9dd9a4f19bf49b82ab9a8e8");
});

test("links are never drawn twice", async () => {
  const [one, other] = [await drawLink(), await drawLink()];
  assert.notEqual(one.text, other.text);
  assert.match(one.text, /^[0-9a-hjkmnp-tv-z]{26}$/);
  assert.match(one.id, /^[0-9a-f]{32}$/);
});

test("numbers have their country", () => {
  assert.equal(phoneNumber("+49 (151) 234-56789"), "+4915123456789");
  for (const text of ["", "0151 23456789", "+49", "+0491512345", "+49 (0)151 234567", "+49151call"]) {
    assert.equal(phoneNumber(text), undefined, text);
  }
});
