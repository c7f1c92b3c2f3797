import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { exactnessText } from "../../src/page/exactness.ts";

describe("words for exactness", () => {
  test("only a picture without a lossy pixel is exact", () => {
    assert.equal(exactnessText(0, 1000, 5), "Exact");
    assert.equal(exactnessText(1, 1_000_000, 1), "99 % exact");
    assert.equal(exactnessText(1000, 1000, 1000), "0 % exact");
  });

  test("it says so while it grows", () => {
    assert.equal(exactnessText(20, 1000, 40), "98 % exact, refining");
    assert.equal(exactnessText(40, 1000, 20), "96 % exact");
  });

  test("no picture, no words", () => {
    assert.equal(exactnessText(0, 0, 0), "");
  });
});
