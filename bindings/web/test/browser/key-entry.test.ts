// Key entry from end to end, through the real relay: what the agent is told, and what reaches the visitor's side.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { Browser } from "puppeteer-core";
import { Agent, BROWSERS, Cleanup, launch, program, until } from "./harness.ts";
import { Visitor } from "./host.ts";
import { HEIGHT, makeClip, WIDTH, type Clip } from "./pictures.ts";

for (const name of BROWSERS) {
  describe(`key entry in ${name}`, () => {
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

    type Body = (open: (key: string) => Promise<Agent>, relay: { url: string; port: number; kill(): Promise<void> }, cleanup: Cleanup) => Promise<void>;
    async function withRelay(body: Body): Promise<void> {
      const cleanup = new Cleanup();
      try {
        const relay = await cleanup.relay();
        const open = async (key: string): Promise<Agent> => {
          const agent = await Agent.open(browser, downloads, `${relay.url}#${key.replaceAll(" ", "")}`);
          cleanup.add(() => agent.page.close());
          await agent.enter();
          return agent;
        };
        await body(open, { ...relay, kill: () => relay.program.kill() }, cleanup);
      } finally {
        await cleanup.run();
      }
    }

    test("the picture comes sealed after the visitor's answer, and marks and focus reach the visitor", async () => {
      await withRelay(async (open, relay, cleanup) => {
        const visitor = await Visitor.share(cleanup, relay.url, clip.stream);
        const agent = await open(visitor.key);
        assert.equal(await visitor.sharer.tells("Q"), "Ada of Support");
        await agent.shows("#card", /Waiting for the visitor's answer/);
        assert.equal(new URL(agent.page.url()).hash, "", "the key does not stay in the address");
        assert.equal(await agent.probe(), undefined);
        visitor.sharer.tell("a", visitor.sharer.all("Q")[0]!.viewer, "Test clip");
        await until("the last frame", async () => (await agent.probe())?.sha256 === clip.hashes.at(-1) || undefined);
        await agent.shows("#status-label", /^Live$/);
        assert.equal(await agent.text("#source"), "Test clip");
        await agent.page.click("#seal");
        await agent.shows("#seal-note", /only you and the visitor's app can read/i);
        await agent.page.click("#seal");

        const box = await agent.page.$eval("#drawing", (e) => {
          const { left, top, width, height } = e.getBoundingClientRect();
          return { left, top, width, height };
        });
        const at = (x: number, y: number): [number, number] => [
          box.left + ((x + 0.5) * box.width) / WIDTH,
          box.top + ((y + 0.5) * box.height) / HEIGHT,
        ];
        const { keyboard, mouse } = agent.page;
        const drag = async (key: "l" | "e" | "h" | "a"): Promise<void> => {
          await keyboard.press(key);
          await mouse.move(...at(100, 50));
          await mouse.down();
          await mouse.move(...at(200, 90), { steps: 4 });
        };
        await drag("l");
        await visitor.sharer.tells("M", /^Pointer\(Some\(\(200, 90\)\)\)$/);
        await mouse.up();
        await visitor.sharer.tells("M", /^Pointer\(None\)$/);
        for (const [key, tool] of [["e", "Pen"], ["h", "Highlight"], ["a", "Arrow"]] as const) {
          await drag(key);
          await mouse.up();
          await visitor.sharer.tells("M", new RegExp(`^Line .*tool: ${tool},.*\\(200, 90\\)\\] }$`));
        }
        await keyboard.press("c");
        await visitor.sharer.tells("M", /^Clear$/);
        await keyboard.press("Escape");
        for (let i = 0; i < 6; i++) await keyboard.press("+");
        await visitor.sharer.tells("F", /^Some\(Rect \{ x: \d+, y: \d+, width: \d+, height: \d+ \}\)$/);

        visitor.state(2);
        await agent.shows("#card", /The visitor paused/);
        assert.equal(await agent.probe(), undefined, "a paused picture is not on the page");
        visitor.state(0);
        await agent.shows("#status-label", /^Live$/);
        await until("the frame again", async () => (await agent.probe())?.sha256 === clip.hashes.at(-1) || undefined);
        await keyboard.press("p");
        await agent.shows("#banner", /You paused/);
        await keyboard.press("p");
        await agent.shows("#status-label", /^Live$/);
        visitor.stop();
        await agent.shows("#card", /The visitor stopped sharing/);
        assert.equal(await agent.probe(), undefined);
        assert.deepEqual(agent.complaints, []);
      });
    });

    test("a wrong key leads back to the form and says so", async () => {
      await withRelay(async (open, relay, cleanup) => {
        const visitor = await Visitor.share(cleanup, relay.url, clip.stream, true);
        const last = visitor.key.endsWith("0") ? "1" : "0";
        const agent = await open(visitor.key.slice(0, -1) + last);
        await agent.shows("#key-error", /This key does not work/);
        assert.deepEqual(visitor.sharer.all("Q"), []);
      });
    });

    test("a visitor who declines is told as that", async () => {
      await withRelay(async (open, relay, cleanup) => {
        const visitor = await Visitor.share(cleanup, relay.url, clip.stream, false);
        const agent = await open(visitor.key);
        await agent.shows("#card", /The visitor declined/);
        assert.equal(await agent.probe(), undefined);
      });
    });

    test("a page that is left withdraws its question", async () => {
      await withRelay(async (open, relay, cleanup) => {
        const args = ["share", "--relay", relay.url, "--source", "pattern:320x180@10", "--commands"];
        const visitor = cleanup.start(program("PANECAST_BIN"), args, "pipe");
        const key = (await visitor.prints(/\b(\d{3} \d{3} \d{3})\b/))[1]!;
        const agent = await open(key);
        await visitor.prints(/Ada of Support .*asks to see/);
        await agent.shows("#card", /Waiting for the visitor's answer/);
        // At once where the browser lets the page say so, and after ten seconds where not.
        await agent.page.goto("about:blank");
        await visitor.prints(/Ada of Support left/);
      });
    });

    test("a killed relay is survived without asking again", async () => {
      await withRelay(async (open, relay, cleanup) => {
        const visitor = await Visitor.share(cleanup, relay.url, clip.stream, true);
        const agent = await open(visitor.key);
        await agent.shows("#status-label", /^Live$/);
        await relay.kill();
        await agent.shows("#status-label", /Reconnecting/);
        assert.ok((await agent.probe()) !== undefined, "the last picture stays");
        await cleanup.relay(relay.port);
        await agent.shows("#status-label", /^Live$/);
        assert.equal(visitor.sharer.all("Q").length, 1, "nobody is asked again");
        assert.equal(visitor.sharer.all("R").length, 1, "the page told what it holds");
      });
    });
  });
}
