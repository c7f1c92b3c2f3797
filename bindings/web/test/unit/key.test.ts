import assert from "node:assert/strict";
import { test } from "node:test";
import { formatPartialKey, keyOfFragment, parseKey } from "../../src/page/key.ts";

test("a key is read with any spacing, as people paste it", () => {
  for (const text of ["482913507", "482 913 507", " 482-913-507\n", "482\u00a0913\u2009507", "４８２９１３５０７", "4.8.2/913,507"]) {
    assert.equal(parseKey(text), "482 913 507", text);
  }
  assert.equal(parseKey("000000042"), "000 000 042");
});

test("what is no key is refused", () => {
  for (const text of ["", "48291350", "4829135070", "48291350x", "+482913507", "KJ4P-7TWX", "²82913507x"]) {
    assert.equal(parseKey(text), undefined, text);
  }
});

test("a key takes its form while it is typed", () => {
  const typed = ["4", "48", "482", "482 9", "482 91", "482 913", "482 913 5"];
  for (const text of typed) assert.equal(formatPartialKey(text.replaceAll(" ", "")), text);
  assert.equal(formatPartialKey("key: 482-913-507!"), "482 913 507");
  assert.equal(formatPartialKey("48291350799"), "482 913 507");
});

test("a fragment may hold the key", () => {
  assert.equal(keyOfFragment("#482913507"), "482 913 507");
  assert.equal(keyOfFragment("#482%20913%20507"), "482 913 507");
  assert.equal(keyOfFragment("#%zz"), undefined);
  assert.equal(keyOfFragment(""), undefined);
});
