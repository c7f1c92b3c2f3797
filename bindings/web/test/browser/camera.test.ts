// A phone's camera from end to end: the agent's page sends a link, the phone's page asks and shows, pictures are judged
// against what the camera saw.

import assert from "node:assert/strict";
import { readdir, readFile, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, Page } from "puppeteer-core";
import { Agent, Cleanup, DEADLINE_MS, launch, program, until } from "./harness.ts";
import { decodePng } from "../png.ts";

const WIDTH = 640;
const HEIGHT = 360;
const FRAMES = 24;

/** What the camera sees: soft shapes that move, as Y, U, V. */
function planes(i: number): Buffer {
  const [cw, ch] = [WIDTH / 2, HEIGHT / 2];
  const all = Buffer.alloc(WIDTH * HEIGHT + 2 * cw * ch);
  const phase = (2 * Math.PI * i) / FRAMES;
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const disc = Math.hypot(x - 320 - 150 * Math.cos(phase), y - 180 - 80 * Math.sin(phase)) < 60 ? 70 : 0;
      all[y * WIDTH + x] = 60 + ((x * 90) >> 9) + disc;
    }
  }
  for (let y = 0; y < ch; y++) {
    for (let x = 0; x < cw; x++) {
      all[WIDTH * HEIGHT + y * cw + x] = 100 + ((y * 60) >> 8);
      all[WIDTH * HEIGHT + cw * ch + y * cw + x] = 150 - ((x * 50) >> 8);
    }
  }
  return all;
}

/** The frame as colours; `bt709`: browsers differ in what they take a camera without a word on its colours for. */
function colours(frame: Buffer, bt709: boolean): Float64Array {
  const [kr, kb] = bt709 ? [0.2126, 0.0722] : [0.299, 0.114];
  const out = new Float64Array(3 * WIDTH * HEIGHT);
  const cw = WIDTH / 2;
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const luma = (frame[y * WIDTH + x]! - 16) / 219;
      const at = WIDTH * HEIGHT + (y >> 1) * cw + (x >> 1);
      const [u, v] = [(frame[at]! - 128) / 224, (frame[at + cw * (HEIGHT / 2)]! - 128) / 224];
      const [red, blue] = [luma + 2 * (1 - kr) * v, luma + 2 * (1 - kb) * u];
      const green = (luma - kr * red - kb * blue) / (1 - kr - kb);
      [red, green, blue].forEach((c, i) => (out[3 * (y * WIDTH + x) + i] = Math.min(255, Math.max(0, 255 * c))));
    }
  }
  return out;
}

/** In decibels, over all colours. */
function psnr(rgba: Uint8Array, seen: Float64Array): number {
  let sum = 0;
  for (let i = 0; i < WIDTH * HEIGHT; i++) {
    for (let c = 0; c < 3; c++) sum += (rgba[4 * i + c]! - seen[3 * i + c]!) ** 2;
  }
  return 10 * Math.log10((255 * 255 * 3 * WIDTH * HEIGHT) / sum);
}

/** The phone's page, with how often it has touched the camera. */
async function phone(browser: Browser, url: string, codecs?: string): Promise<Page> {
  const page = await browser.newPage();
  page.setDefaultTimeout(DEADLINE_MS);
  await page.setViewport({ width: 360, height: 800, isMobile: true, hasTouch: true });
  await page.evaluateOnNewDocument(() => {
    const media = navigator.mediaDevices;
    const real = media.getUserMedia.bind(media);
    (window as unknown as { touched: number }).touched = 0;
    media.getUserMedia = (wanted) => {
      (window as unknown as { touched: number }).touched += 1;
      return real(wanted);
    };
  });
  const whole = new URL(url);
  if (codecs !== undefined) whole.searchParams.set("codecs", codecs);
  await page.goto(whole.href);
  return page;
}

const touched = (page: Page): Promise<number> =>
  page.evaluate(() => (window as unknown as { touched: number }).touched);

async function reads(page: Page, selector: string, pattern: RegExp): Promise<string> {
  return until(`${pattern} in ${selector} of the phone`, async () => {
    const text = await page.$eval(selector, (e) => (e as HTMLElement).innerText);
    return pattern.test(text) ? text : undefined;
  });
}

describe("a phone's camera in chromium", () => {
  const whole = new Cleanup();
  let [downloads, outbox] = ["", ""];
  let browser: Browser;
  const seen: { bt601: Float64Array[]; bt709: Float64Array[] } = { bt601: [], bt709: [] };

  before(async () => {
    downloads = await whole.folder();
    const folder = await whole.folder();
    outbox = join(folder, "outbox");
    const frames = Array.from({ length: FRAMES }, (_, i) => planes(i));
    seen.bt601 = frames.map((frame) => colours(frame, false));
    seen.bt709 = frames.map((frame) => colours(frame, true));
    const clip = join(folder, "camera.y4m");
    const head = Buffer.from(`YUV4MPEG2 W${WIDTH} H${HEIGHT} F24:1 Ip A1:1 C420\n`);
    await writeFile(clip, Buffer.concat([head, ...frames.flatMap((f) => [Buffer.from("FRAME\n"), f])]));
    browser = await launch("chromium", downloads, [
      "--use-fake-device-for-media-stream",
      "--use-fake-ui-for-media-stream",
      `--use-file-for-fake-video-capture=${clip}`,
    ]);
    whole.add(() => browser.close());
  });
  after(() => whole.run());

  /** Relay and service, and the agent's page on its way in. */
  async function withCamera(
    body: (agent: Agent, cleanup: Cleanup, restart: () => Promise<unknown>) => Promise<void>,
    tenant?: string,
  ): Promise<void> {
    const cleanup = new Cleanup();
    try {
      // The service has to know the relay's origin, the relay the service's address: one of them comes first.
      const of = tenant === undefined ? [] : ["--tenants", await cleanup.tenants(tenant)];
      const relay = await cleanup.relay();
      const origin = relay.url.replace(/\/$/, "");
      const args = ["links", "--page", origin, "--outbox", outbox, "--bind", "127.0.0.1:0", "--json", "--number-links", "1000", ...of];
      const service = cleanup.start(program("PANECAST_BIN"), args);
      const links = (await service.prints(/"url":"([^"]+)"/))[1]!;
      await relay.program.kill();
      let running = (await cleanup.relay(relay.port, "--links", links, ...of)).program;
      const restart = async (): Promise<void> => {
        await running.kill();
        running = (await cleanup.relay(relay.port, "--links", links, ...of)).program;
      };
      const query = tenant === undefined ? "" : `?${new URLSearchParams({ tenant }).toString()}`;
      const agent = await Agent.open(browser, downloads, relay.url + query);
      cleanup.add(() => agent.page.close());
      await body(agent, cleanup, restart);
      assert.deepEqual(agent.complaints, []);
    } finally {
      await cleanup.run();
    }
  }

  /** Asks for a camera; gives the link that went to the phone. */
  async function request(agent: Agent): Promise<string> {
    for (const name of await readdir(outbox)) await rm(join(outbox, name));
    await agent.page.click("#tab-camera");
    await agent.page.waitForSelector("#phone", { visible: true });
    await agent.page.type("#phone", "+49 151 23456789");
    await agent.page.$eval("#camera-name", (e) => ((e as HTMLInputElement).value = ""));
    await agent.page.type("#camera-name", "Ada of Support");
    await agent.page.click("#camera-send");
    await agent.shows("#camera-sent", /Link sent to \+4915123456789/);
    const file = await until("the message", async () =>
      (await readdir(outbox)).find((name) => name.endsWith(".json")),
    );
    const message = JSON.parse(await readFile(join(outbox, file), "utf8")) as { to: string; url: string; text: string };
    assert.equal(message.to, "+4915123456789");
    assert.ok(message.text.includes(message.url) && message.text.startsWith("Ada of Support"));
    return message.url;
  }

  /** The picture that is on the agent's canvas. */
  async function picture(agent: Agent): Promise<ReturnType<typeof decodePng>> {
    for (const name of await readdir(downloads)) await rm(join(downloads, name));
    // A page in the background answers no click.
    await agent.page.bringToFront();
    await agent.page.click("#save");
    const file = await until("the saved picture", async () =>
      (await readdir(downloads)).find((name) => name.endsWith(".png")),
    );
    return decodePng(await readFile(join(downloads, file)));
  }

  const best = (rgba: Uint8Array): number =>
    Math.max(...[...seen.bt601, ...seen.bt709].map((frame) => psnr(rgba, frame)));

  async function sharing(agent: Agent, codecs?: string): Promise<Page> {
    const page = await phone(browser, await request(agent), codecs);
    await reads(page, "#card-title", /Ada of Support asks to see your camera/);
    await page.click("#allow");
    await reads(page, "#label", /Ada of Support sees this/);
    await agent.live();
    return page;
  }

  test("nothing is sent and no camera touched before Allow; then the agent sees what it sees", async () => {
    await withCamera(async (agent, cleanup) => {
      const page = await phone(browser, await request(agent));
      cleanup.add(() => page.close());
      await reads(page, "#card-title", /Ada of Support asks to see your camera/);
      assert.equal(await page.evaluate(() => location.hash), "", "the secret does not stay in the address");
      assert.equal(await touched(page), 0);
      const before = await page.evaluate(() => window.panecastCamera!.probe());
      assert.equal(before.pictures, 0);
      assert.ok(before.sentBytes < 1000, `${before.sentBytes} bytes are more than a handshake`);
      await page.click("#allow");
      await agent.live();
      assert.equal(await touched(page), 1);
      await until("some pictures", async () => ((await agent.stats())?.updates ?? 0) > 10 || undefined);
      const shown = await picture(agent);
      assert.deepEqual([shown.width, shown.height], [WIDTH, HEIGHT]);
      const quality = best(shown.rgba);
      assert.ok(quality > 30, `${quality} dB`);
      // The phone shows no marks, so there is nothing to draw them with.
      assert.equal(await agent.text("#pens"), "");
      assert.notEqual(await agent.text("#rest"), "");
      await agent.page.keyboard.press("e");
      assert.equal(await agent.page.$$eval("#pens [aria-pressed=true]", (pens) => pens.length), 0);
    });
  });

  test("a link is good for one phone, once", async () => {
    await withCamera(async (agent, cleanup) => {
      const link = await request(agent);
      const first = await phone(browser, link);
      cleanup.add(() => first.close());
      await reads(first, "#card-title", /asks to see your camera/);
      await first.click("#allow");
      await agent.live();
      const second = await phone(browser, link);
      cleanup.add(() => second.close());
      // The first has let its agent in: whoever opens the link again waits for nobody.
      await reads(second, "#card-text", /This link was used already/);
      await reads(first, "#label", /sees this/);
      assert.equal(await touched(second), 0);
    });
  });

  test("a link leads into the tenant whose agent sent it, and nowhere by a name that none has", async () => {
    const tenant = "Läden & mehr";
    await withCamera(async (agent, cleanup) => {
      const link = await request(agent);
      assert.match(link, /\/camera\?tenant=L%C3%A4den%20%26%20mehr#/);
      const opened = async (url: string): Promise<Page> => {
        const page = await phone(browser, url);
        cleanup.add(() => page.close());
        return page;
      };
      for (const bad of ["?tenant=", "?tenant=a&tenant=b", "?tenant=%00", "?tenant=%ff", `?tenant=${"a".repeat(256)}`]) {
        const page = await opened(link.replace(/\?.*#/, `${bad}#`));
        await reads(page, "#card-text", /The link is not whole/);
        assert.equal(await page.evaluate(() => location.hash), "");
      }
      // The relay knows no such tenant.
      await reads(await opened(link.replace(/\?.*#/, "#")), "#card-text", /does not know the tenant/);
      const page = await opened(link);
      await reads(page, "#card-title", /Ada of Support asks to see your camera/);
      await page.click("#allow");
      await reads(page, "#label", /Ada of Support sees this/);
      await agent.live();
    }, tenant);
  });

  test("whoever declines has shown nothing", async () => {
    await withCamera(async (agent, cleanup) => {
      const page = await phone(browser, await request(agent));
      cleanup.add(() => page.close());
      await reads(page, "#card-title", /asks to see your camera/);
      await page.click("#decline");
      await reads(page, "#card-title", /You said no/);
      await agent.shows("#card", /declined|said no|did not allow/i);
      assert.equal(await touched(page), 0);
    });
  });

  test("pause shows nothing, and going on shows again; stop ends it", async () => {
    await withCamera(async (agent, cleanup) => {
      const page = await sharing(agent);
      cleanup.add(() => page.close());
      await page.click("#pause");
      await reads(page, "#covered", /Paused/);
      await agent.shows("#status-label", /Paused/);
      assert.equal(await agent.probe(), undefined, "nothing is on the canvas");
      await page.bringToFront();
      await page.click("#pause");
      await agent.shows("#status-label", /^Live/);
      await agent.live();
      await page.click("#stop");
      await reads(page, "#card-title", /You stopped/);
      await agent.shows("#card", /stopped/);
    });
  });

  test("a cut is survived without asking again", async () => {
    await withCamera(async (agent, cleanup, restart) => {
      const page = await sharing(agent);
      cleanup.add(() => page.close());
      await restart();
      await until("the count of reconnects", async () => ((await agent.stats())?.reconnects ?? 0) >= 1 || undefined);
      const before = (await agent.stats())?.updates ?? 0;
      await until("pictures again", async () => ((await agent.stats())?.updates ?? 0) > before + 10 || undefined);
      await reads(page, "#label", /sees this/);
      assert.equal(await touched(page), 1, "nobody is asked again");
    });
  });

  test("a camera that is taken away or gives nothing is told to both, and goes on", async () => {
    await withCamera(async (agent, cleanup) => {
      const page = await sharing(agent);
      cleanup.add(() => page.close());
      /** As the system ends it (`told`), or as it falls silent. */
      const stop = (told: boolean): Promise<void> =>
        page.$eval(
          "#preview",
          (e, ended) => {
            const track = ((e as HTMLVideoElement).srcObject as MediaStream).getVideoTracks()[0]!;
            track.stop();
            if (ended) track.dispatchEvent(new Event("ended"));
          },
          told,
        );
      const goesOn = async (): Promise<void> => {
        await agent.shows("#status-label", /^Live/);
        const before = (await agent.stats())?.updates ?? 0;
        await until("pictures again", async () => ((await agent.stats())?.updates ?? 0) > before + 5 || undefined);
        await reads(page, "#label", /sees this/);
      };
      await stop(true);
      await agent.shows("#status-label", /^Blocked/);
      await agent.shows("#banner", /Another app has the camera/);
      await reads(page, "#covered", /The camera was taken away/);
      await page.bringToFront();
      await page.click("#again");
      await goesOn();
      await stop(false);
      await agent.shows("#status-label", /^Stalled/);
      await agent.shows("#banner", /The camera gives no picture/);
      await reads(page, "#label", /The camera gives no picture/);
      await page.click("#flip");
      await goesOn();
      assert.equal(await touched(page), 3, "each time by the person's own touch");
    });
  });

  for (const codec of ["av1", "h264", "vp9", "vp8"]) {
    test(`a camera comes as ${codec}`, async (t) => {
      await withCamera(async (agent, cleanup) => {
        const can = await agent.page.evaluate(async (name) => {
          const names: Record<string, string> = { av1: "av01.0.05M.08", h264: "avc1.42e028", vp9: "vp09.00.31.08", vp8: "vp8" };
          const config = { codec: names[name]!, width: 640, height: 360 };
          return (await VideoEncoder.isConfigSupported(config)).supported === true;
        }, codec);
        if (!can) return t.skip(`this browser encodes no ${codec}`);
        const page = await sharing(agent, codec);
        cleanup.add(() => page.close());
        await until("some pictures", async () => ((await agent.stats())?.updates ?? 0) > 10 || undefined);
        const { encoding } = await page.evaluate(() => window.panecastCamera!.status());
        assert.deepEqual(encoding, { codec, width: WIDTH, height: HEIGHT });
        const quality = best((await picture(agent)).rgba);
        t.diagnostic(`${codec}: ${quality.toFixed(1)} dB`);
        assert.ok(quality > 30, `${quality} dB`);
      });
    });
  }
});
