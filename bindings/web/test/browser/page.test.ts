// The page against a stand-in for the relay: exact pixels, states, hostile streams, keyboard, pictures saved.

import assert from "node:assert/strict";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, KeyInput } from "puppeteer-core";
import { Agent, BROWSERS, Cleanup, launch, until } from "./harness.ts";
import { HEIGHT, makeClip, sha256, WIDTH, type Clip } from "./pictures.ts";
import { decodePng } from "../png.ts";
import { StandIn, type Peer } from "./stand-in.ts";

const FRAMES = 30;

/** Browsers lay out in 1/64 (Chromium) or 1/60 (Firefox) of a CSS pixel, then snap to device pixels. */
const SUBPIXEL = 0.05;

for (const name of BROWSERS) {
  describe(`page in ${name}`, () => {
    const whole = new Cleanup();
    let browser: Browser;
    let downloads: string;
    let clip: Clip;

    before(async () => {
      downloads = await whole.folder();
      clip = await makeClip(await whole.folder(), FRAMES, 15);
      browser = await launch(name, downloads);
      whole.add(() => browser.close());
    });
    after(() => whole.run());

    /** Runs `body` with a page at a stand-in that lets everyone with the right key in, then calls `joined`. */
    async function withPage(
      joined: (peer: Peer) => void,
      body: (agent: Agent, standIn: StandIn) => Promise<void>,
      { viewport = { width: 1280, height: 860, deviceScaleFactor: 1 }, enters = true } = {},
    ): Promise<void> {
      const standIn = await StandIn.start((peer, said) => {
        if (said.type === "hello") joined(peer);
      });
      const agent = await Agent.open(browser, downloads, enters ? standIn.link : standIn.url, viewport);
      try {
        if (enters) {
          await agent.enter();
          await until("the agent's place", () => (standIn.peers[0]?.count("hello") ?? 0) > 0 || undefined);
        }
        await body(agent, standIn);
        assert.deepEqual(agent.complaints, [], "errors in the page's console");
      } finally {
        await agent.page.close();
        await standIn.stop();
      }
    }

    const live = (peer: Peer): void => peer.state("live");
    const showAll = (peer: Peer): void => {
      live(peer);
      peer.bytes(clip.stream);
    };

    test("each frame's pixels are on the canvas, whatever pieces it comes in", async () => {
      await withPage(live, async (agent, standIn) => {
        await agent.phase("joined");
        const seen = new Set<number>();
        // Prime, so that pieces end anywhere: within the header, within a packet, between two.
        const piece = Math.ceil(clip.stream.length / 61);
        for (let at = 0; at < clip.stream.length; at += piece) {
          standIn.peer.bytes(clip.stream.subarray(at, at + piece));
          const probe = await agent.probe();
          if (probe === undefined) continue;
          assert.deepEqual([probe.width, probe.height], [WIDTH, HEIGHT]);
          const index = clip.hashes.indexOf(probe.sha256);
          assert.ok(index >= 0, `the canvas of sequence ${probe.sequence} is no frame of the source`);
          assert.equal(probe.sequence, index + 1);
          seen.add(index);
        }
        await until(
          "the last frame",
          async () => (await agent.probe())?.sha256 === clip.hashes.at(-1) || undefined,
        );
        assert.ok(seen.size >= 5, `only ${seen.size} different frames were seen`);
      });
    });

    test("an update is acknowledged once its pixels are on the canvas, never before", async () => {
      await withPage(showAll, async (agent, standIn) => {
        const acked = await until("the last acknowledgement", () => {
          const acks = (standIn.peers[0]?.said ?? [])
            .filter((s) => s.type === "ack")
            .map((s) => s.sequence ?? 0);
          return acks.at(-1) === FRAMES ? acks : undefined;
        });
        assert.deepEqual(
          acked,
          [...new Set(acked)].sort((a, b) => a - b),
          "acknowledgements rise",
        );
        assert.equal((await agent.probe())?.sha256, clip.hashes.at(-1));
      });
    });

    test("the very pixels reach the screen at 100 %, on each scale factor", async () => {
      for (const deviceScaleFactor of [1, 1.25, 1.5, 2]) {
        await withPage(
          showAll,
          async (agent) => {
            await until(
              "the last frame",
              async () => (await agent.probe())?.sha256 === clip.hashes.at(-1) || undefined,
            );
            await agent.page.keyboard.press("1");
            await agent.shows("#zoom", /^100 %$/);
            const box = await agent.page.$eval("#screen", (e) => {
              const { left, top, width, height } = e.getBoundingClientRect();
              return { left, top, width, height, ratio: devicePixelRatio };
            });
            assert.equal(box.ratio, deviceScaleFactor);
            const [x, y] = [box.left * box.ratio, box.top * box.ratio].map((edge) => {
              assert.ok(
                Math.abs(edge - Math.round(edge)) < SUBPIXEL,
                `the picture begins between two pixels: ${edge}`,
              );
              return Math.round(edge);
            }) as [number, number];
            assert.ok(
              Math.abs(box.width * box.ratio - WIDTH) < SUBPIXEL &&
                Math.abs(box.height * box.ratio - HEIGHT) < SUBPIXEL,
            );
            const expected = clip.frames.at(-1)!;
            await until("the frame in a screenshot", async () => {
              const shot = decodePng(await agent.page.screenshot());
              return cut(shot, x, y).equals(expected) || undefined;
            });
          },
          { viewport: { width: 900, height: 700, deviceScaleFactor } },
        );
      }
    });

    test("a saved picture holds the exact pixels", async () => {
      await withPage(showAll, async (agent) => {
        await until(
          "the last frame",
          async () => (await agent.probe())?.sha256 === clip.hashes.at(-1) || undefined,
        );
        const before = new Set(await readdir(downloads));
        await agent.page.click("#save");
        const file = await until("the saved file", async () => {
          const fresh = (await readdir(downloads)).filter((f) => !before.has(f) && f.endsWith(".png"));
          const path = fresh[0] === undefined ? undefined : join(downloads, fresh[0]);
          return path !== undefined && (await stat(path)).size > 0 && (await isWhole(path))
            ? path
            : undefined;
        });
        assert.match(file, /panecast-\d{4}-\d\d-\d\d-\d{6}[^/]*\.png$/);
        const saved = decodePng(await readFile(file));
        assert.deepEqual([saved.width, saved.height], [WIDTH, HEIGHT]);
        assert.equal(sha256(saved.rgba), clip.hashes.at(-1));
      });
    });

    test("everything works by keyboard alone", async () => {
      await withPage(
        showAll,
        async (agent, standIn) => {
          const { keyboard } = agent.page;
          await until(
            "focus in the key field",
            async () => (await agent.page.evaluate(() => document.activeElement?.id)) === "key" || undefined,
          );
          // Letters that are shortcuts elsewhere are letters here.
          await keyboard.type("fsd?4819");
          assert.equal(await agent.page.$eval("#key", (e) => (e as HTMLInputElement).value), "481 9");
          assert.equal(
            await agent.page.evaluate(
              () => document.fullscreenElement === null && !document.querySelector("dialog")?.open,
            ),
            true,
          );
          await keyboard.press("Enter");
          await agent.shows("#key-error", /nine digits/);
          for (let i = 0; i < 6; i++) await keyboard.press("Backspace");
          await keyboard.type(standIn.key);
          await keyboard.press("Enter");
          await agent.shows("#name-error", /Type your name/);
          await keyboard.type("Ada");
          await keyboard.press("Enter");
          await agent.live();

          await keyboard.press("1");
          await agent.shows("#zoom", /^100 %$/);
          assert.equal(await pressed(agent, "#actual"), "true");
          await keyboard.press("+");
          await agent.shows("#zoom", /^125 %$/);
          await keyboard.press("-");
          await agent.shows("#zoom", /^100 %$/);
          await keyboard.press("0");
          await until("fit", async () => (await pressed(agent, "#fit")) === "true" || undefined);
          await keyboard.press("d");
          await agent.shows("#details", /Decode/);
          await keyboard.press("?" as KeyInput);
          await agent.shows("#help", /Keyboard shortcuts/);
          await keyboard.press("d");
          await keyboard.press("Escape");
          await until("the help to close", async () => (await agent.text("#help")) === "" || undefined);
          assert.notEqual(await agent.text("#details"), "", "a key in the dialog is not a shortcut");
          await keyboard.press("f");
          await until("full screen", () =>
            agent.page.evaluate(() => document.fullscreenElement !== null || undefined),
          );
          await keyboard.press("f");
          await until("the end of full screen", () =>
            agent.page.evaluate(() => document.fullscreenElement === null || undefined),
          );

          const reached: string[] = [];
          // From the top: a way through the browser's own bars and back is the browser's.
          await agent.page.$eval(".brand", (e) => {
            (e as HTMLElement).tabIndex = -1;
            (e as HTMLElement).focus();
          });
          for (let i = 0; i < 40 && !reached.includes("leave"); i++) {
            await keyboard.press("Tab");
            const at = await agent.page.evaluate(() => {
              const e = document.activeElement as HTMLElement;
              const name = e.getAttribute("aria-label") ?? e.innerText;
              return { id: e.id, name, ring: getComputedStyle(e).boxShadow !== "none" };
            });
            if (at.id === "") continue;
            assert.ok(at.name.trim().length > 1, `#${at.id} has no name`);
            assert.ok(at.ring, `the focus on #${at.id} cannot be seen`);
            reached.push(at.id);
          }
          for (const id of [
            "status",
            "zoom-out",
            "zoom-in",
            "fit",
            "actual",
            "save",
            "details-button",
            "fullscreen",
            "help-button",
            "leave",
          ]) {
            assert.ok(
              reached.includes(id),
              `#${id} cannot be reached with the Tab key: ${reached.join(" ")}`,
            );
          }
          await keyboard.press("Enter");
          await agent.phase("off");
          assert.equal(new URL(agent.page.url()).hash, "", "the key is gone from the address");
        },
        { enters: false },
      );
    });

    test("the state is told as it is", async () => {
      await withPage(
        () => undefined,
        async (agent, standIn) => {
          live(standIn.peer);
          await agent.shows("#card", /Receiving the first picture/);
          standIn.peer.bytes(clip.stream);
          await agent.shows("#status-label", /^Live$/);
          assert.equal(await agent.text("#card"), "");
          standIn.peer.state("idle");
          await agent.shows("#status-label", /unchanged/);
          await agent.shows("#status-age", /last update \d+ s ago/);
          standIn.peer.state("paused");
          await agent.shows("#card", /The visitor paused/);
          standIn.peer.state("secure");
          await agent.shows("#card", /must not be captured/);
          standIn.peer.state("blocked");
          await agent.shows("#banner", /lets nothing be captured/);
          standIn.peer.state("stalled");
          await agent.shows("#banner", /does not answer/);
          standIn.peer.say({ type: "host-lost" });
          standIn.sharer.tell("x");
          await agent.shows("#banner", /connection was cut/);
          assert.equal(
            await agent.page.$eval("#announcer", (e) => e.textContent),
            "The visitor's connection was cut",
          );
          standIn.sharer.tell("b", standIn.peer.viewer);
          standIn.peer.say({ type: "host-back" });
          await until("the page to be back", () => standIn.peer.count("hello") > 1 || undefined);
          live(standIn.peer);
          standIn.peer.bytes(clip.stream);
          await agent.shows("#status-label", /^Live$/);
          standIn.peer.end("source-ended");
          await agent.shows("#card", /What was shared is gone/);
          assert.equal((await agent.probe())?.sha256, clip.hashes.at(-1), "the last picture stays");
        },
      );
    });

    test("when the visitor stops, the picture is gone", async () => {
      await withPage(showAll, async (agent, standIn) => {
        await agent.live();
        standIn.peer.end("sharer-stopped");
        await agent.shows("#card", /The visitor stopped sharing/);
        assert.equal(await agent.probe(), undefined);
        assert.equal(await agent.text("#sheet"), "");
        assert.equal(await agent.page.$eval("#save", (e) => (e as HTMLButtonElement).disabled), true);
        assert.equal(standIn.peers.length, 1, "an ended session is not joined again");
      });
    });

    const snapshotLength = (): number => clip.stream.length;
    const hostile: [string, (stream: Buffer) => Buffer][] = [
      ["noise", () => Buffer.from(Array.from({ length: 5000 }, (_, i) => (i * 2_654_435_761) >>> 24))],
      [
        "a stream whose bits are flipped",
        (s) => Buffer.from(s.map((b, i) => (i > 40 && i % 97 === 0 ? b ^ 0x10 : b))),
      ],
      [
        "a stream with a hole",
        (s) =>
          Buffer.concat([s.subarray(0, snapshotLength() >> 1), s.subarray((snapshotLength() >> 1) + 999)]),
      ],
      ["a stream of an unknown version", (s) => Buffer.from(s.map((b, i) => (i === 4 ? 0xee : b)))],
      ["a size beyond all limits", (s) => Buffer.from(s.map((b, i) => (i >= 9 && i < 40 ? 0xff : b)))],
    ];
    for (const [what, breakIt] of hostile) {
      test(`${what} does no harm`, async () => {
        await withPage(live, async (agent, standIn) => {
          await agent.phase("joined");
          const { peer } = standIn;
          peer.bytes(clip.stream);
          await until(
            "the clip",
            async () => (await agent.probe())?.sha256 === clip.hashes.at(-1) || undefined,
          );
          peer.bytes(breakIt(clip.stream));
          // It asks for a snapshot, or says that the page is too old for this stream.
          await until(
            "an answer to the broken stream",
            async () =>
              peer.count("resync") > 0 || (await agent.status()).link.phase === "failed" || undefined,
          );
          if ((await agent.status()).link.phase === "failed") {
            await agent.shows("#card", /cannot go on/);
            return;
          }
          // What was on its way is skipped until the snapshot.
          peer.bytes(clip.stream.subarray(1000, 3000));
          peer.bytes(clip.stream);
          await until("a healed picture", async () => {
            const status = await agent.status();
            return (
              (status.picture === "current" && (await agent.probe())?.sha256 === clip.hashes.at(-1)) ||
              undefined
            );
          });
          assert.equal(peer.count("resync"), 1);
        });
      });
    }

    test("a stream that is broken for good is given up, not asked for again and again", async () => {
      const standIn = await StandIn.start((peer, said) => {
        if (said.type !== "ack") peer.bytes(Buffer.concat([Buffer.from("PCST"), Buffer.alloc(64, 1)]));
      });
      const agent = await Agent.open(browser, downloads, standIn.link);
      try {
        await agent.enter();
        await agent.shows("#card", /cannot go on/);
        assert.ok(standIn.peer.count("resync") < 10);
      } finally {
        await agent.page.close();
        await standIn.stop();
      }
    });

    test("text that is no message of the relay is passed over", async () => {
      await withPage(live, async (agent, standIn) => {
        await agent.phase("joined");
        for (const text of [
          "",
          "{",
          "null",
          '{"type":"joined"}',
          '{"type":"end","reason":"boredom"}',
          "x".repeat(100_000),
        ])
          standIn.peer.text(text);
        standIn.peer.bytes(clip.stream);
        await agent.shows("#status-label", /^Live$/);
        assert.equal(standIn.peers.length, 1);
      });
    });

    test("a cut connection is made again and the picture comes back", async () => {
      await withPage(showAll, async (agent, standIn) => {
        await agent.live();
        standIn.peer.close();
        await until("a second connection", () => standIn.peers[1]);
        await agent.live();
        await until(
          "the count of reconnects",
          async () => (await agent.stats())?.reconnects === 1 || undefined,
        );
        await until(
          "the last frame",
          async () => (await agent.probe())?.sha256 === clip.hashes.at(-1) || undefined,
        );
      });
    });
  });
}

async function pressed(agent: Agent, selector: string): Promise<string | null> {
  return agent.page.$eval(selector, (e) => e.getAttribute("aria-pressed"));
}

async function isWhole(path: string): Promise<boolean> {
  const bytes = await readFile(path);
  return bytes.subarray(-8, -4).toString("latin1") === "IEND";
}

/** The clip's area of a screenshot, from (`x`, `y`). */
function cut(shot: { width: number; height: number; rgba: Uint8Array }, x: number, y: number): Buffer {
  const rows: Uint8Array[] = [];
  for (let row = 0; row < HEIGHT; row++) {
    const from = ((y + row) * shot.width + x) * 4;
    rows.push(shot.rgba.subarray(from, from + WIDTH * 4));
  }
  return Buffer.concat(rows);
}
