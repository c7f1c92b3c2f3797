// The page that somebody is shown a screen on, opened by a link of the command line's: what is decoded is what was shown.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "puppeteer-core";
import { Agent, BROWSERS, Cleanup, launch, program, until, type Program } from "./harness.ts";
import { HEIGHT, makeClip, WIDTH, type Clip } from "./pictures.ts";

for (const name of BROWSERS) {
  describe(`seeing a screen in ${name}`, () => {
    const whole = new Cleanup();
    let browser: Browser;
    let downloads: string;
    let clip: Clip;

    before(async () => {
      downloads = await whole.folder();
      clip = await makeClip(await whole.folder(), 3, 15);
      browser = await launch(name, downloads);
      whole.add(() => browser.close());
    });
    after(() => whole.run());

    interface Shown {
      relay: { url: string; port: number; program: Program };
      sharer: Program;
      link: string;
      see(link?: string, key?: string): Promise<Agent>;
    }

    async function showing(source: string, more: string[], body: (shown: Shown, cleanup: Cleanup) => Promise<void>): Promise<void> {
      const cleanup = new Cleanup();
      try {
        const relay = await cleanup.relay();
        const args = ["show", "--relay", relay.url, "--source", source, "--name", "Ada", "--commands", ...more];
        const sharer = cleanup.start(program("PANECAST_BIN"), args, "pipe");
        const link = (await sharer.prints(/link\s+(\S+)/))[1]!;
        const see = async (url = link, key?: string): Promise<Agent> => {
          const agent = await Agent.open(browser, downloads, url);
          cleanup.add(() => agent.page.close());
          if (key !== undefined) await agent.page.type("#key", key);
          await agent.enter("Bo");
          return agent;
        };
        await body({ relay, sharer, link, see }, cleanup);
      } finally {
        await cleanup.run();
      }
    }

    test("the pixels are those that were shown, and stay when their source ends", async () => {
      await showing(`file:${clip.path}`, ["--mode", "lossless"], async ({ see, link }) => {
        const agent = await see();
        await agent.shows("#card", /What was shown is gone/);
        const seen = await agent.probe();
        assert.deepEqual([seen?.width, seen?.height], [WIDTH, HEIGHT]);
        // A source that ends does not wait until its last frame has gone out.
        assert.ok(clip.hashes.includes(seen?.sha256 ?? ""), "one of the frames, pixel by pixel");
        assert.equal(await agent.page.evaluate(() => location.href), link, "the page can be loaded again");
        assert.deepEqual(agent.complaints, []);
      });
    });

    test("pause, a second one, leaving, and a link that is used up", async () => {
      await showing("pattern:320x180@10", ["--people", "2"], async ({ see, sharer, link }) => {
        const agent = await see();
        await agent.shows("#source", /^You see Ada's screen$/);
        await agent.shows("#status-label", /^Live/);
        const seen = await until("pictures", () => agent.probe());
        assert.deepEqual([seen.width, seen.height], [320, 180]);
        const late = await see();
        await late.shows("#status-label", /^Live/);
        const third = await see(link);
        await third.shows("#key-error", /This link was used by as many as it is for/);
        sharer.types("p");
        await agent.shows("#card", /Paused/);
        assert.equal(await agent.probe(), undefined);
        sharer.types("r");
        await agent.shows("#status-label", /^Live/);
        await until("pictures again", () => agent.probe());
        // A page in the background answers no click.
        await late.page.$eval("#leave", (e) => (e as HTMLElement).click());
        await sharer.prints(/Bo left/);
        sharer.types("q");
        await agent.shows("#card", /They stopped showing their screen/);
        assert.equal(await agent.probe(), undefined);
        for (const { complaints } of [agent, late, third]) assert.deepEqual(complaints, []);
      });
    });

    test("a link with a key needs both", async () => {
      await showing("pattern:320x180@10", ["--key"], async ({ see, sharer, link }) => {
        const key = (await sharer.prints(/key\s+(\d{3} \d{3} \d{3})/))[1]!;
        const last = key.endsWith("0") ? "1" : "0";
        const agent = await see(link, key.slice(0, -1) + last);
        await agent.shows("#key-error", /This key does not work/);
        await agent.page.$eval("#key", (e) => ((e as HTMLInputElement).value = ""));
        await agent.page.type("#key", key);
        await agent.page.keyboard.press("Enter");
        await agent.shows("#status-label", /^Live/);
        await until("pictures", () => agent.probe());
      });
    });

    test("a killed relay is survived", async () => {
      await showing("pattern:320x180@10", [], async ({ relay, see }, cleanup) => {
        const agent = await see();
        await agent.shows("#status-label", /^Live/);
        await relay.program.kill();
        await agent.shows("#status-label", /Reconnecting/);
        await cleanup.relay(relay.port);
        await agent.shows("#status-label", /^Live/);
        const before = (await agent.stats())?.updates ?? 0;
        await until("pictures again", async () => ((await agent.stats())?.updates ?? 0) > before + 3 || undefined);
      });
    });
  });
}
