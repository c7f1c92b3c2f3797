// A screen that is shown from the page or from the command line, seen by link in the page and by the native viewer: what
// is decoded at the other end is what the capture gave.

import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import type { Browser, Page } from "puppeteer-core";
import type { ShowProbe, ShowStatus } from "../../src/sharer/messages.ts";
import { decodePng } from "../png.ts";
import { Agent, Cleanup, launch, program, until, type Program } from "./harness.ts";

/** The tab that is captured. */
const TITLE = "What is shown";
/** Its three fields, left to right. */
const FIELDS = ["#d03020", "#20a040", "#2040d0"];

/** The page that shows, in a browser that chooses the tab by itself. */
class Shower {
  private constructor(
    readonly page: Page,
    readonly complaints: string[],
  ) {}

  /** `nudge` has the captured tab paint: a tab that is not seen is captured only where it does. */
  static async open(
    browser: Browser,
    url: string,
    nudge: () => Promise<void>,
    options: { key?: boolean; search?: string } = {},
  ): Promise<Shower> {
    const page = await browser.newPage();
    const complaints: string[] = [];
    page.on("pageerror", (e) => complaints.push(String(e)));
    page.on("console", (m) => {
      if (m.type() === "error" && !/WebSocket|ERR_CONNECTION/i.test(m.text())) complaints.push(m.text());
    });
    // Without it the page asks before it is closed.
    page.on("dialog", (dialog) => void dialog.accept());
    await page.setViewport({ width: 1280, height: 860 });
    await page.goto(`${url}show${options.search ?? ""}`);
    await page.$eval("#name", (e) => ((e as HTMLInputElement).value = "Ada"));
    if (options.key === true) await page.click("#with-key");
    await page.click("#show-form .primary");
    // As a person does, who sees the preview before the link is given away.
    await until("the preview", async () => {
      await nudge();
      return page.$eval("#preview", (e) => (e as HTMLVideoElement).readyState >= 2 || undefined);
    });
    return new Shower(page, complaints);
  }

  async status(): Promise<ShowStatus> {
    return this.page.evaluate(() => window.panecastShow!.status());
  }

  async probe(): Promise<ShowProbe | undefined> {
    return (await this.page.evaluate(() => window.panecastShow!.probe())) ?? undefined;
  }

  async link(): Promise<string> {
    return until("a link that the relay has opened", async () => {
      const { link } = await this.status();
      const url = await this.page.$eval("#link", (e) => (e as HTMLInputElement).value);
      return link.phase === "open" && url !== "" ? url : undefined;
    });
  }

  async key(): Promise<string> {
    return until("a key", async () => (await this.status()).key);
  }

  async people(count: number): Promise<void> {
    await until(`${count} people`, async () => (await this.status()).people.length === count || undefined);
  }

  /** Presses a button; the page may be behind another. */
  async press(selector: string): Promise<void> {
    await this.page.$eval(selector, (e) => (e as HTMLElement).click());
  }

  async text(selector: string): Promise<string> {
    return this.page.$eval(selector, (e) => (e as HTMLElement).innerText.trim());
  }
}

describe("showing a screen in chromium", () => {
  const whole = new Cleanup();
  let browser: Browser;
  let downloads: string;
  let shown: Page;

  before(async () => {
    downloads = await whole.folder();
    browser = await launch("chromium", downloads, [`--auto-select-tab-capture-source-by-title=${TITLE}`]);
    whole.add(() => browser.close());
    const file = join(await whole.folder(), "shown.html");
    const fields = FIELDS.map((colour, i) => `<div style="left:${i * 25}vw;background:${colour}"></div>`).join("");
    const style = "body{margin:0;background:#fff;font:20px sans-serif}div{position:absolute;top:0;width:25vw;height:50vh}p{position:absolute;top:60vh;left:20px}";
    await writeFile(file, `<!doctype html><title>${TITLE}</title><style>${style}</style>${fields}<p id="text">typed</p>`);
    shown = await browser.newPage();
    await shown.setViewport({ width: 1280, height: 720 });
    await shown.goto(pathToFileURL(file).href);
  });
  after(() => whole.run());

  const type = (words: string): Promise<void> =>
    shown.evaluate((more) => void (document.getElementById("text")!.textContent += more), words);

  async function withRelay(
    body: (relay: { url: string; port: number; program: Program }, cleanup: Cleanup) => Promise<void>,
  ): Promise<void> {
    const cleanup = new Cleanup();
    try {
      await body(await cleanup.relay(), cleanup);
    } finally {
      await cleanup.run();
    }
  }

  async function show(cleanup: Cleanup, url: string, options = {}): Promise<Shower> {
    const nudge = (): Promise<void> =>
      shown.evaluate(() => void (document.body.style.color = document.body.style.color === "black" ? "#010000" : "black"));
    const shower = await Shower.open(browser, url, nudge, options);
    cleanup.add(() => shower.page.close());
    return shower;
  }

  async function see(cleanup: Cleanup, link: string, key?: string): Promise<Agent> {
    const agent = await Agent.open(browser, downloads, link);
    cleanup.add(() => agent.page.close());
    if (key !== undefined) await agent.page.type("#key", key);
    await agent.enter("Bo");
    return agent;
  }

  /** Waits until the page shows exactly what was captured last; gives its hash. */
  async function same(agent: Agent, shower: Shower, other?: string): Promise<string> {
    return until("the captured pixels on the other page", async () => {
      const [seen, given] = [await agent.probe(), await shower.probe()];
      const equal = seen !== undefined && given !== undefined && seen.sha256 === given.sha256;
      return equal && seen.width === given.width && seen.sha256 !== other ? seen.sha256 : undefined;
    });
  }

  test("page to page: exact, late join, pause, removal, stop", async () => {
    await withRelay(async ({ url }, cleanup) => {
      const shower = await show(cleanup, url);
      const link = await shower.link();
      assert.match(link, new RegExp(`^${url}see#[0-9a-z]{26}$`));
      assert.equal(await shower.probe(), undefined, "nothing is read before somebody is there");
      const first = await see(cleanup, link);
      await first.shows("#source", /^You see Ada's screen$/);
      await first.shows("#status-label", /^Live/);
      await shower.people(1);
      assert.match(await shower.text("#people"), /Bo/);
      let before = await same(first, shower);
      for (const word of [" and", " more", " words"]) {
        await type(word);
        before = await same(first, shower, before);
      }
      // Nothing changes any more; who comes late sees the same.
      const late = await see(cleanup, link);
      assert.equal(await same(late, shower), before);
      await shower.people(2);

      await shower.press("#pause");
      await first.shows("#card", /Paused/);
      assert.equal(await first.probe(), undefined);
      assert.equal(await shower.probe(), undefined, "what was shown is forgotten");
      await type(" while paused");
      await shower.press("#pause");
      await first.shows("#status-label", /^Live/);
      await same(first, shower, before);
      await same(late, shower, before);

      await shower.press("#people li:last-child button");
      await late.shows("#card", /They ended it for you/);
      await shower.people(1);
      await shower.press("#stop");
      await first.shows("#card", /They stopped showing their screen/);
      assert.equal(await first.probe(), undefined);
      assert.match(await shower.text("#card"), /You stopped showing/);
      const dead = await see(cleanup, link);
      await dead.shows("#key-error", /This link does not work/);
      for (const { complaints } of [shower, first, late]) assert.deepEqual(complaints, []);
    });
  });

  test("a link leads into the tenant of the page that shows, with a key and without", async () => {
    const cleanup = new Cleanup();
    try {
      const { url } = await cleanup.relay(0, "--tenants", await cleanup.tenants("a&b"));
      for (const key of [false, true]) {
        const shower = await show(cleanup, url, { key, search: "?tenant=a%26b" });
        const link = await shower.link();
        assert.match(link, /\/see\?tenant=a%26b#[0-9a-z]{26}/);
        const agent = await see(cleanup, link, key ? await shower.key() : undefined);
        await agent.shows("#status-label", /^Live/);
        await same(agent, shower);
        const foreign = await see(cleanup, link.replace("?tenant=a%26b", ""), key ? "123456789" : undefined);
        await foreign.shows("#card", /does not know the tenant/);
        const bad = await Agent.open(browser, downloads, link.replace("a%26b", "%00"));
        cleanup.add(() => bad.page.close());
        await bad.shows("#key-error", /no whole one/);
        await shower.press("#stop");
      }
    } finally {
      await cleanup.run();
    }
  });

  test("a link with a key needs both, and the next person gets the next key", async () => {
    await withRelay(async ({ url }, cleanup) => {
      const shower = await show(cleanup, url, { key: true });
      const link = await shower.link();
      assert.match(link, /#[0-9a-z]{26}\.key$/);
      const key = await shower.key();
      const last = key.endsWith("0") ? "1" : "0";
      const agent = await see(cleanup, link, key.slice(0, -1) + last);
      await agent.shows("#key-error", /This key does not work/);
      await agent.page.$eval("#key", (e) => ((e as HTMLInputElement).value = ""));
      await agent.page.type("#key", key);
      await agent.page.keyboard.press("Enter");
      await agent.shows("#status-label", /^Live/);
      await same(agent, shower);
      const next = await until("the next key", async () => {
        const now = (await shower.status()).key;
        return now === undefined || now === key ? undefined : now;
      });
      const second = await see(cleanup, link, next);
      await second.shows("#status-label", /^Live/);
    });
  });

  test("where frames do not come as a stream, they are asked for", async () => {
    await withRelay(async ({ url }, cleanup) => {
      const shower = await show(cleanup, url, { search: "?frames=asked" });
      const agent = await see(cleanup, await shower.link());
      await agent.shows("#status-label", /^Live/);
      const before = await same(agent, shower);
      await type(" asked for");
      await same(agent, shower, before);
    });
  });

  test("a killed relay is survived on both pages, and the link stays", async () => {
    await withRelay(async ({ url, port, program: relay }, cleanup) => {
      const shower = await show(cleanup, url);
      const link = await shower.link();
      const agent = await see(cleanup, link);
      await agent.shows("#status-label", /^Live/);
      const before = await same(agent, shower);
      await relay.kill();
      await agent.shows("#status-label", /Reconnecting/);
      await type(" meanwhile");
      await cleanup.relay(port);
      await agent.shows("#status-label", /^Live/);
      await same(agent, shower, before);
      const late = await see(cleanup, link);
      await same(late, shower, before);
    });
  });

  test("the capture's own end is an end that is told", async () => {
    await withRelay(async ({ url }, cleanup) => {
      const shower = await show(cleanup, url);
      const agent = await see(cleanup, await shower.link());
      await agent.shows("#status-label", /^Live/);
      // As the browser does when its own button is pressed.
      await shower.page.$eval("#preview", (e) => {
        const track = ((e as HTMLVideoElement).srcObject as MediaStream).getVideoTracks()[0]!;
        track.stop();
        track.dispatchEvent(new Event("ended"));
      });
      await agent.shows("#card", /They stopped showing their screen/);
      assert.match(await shower.text("#card"), /You stopped showing/);
    });
  });

  test("page to native viewer: the fields have their colours", async () => {
    await withRelay(async ({ url }, cleanup) => {
      const shower = await show(cleanup, url);
      const png = join(await cleanup.folder(), "seen.png");
      const viewer = cleanup.start(program("PANECAST_BIN"), ["view", await shower.link(), "--name", "Bo", "--save", png]);
      await viewer.prints(/Ada's screen: live/);
      await viewer.prints(/[1-9]\d* pictures/);
      viewer.interrupt();
      assert.equal(await viewer.ends(), 0, viewer.printed);
      const { width, height, rgba } = decodePng(await readFile(png));
      FIELDS.forEach((colour, i) => {
        const at = 4 * (Math.round(height / 4) * width + Math.round(((i + 0.5) * width) / 4));
        // Browsers capture tabs with shared colour samples, and convert as they please.
        [1, 3, 5].forEach((from, channel) => {
          const off = Math.abs(rgba[at + channel]! - parseInt(colour.slice(from, from + 2), 16));
          assert.ok(off <= 24, `${colour} is ${[...rgba.subarray(at, at + 3)].join(" ")}`);
        });
      });
    });
  });

  test("whoever declines the browser's question is told what to do", async () => {
    await withRelay(async ({ url }, cleanup) => {
      const page = await browser.newPage();
      cleanup.add(() => page.close());
      await page.goto(`${url}show`);
      await page.evaluate(() => {
        navigator.mediaDevices.getDisplayMedia = () => Promise.reject(new DOMException("no", "NotAllowedError"));
      });
      await page.$eval("#name", (e) => ((e as HTMLInputElement).value = ""));
      await page.click("#show-form .primary");
      const error = (id: string): Promise<string> => page.$eval(id, (e) => (e as HTMLElement).innerText);
      assert.match(await error("#name-error"), /Type your name/);
      await page.type("#name", "Ada");
      await page.click("#show-form .primary");
      await until("the error", async () => /Press the button again/.test(await error("#pick-error")) || undefined);
    });
  });
});
