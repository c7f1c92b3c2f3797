// AV1 in the page: which decoder is used, and that all give the very pixels that the native decoder gives.

import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser } from "puppeteer-core";
import { ModuleAv1 } from "../../src/worker/av1/module.ts";
import { Av1Error } from "../../src/worker/av1/planes.ts";
import { selfTest } from "../../src/worker/av1/self-test.ts";
import { makeFilm, type Film } from "./film.ts";
import { Agent, BROWSERS, Cleanup, launch, pageFolder, until } from "./harness.ts";
import { StandIn, type Peer } from "./stand-in.ts";

const film = new Cleanup();
let made: Promise<Film> | undefined;
const theFilm = (): Promise<Film> =>
  (made ??= film.folder().then((folder) => makeFilm(folder, ["--mode", "auto"])));
after(() => film.run());

describe("the page's own AV1 decoder", () => {
  let module: WebAssembly.Module;
  before(async () => {
    const name = (await readdir(pageFolder())).find((f) => /^av1-.*\.wasm$/.test(f));
    assert.ok(name !== undefined, "the page has an AV1 decoder");
    module = await WebAssembly.compile(new Uint8Array(await readFile(join(pageFolder(), name))));
  });

  test("is exact, again and again", async () => {
    const decoder = new ModuleAv1(module);
    for (let i = 0; i < 3; i++) await selfTest(decoder);
  });

  test("refuses what is no unit, and goes on after it", async () => {
    const decoder = new ModuleAv1(module);
    const request = { surface: 5, keyframe: true, width: 75, height: 51, fullChroma: false };
    for (const length of [0, 1, 7, 1000]) {
      const data = Uint8Array.from({ length }, (_, i) => (i * 37 + 18) & 255);
      await assert.rejects(decoder.decode({ ...request, data }), (e) => {
        assert.ok(e instanceof Av1Error && e.trouble === "broken", String(e));
        return true;
      });
    }
    await selfTest(decoder);
  });
});

for (const name of BROWSERS) {
  describe(`AV1 in ${name}`, () => {
    const whole = new Cleanup();
    let browser: Browser;
    let downloads: string;

    before(async () => {
      downloads = await whole.folder();
      browser = await launch(name, downloads);
      whole.add(() => browser.close());
    });
    after(() => whole.run());

    async function withAgent(query: string, body: (agent: Agent, peer: Peer) => Promise<void>): Promise<void> {
      const standIn = await StandIn.start((peer, said) => {
        if (said.type === "hello") peer.state("live");
      });
      const address = standIn.link.replace("/#", `/${query}#`);
      const agent = await Agent.open(browser, downloads, address);
      try {
        await agent.enter();
        await until("the agent's place", () => (standIn.peers[0]?.count("hello") ?? 0) > 0 || undefined);
        await body(agent, standIn.peer);
        assert.deepEqual(agent.complaints, []);
      } finally {
        await agent.page.close();
        await standIn.stop();
      }
    }

    async function decoderOf(agent: Agent): Promise<string> {
      return until("the choice of an AV1 decoder", async () => {
        const { av1 } = (await agent.stats()) ?? { av1: "none yet" };
        return av1 === "none yet" ? undefined : av1;
      });
    }

    const acked = (peer: Peer, since: number): Promise<number> =>
      until("an acknowledgement", () => {
        const acks = peer.said.filter((s) => s.type === "ack");
        return acks.length > since ? acks.length : undefined;
      });

    /** Sends packet after packet, each after the one before was painted, and compares the canvas. */
    async function follow(agent: Agent, peer: Peer, given: Film): Promise<{ lossy: number; exact: boolean }> {
      let lossy = 0;
      let seen: { frame: number; sha256: string } | undefined;
      for (const [i, packet] of given.packets.entries()) {
        const before = peer.count("ack");
        peer.bytes(packet);
        if (i === given.packets.length - 1) break; // The end of the recording is not acknowledged.
        await acked(peer, before);
        const probe = await agent.probe();
        assert.ok(probe !== undefined);
        const frame = given.frameAt(probe.timestampUs);
        // A frame may take several packets; after the last of them it is the native decoder's.
        if (seen !== undefined && seen.frame !== frame)
          assert.equal(seen.sha256, given.hashes[seen.frame], `frame ${seen.frame}, before packet ${i}`);
        seen = { frame, sha256: probe.sha256 };
        if (probe.lossyPixels > 0) lossy += 1;
      }
      const end = await agent.probe();
      assert.equal(end?.sha256, given.hashes.at(-1), "the last picture");
      return { lossy, exact: end?.lossyPixels === 0 };
    }

    for (const query of ["", "?av1=module"]) {
      test(`photograph and film are the native decoder's pixels${query}`, async () => {
        const given = await theFilm();
        await withAgent(query, async (agent, peer) => {
          const { lossy, exact } = await follow(agent, peer, given);
          assert.ok(lossy > 10, `only ${lossy} pictures had lossy pixels`);
          assert.ok(exact, "all is exact in the end");
          const units = await until("the figures", async () => {
            const stats = await agent.stats();
            return stats?.updates === given.packets.length - 1 ? stats.av1Pictures : undefined;
          });
          assert.ok(units > 20, `only ${units} AV1 pictures`);
          const chosen = await decoderOf(agent);
          // Firefox may hand out red, green and blue of its own making.
          if (query !== "") assert.equal(chosen, "module");
          else assert.ok(chosen === "browser" || name === "firefox", chosen);
          assert.equal(peer.count("resync"), 0);
        });
      });
    }

    test("all at once, in small pieces, comes out in order", async () => {
      const given = await theFilm();
      await withAgent("", async (agent, peer) => {
        const stream = Buffer.concat(given.packets);
        for (let at = 0; at < stream.length; at += 5000) peer.bytes(stream.subarray(at, at + 5000));
        await until("the last picture", async () => {
          const probe = await agent.probe();
          return probe?.sha256 === given.hashes.at(-1) || undefined;
        });
        assert.equal(peer.count("resync"), 0);
      });
    });

    test("a lost update is noticed, and a fresh stream heals it", async () => {
      const given = await theFilm();
      await withAgent("", async (agent, peer) => {
        const lost = 20;
        for (const [i, packet] of given.packets.slice(0, 30).entries()) if (i !== lost) peer.bytes(packet);
        await until("the question for a snapshot", () => peer.count("resync") > 0 || undefined);
        const { exact } = await follow(agent, peer, given);
        assert.ok(exact);
        assert.equal(peer.count("resync"), 1);
      });
    });

    test("a stream that starts anew while AV1 is being decoded takes over", async () => {
      const given = await theFilm();
      await withAgent("", async (agent, peer) => {
        for (const length of [1, 6, 15, given.packets.length]) {
          for (const packet of given.packets.slice(0, length)) peer.bytes(packet);
        }
        await until("the last picture", async () => {
          const probe = await agent.probe();
          return probe?.sha256 === given.hashes.at(-1) || undefined;
        });
        assert.equal(peer.count("resync"), 0);
      });
    });

    test("what is not exact is marked, to the pixel, and only while asked for", async () => {
      const given = await theFilm();
      await withAgent("", async (agent, peer) => {
        const marked = (): Promise<number> =>
          agent.page.$eval("#marks", (canvas) => {
            const copy = document.createElement("canvas");
            const source = canvas as HTMLCanvasElement;
            if (source.hidden) return -1;
            [copy.width, copy.height] = [source.width, source.height];
            const context = copy.getContext("2d")!;
            context.drawImage(source, 0, 0);
            const { data } = context.getImageData(0, 0, copy.width, copy.height);
            let count = 0;
            for (let i = 3; i < data.length; i += 4) if (data[i]! > 0) count += 1;
            return count;
          });
        const send = async (from: number, to: number): Promise<void> => {
          for (const packet of given.packets.slice(from, to)) {
            const before = peer.count("ack");
            peer.bytes(packet);
            await acked(peer, before);
          }
        };
        const agrees = (): Promise<number> =>
          until("marks over all pixels that are not exact", async () => {
            const lossy = (await agent.probe())?.lossyPixels;
            return lossy === (await marked()) ? lossy : undefined;
          });
        await send(0, 12);
        assert.equal(await marked(), -1, "hidden at first");
        await agent.page.click("#mark");
        assert.ok((await agrees()) > 0);
        await send(12, 20);
        assert.ok((await agrees()) > 0);
        await agent.shows("#exactness", /^\d+ % exact/);
        await send(20, given.packets.length - 1);
        assert.equal(await agrees(), 0);
        await agent.shows("#exactness", /^Exact$/);
        await agent.page.keyboard.press("x");
        assert.equal(await marked(), -1);
      });
    });
  });
}
