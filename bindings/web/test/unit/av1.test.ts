import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Av1 } from "../../src/worker/av1/av1.ts";
import { codecOf, splitPairs } from "../../src/worker/av1/browser.ts";
import { Av1Error, layoutOf, type PlaneRequest, type PlaneSource } from "../../src/worker/av1/planes.ts";
import { selfTest, sumOf } from "../../src/worker/av1/self-test.ts";

function request(surface: number, keyframe: boolean): PlaneRequest {
  return { surface, keyframe, width: 4, height: 2, fullChroma: false, data: new Uint8Array([surface]) };
}

/** A decoder that gives `answer`, or fails with it. */
class Fake implements PlaneSource {
  readonly asked: string[] = [];
  resets = 0;
  answer: Uint8Array | Error;

  constructor(answer: Uint8Array | Error) {
    this.answer = answer;
  }

  async decode(given: PlaneRequest): Promise<Uint8Array> {
    this.asked.push(`${given.surface}${given.keyframe ? " key" : ""}`);
    if (this.answer instanceof Error) throw this.answer;
    return this.answer;
  }

  keep(): void {}

  reset(): void {
    this.resets += 1;
  }
}

/** Passes the self-test by knowing it, then decodes as it is told. */
class Learned extends Fake {
  override async decode(given: PlaneRequest): Promise<Uint8Array> {
    return given.surface === 0xffff ? new Uint8Array(0) : super.decode(given);
  }
}

const ours = new Uint8Array([1]);

describe("choice of the AV1 decoder", () => {
  test("none in the browser: ours is loaded, once", async () => {
    let loads = 0;
    const module = new Fake(ours);
    const av1 = new Av1({
      browser: () => undefined,
      module: async () => {
        loads += 1;
        return module;
      },
    });
    assert.equal(av1.decoder, "none yet");
    assert.equal(loads, 0, "nothing is loaded before it is needed");
    const both = await Promise.all([av1.decode(request(0, true)), av1.decode(request(1, true))]);
    assert.deepEqual(both, [ours, ours]);
    assert.deepEqual([loads, av1.decoder], [1, "module"]);
  });

  test("a browser that is not exact, or silent, is not used", async () => {
    for (const answer of [new Uint8Array([9, 9]), new Av1Error("unusable", "pictures as BGRX")]) {
      const [browser, module] = [new Fake(answer), new Fake(ours)];
      const av1 = new Av1({ browser: () => browser, module: async () => module });
      assert.equal(await av1.decode(request(3, true)), ours);
      assert.deepEqual(module.asked, ["3 key"]);
      assert.equal(browser.asked.length, 1, "it failed at the first unit of the self-test");
      assert.match(av1.reason, /not exact|BGRX/);
      assert.ok(browser.resets > 0, "its decoders are closed");
    }
  });

  test("no decoder at all is an error each time, and a network that is back helps", async () => {
    let network = false;
    const av1 = new Av1({
      browser: () => undefined,
      module: async () => {
        if (!network) throw new Error("404");
        return new Fake(ours);
      },
    });
    for (let i = 0; i < 2; i++) {
      await assert.rejects(av1.decode(request(0, true)), (e) => {
        assert.ok(e instanceof Av1Error && e.trouble === "unusable", String(e));
        assert.match(e.message, /could not be loaded \(404\)/);
        return true;
      });
    }
    network = true;
    assert.equal(await av1.decode(request(0, true)), ours);
  });
});

describe("a browser's AV1 decoder", () => {
  test("planes are laid out one after the other, halves rounded up", () => {
    const half = layoutOf({ width: 5, height: 3, fullChroma: false });
    assert.deepEqual(half.planes, [
      { offset: 0, stride: 5, rows: 3 },
      { offset: 15, stride: 3, rows: 2 },
      { offset: 21, stride: 3, rows: 2 },
    ]);
    assert.equal(half.bytes, 27);
    assert.equal(layoutOf({ width: 5, height: 3, fullChroma: true }).bytes, 45);
  });

  test("pairs of U and V are taken apart", () => {
    const planes = new Uint8Array(6);
    splitPairs(new Uint8Array([1, 4, 2, 5, 3, 6]), planes);
    assert.deepEqual([...planes], [1, 2, 3, 4, 5, 6]);
  });

  test("the codec's name has the profile and a level that suffices", () => {
    const name = (width: number, height: number, fullChroma: boolean): string =>
      codecOf({ width, height, fullChroma });
    assert.equal(name(640, 360, false), "av01.0.04M.08.0.110.06.06.06.0");
    assert.equal(name(1920, 1080, true), "av01.1.08M.08.0.000.06.06.06.1");
    assert.match(name(16, 2049, false), /^av01\.0\.04M/);
    assert.match(name(16_384, 16_384, false), /^av01\.0\.31M/);
  });

  test("the self-test tells wrong samples", async () => {
    assert.equal(sumOf(new Uint8Array([97])), 0xe40c292c, "FNV-1a of `a`");
    await assert.rejects(selfTest(new Learned(ours)), /not exact/);
  });
});
