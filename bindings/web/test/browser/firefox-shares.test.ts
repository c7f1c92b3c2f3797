// The sharing pages in Firefox, as far as it goes without a person: its frames are RGB, and come from a video, not as a
// stream. What is captured is a canvas; the question for a screen or a camera is the browser's own.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "puppeteer-core";
import { decodePng } from "../png.ts";
import { Agent, Cleanup, DEADLINE_MS, launch, program, until } from "./harness.ts";

const [WIDTH, HEIGHT] = [320, 180];
/** Four fields, left to right; no colour is one that a conversion by way of YUV would hit by chance. */
const FIELDS = ["#d03020", "#21a343", "#2443d7", "#f7f1ee"];

/** Has the page's captures be of a canvas. */
async function captured(page: Page): Promise<void> {
  const draw = (what: string, width: number, height: number, fields: string[]): void => {
    (navigator.mediaDevices as unknown as Record<string, () => Promise<MediaStream>>)[what] = () => {
      const canvas = document.createElement("canvas");
      [canvas.width, canvas.height] = [width, height];
      const context = canvas.getContext("2d")!;
      const paint = (): void =>
        fields.forEach((colour, i) => {
          context.fillStyle = colour;
          context.fillRect((i * width) / fields.length, 0, width / fields.length, height);
        });
      paint();
      // A canvas gives a frame where it is painted.
      setInterval(paint, 40);
      return Promise.resolve(canvas.captureStream(25));
    };
  };
  await page.evaluateOnNewDocument(draw, "getDisplayMedia", WIDTH, HEIGHT, FIELDS);
  await page.evaluateOnNewDocument(draw, "getUserMedia", WIDTH, HEIGHT, FIELDS);
}

/** The colours in the middle of the fields. */
function colours(rgba: Uint8Array, width: number, height: number): number[][] {
  return FIELDS.map((_, i) => {
    const at = 4 * ((height >> 1) * width + Math.round(((i + 0.5) * width) / FIELDS.length));
    return [...rgba.subarray(at, at + 3)];
  });
}

const WANTED = FIELDS.map((colour) => [1, 3, 5].map((from) => parseInt(colour.slice(from, from + 2), 16)));

describe("sharing from firefox", () => {
  const whole = new Cleanup();
  let firefox: Browser;
  let downloads: string;

  before(async () => {
    downloads = await whole.folder();
    firefox = await launch("firefox", downloads);
    whole.add(() => firefox.close());
  });
  after(() => whole.run());

  async function opened(cleanup: Cleanup, url: string): Promise<{ page: Page; complaints: string[] }> {
    const page = await firefox.newPage();
    cleanup.add(() => page.close());
    page.setDefaultTimeout(DEADLINE_MS);
    const complaints: string[] = [];
    page.on("pageerror", (e) => complaints.push(String(e)));
    page.on("dialog", (dialog) => void dialog.accept());
    await captured(page);
    await page.goto(url);
    return { page, complaints };
  }

  test("a screen: exact colours at the native viewer, pause, stop", async () => {
    const cleanup = new Cleanup();
    try {
      const { url } = await cleanup.relay();
      const { page, complaints } = await opened(cleanup, `${url}show`);
      await page.type("#name", "Ada");
      await page.click("#show-form .primary");
      const link = await until("a link that the relay has opened", async () => {
        const status = await page.evaluate(() => window.panecastShow!.status());
        const text = await page.$eval("#link", (e) => (e as HTMLInputElement).value);
        return status.link.phase === "open" && text !== "" ? text : undefined;
      });
      const png = join(await cleanup.folder(), "seen.png");
      const viewer = cleanup.start(program("PANECAST_BIN"), ["view", link, "--name", "Bo", "--save", png]);
      await viewer.prints(/Ada's screen: live/);
      await viewer.prints(/[1-9]\d* pictures/);
      await page.$eval("#pause", (e) => (e as HTMLElement).click());
      await viewer.prints(/Ada's screen: paused/);
      await page.$eval("#pause", (e) => (e as HTMLElement).click());
      await viewer.prints(/paused[\s\S]*Ada's screen: live[\s\S]*[1-9]\d* pictures/);
      viewer.interrupt();
      assert.equal(await viewer.ends(), 0, viewer.printed);
      const { width, height, rgba } = decodePng(await readFile(png));
      assert.deepEqual([width, height], [WIDTH, HEIGHT]);
      assert.deepEqual(colours(rgba, width, height), WANTED);
      await page.$eval("#stop", (e) => (e as HTMLElement).click());
      await until("the end", async () => /You stopped showing/.test(await page.$eval("#card", (e) => (e as HTMLElement).innerText)) || undefined);
      assert.deepEqual(complaints, []);
    } finally {
      await cleanup.run();
    }
  });

  test("a camera: a link, a question, pictures in an agent's chromium", async () => {
    const cleanup = new Cleanup();
    try {
      const { url } = await cleanup.relay();
      const chromium = await launch("chromium", downloads);
      cleanup.add(() => chromium.close());
      const agent = await Agent.open(chromium, downloads, url);
      await agent.page.click("#tab-camera");
      await agent.page.waitForSelector("#camera-name", { visible: true });
      await agent.page.type("#camera-name", "Ada");
      await agent.page.click("#camera-send");
      const link = await until("a link", async () => (await agent.page.$eval("#camera-url", (e) => (e as HTMLInputElement).value)) || undefined);
      const { page, complaints } = await opened(cleanup, link);
      const reads = (selector: string, pattern: RegExp): Promise<true> =>
        until(`${pattern} in ${selector}`, async () => pattern.test(await page.$eval(selector, (e) => (e as HTMLElement).innerText)) || undefined);
      await reads("#card-title", /Ada asks to see your camera/);
      await page.click("#allow");
      await reads("#label", /Ada sees this/);
      await agent.live();
      await until("some pictures", async () => ((await agent.stats())?.updates ?? 0) > 10 || undefined);
      const { encoding } = await page.evaluate(() => window.panecastCamera!.status());
      assert.deepEqual([encoding?.width, encoding?.height], [WIDTH, HEIGHT]);
      await page.click("#stop");
      await agent.shows("#card", /They stopped their camera/);
      assert.deepEqual([complaints, agent.complaints], [[], []]);
    } finally {
      await cleanup.run();
    }
  });
});
