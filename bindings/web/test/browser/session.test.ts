// Whole sessions: the visitor's program, the relay and the page, as people run them.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser } from "puppeteer-core";
import { Agent, BROWSERS, Cleanup, launch, program, until } from "./harness.ts";
import { HEIGHT, makeClip, sha256, WIDTH } from "./pictures.ts";
import { decodePng } from "../png.ts";

for (const name of BROWSERS) {
  describe(`session in ${name}`, () => {
    const whole = new Cleanup();
    let browser: Browser;
    let downloads: string;

    before(async () => {
      downloads = await whole.folder();
      browser = await launch(name, downloads);
      whole.add(() => browser.close());
    });
    after(() => whole.run());

    async function withSession(
      body: (cleanup: Cleanup, open: (url: string) => Promise<Agent>) => Promise<void>,
    ): Promise<void> {
      const cleanup = new Cleanup();
      try {
        await body(cleanup, async (url) => {
          const agent = await Agent.open(browser, downloads, url);
          await agent.enter();
          cleanup.add(() => agent.page.close());
          return agent;
        });
      } finally {
        await cleanup.run();
      }
    }

    test("a shared file arrives frame by frame, exact to the last pixel of its last frame", async () => {
      await withSession(async (cleanup, open) => {
        const clip = await makeClip(await cleanup.folder(), 75, 15);
        const relay = await cleanup.relay();
        // All of it moves all the time: the automatic mode would not show each frame exactly.
        const visitor = await cleanup.share(relay.url, `file:${clip.path}`, "--mode", "lossless");
        const agent = await open(`${relay.url}#${visitor.key}`);
        const seen: number[] = [];
        await until("the end of the file", async () => {
          const probe = await agent.probe();
          if (probe !== undefined) {
            assert.deepEqual([probe.width, probe.height], [WIDTH, HEIGHT]);
            const index = clip.hashes.indexOf(probe.sha256);
            assert.ok(index >= 0, `the canvas of sequence ${probe.sequence} is no frame of the file`);
            if (seen.at(-1) !== index) seen.push(index);
          }
          return (await agent.status()).link.phase === "ended" || undefined;
        });
        assert.deepEqual(
          seen,
          [...seen].sort((a, b) => a - b),
          "frames come in order",
        );
        assert.ok(seen.length >= 5, `only ${seen.length} different frames were seen`);
        assert.equal((await agent.probe())?.sha256, clip.hashes.at(-1));
        await agent.shows("#card", /What was shared is gone/);
        assert.deepEqual(agent.complaints, []);
      });
    });

    test("page and native viewer hold the same pixels", async () => {
      await withSession(async (cleanup, open) => {
        const relay = await cleanup.relay();
        const visitor = await cleanup.share(relay.url, "pattern:500x333@4");
        const agent = await open(`${relay.url}#${visitor.key}`);
        await agent.live();
        const saved = join(await cleanup.folder(), "last.png");
        // Each key is for one: the page has spent the first.
        const next = /key +\d{3} \d{3} \d{3}[^]*key +(\d{3} \d{3} \d{3})/;
        const key = (await visitor.program.prints(next))[1]!;
        const viewer = cleanup.start(program("PANECAST_BIN"), [
          "view",
          "--relay",
          relay.url,
          "--key",
          key,
          "--seconds",
          "6",
          "--save",
          saved,
        ]);
        const seen = new Map<string, number>();
        await until("the native viewer's picture", async () => {
          const probe = await agent.probe();
          if (probe !== undefined) seen.set(probe.sha256, probe.sequence);
          return viewer.ended;
        });
        assert.equal(await viewer.ends(), 0, viewer.printed);
        const picture = decodePng(await readFile(saved));
        assert.deepEqual([picture.width, picture.height], [500, 333]);
        assert.ok(seen.size >= 5, `only ${seen.size} different pictures were seen`);
        assert.ok(seen.has(sha256(picture.rgba)), "the native viewer's last picture was never on the canvas");
      });
    });

    test("a killed relay is survived", async () => {
      await withSession(async (cleanup, open) => {
        const relay = await cleanup.relay();
        const visitor = await cleanup.share(relay.url, "pattern:640x360@10");
        const agent = await open(`${relay.url}#${visitor.key}`);
        await agent.shows("#status-label", /^Live/);
        const before = await agent.probe();
        await relay.program.kill();
        await agent.shows("#status-label", /Reconnecting/);
        await agent.shows("#banner", /Connection lost/);
        const stale = await agent.probe();
        assert.ok(stale !== undefined && before !== undefined, "the last picture stays");
        await cleanup.relay(relay.port);
        await agent.shows("#status-label", /^Live/);
        await until("a picture newer than the last one", async () => {
          const probe = await agent.probe();
          return (probe !== undefined && probe.sha256 !== stale.sha256) || undefined;
        });
        assert.equal(await agent.text("#banner"), "");
        await until(
          "the count of reconnects",
          async () => ((await agent.stats())?.reconnects ?? 0) >= 1 || undefined,
        );
        assert.equal((await agent.stats())?.resyncs, 0, "it goes on from what it holds, without a mismatch");
      });
    });

    test("when the visitor goes away for good, the page says so", async () => {
      await withSession(async (cleanup, open) => {
        const relay = await cleanup.relay();
        const visitor = await cleanup.share(relay.url, "pattern:320x200@5");
        const agent = await open(`${relay.url}#${visitor.key}`);
        await agent.shows("#status-label", /^Live/);
        visitor.program.interrupt();
        await agent.shows("#card", /The visitor stopped sharing/);
        assert.equal(await agent.probe(), undefined, "the picture is gone");
        assert.equal(await visitor.program.ends(), 0, visitor.program.printed);
      });
    });

    test("a visitor who is cut off is waited for", async () => {
      await withSession(async (cleanup, open) => {
        const relay = await cleanup.relay();
        const visitor = await cleanup.share(relay.url, "pattern:320x200@5");
        const agent = await open(`${relay.url}#${visitor.key}`);
        await agent.shows("#status-label", /^Live/);
        await visitor.program.kill();
        await agent.shows("#status-label", /Visitor lost/);
        await agent.shows("#banner", /Waiting for the visitor to come back/);
        assert.ok((await agent.probe()) !== undefined, "the last picture stays");
      });
    });
  });
}
