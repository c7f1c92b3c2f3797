// A private X display with a window manager, a recorder for it, and hands to play on it.

import { spawn, execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import puppeteer from "puppeteer-core";

export const WIDTH = 1280;
export const HEIGHT = 720;
export const FPS = 30;

export const pause = (ms) => new Promise((done) => setTimeout(done, ms));

/** One display. Everything started on it ends with `close`. */
export class Stage {
  #children = [];
  #folder = mkdtempSync(join(tmpdir(), "desktop-"));
  #browser;
  #display;

  static async open() {
    const stage = new Stage();
    await stage.#openDisplay();
    stage.run("openbox");
    await stage.#poll(() => stage.#ask("xdotool", ["get_num_desktops"]));
    return stage;
  }

  /** A folder that is gone after the recording. */
  get folder() {
    return this.#folder;
  }

  async #openDisplay() {
    const server = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", `${WIDTH}x${HEIGHT}x24`, "-nolisten", "tcp", "-noreset"], {
      stdio: ["ignore", "ignore", "ignore", "pipe"],
    });
    this.#children.push(server);
    const number = await new Promise((done, failed) => {
      server.stdio[3].once("data", (text) => done(String(text).trim()));
      server.once("error", failed);
      server.once("exit", () => failed(new Error("Xvfb ended at once")));
    });
    this.#display = `:${number}`;
  }

  get #env() {
    return { ...process.env, DISPLAY: this.#display, HOME: this.#folder, LC_ALL: "C.UTF-8", NO_AT_BRIDGE: "1" };
  }

  #ask(program, args) {
    try {
      return execFileSync(program, args, { env: this.#env, stdio: ["ignore", "pipe", "ignore"] }).toString().trim() || "yes";
    } catch {
      return undefined;
    }
  }

  async #poll(condition) {
    for (let tries = 0; tries < 300; tries += 1) {
      const found = condition();
      if (found !== undefined) return found;
      await pause(100);
    }
    throw new Error("waited 30 s in vain");
  }

  /** Starts a program on the display. */
  run(program, ...args) {
    const child = spawn(program, args, { env: this.#env, stdio: "ignore" });
    child.on("error", (e) => console.error(`${program}: ${e.message}`));
    this.#children.push(child);
    return child;
  }

  /** Waits for a window whose class or title matches and moves it. Gives its id. */
  async window(pattern, x = 0, y = 0, width = WIDTH, height = HEIGHT - 24) {
    const id = (await this.#poll(() => this.#ask("xdotool", ["search", "--onlyvisible", "--name", pattern]))).split("\n").pop();
    this.do("windowactivate", "--sync", id);
    this.do("windowmove", id, String(x), String(y));
    this.do("windowsize", id, String(width), String(height));
    await pause(700);
    return id;
  }

  /** One xdotool command. */
  do(...args) {
    this.#ask("xdotool", args);
  }

  /** Keys at a human pace. */
  async keys(count, key, ms) {
    for (let i = 0; i < count; i += 1) {
      this.do("key", key);
      await pause(ms);
    }
  }

  type(text, ms = 70) {
    this.do("type", "--delay", String(ms), text);
  }

  async click(x, y, button = 1) {
    this.do("mousemove", String(x), String(y), "click", String(button));
    await pause(150);
  }

  /** Drags with the first button, in `steps` of one frame each. */
  async drag(x0, y0, x1, y1, steps = 20) {
    this.do("mousemove", String(x0), String(y0), "mousedown", "1");
    for (let i = 1; i <= steps; i += 1) {
      const at = (a, b) => String(Math.round(a + ((b - a) * i) / steps));
      this.do("mousemove", at(x0, x1), at(y0, y1));
      await pause(1000 / FPS);
    }
    this.do("mouseup", "1");
  }

  /** Chromium with its own window; gives the page in front. */
  async browse(url) {
    this.#browser = await puppeteer.launch({
      executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
      headless: false,
      defaultViewport: null,
      env: this.#env,
      ignoreDefaultArgs: ["--enable-automation"],
      args: ["--no-sandbox", "--test-type", "--disable-gpu", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", "--allow-file-access-from-files", `--window-size=${WIDTH},${HEIGHT}`, "--window-position=0,0"],
    });
    const [page] = await this.#browser.pages();
    await page.goto(url);
    await this.window("Chromium");
    return page;
  }

  get browser() {
    return this.#browser;
  }

  /** Records what `play` shows into raw BGRA. */
  async record(path, play) {
    const recorder = spawn("ffmpeg", ["-v", "error", "-y", "-f", "x11grab", "-draw_mouse", "0", "-framerate", String(FPS),
      "-video_size", `${WIDTH}x${HEIGHT}`, "-i", this.#display, "-r", String(FPS), "-f", "rawvideo", "-pix_fmt", "bgra", path],
    { stdio: ["pipe", "ignore", "inherit"] });
    const ended = new Promise((done) => recorder.once("exit", done));
    try {
      await pause(500);
      await play();
      await pause(300);
    } finally {
      recorder.stdin.write("q");
      await ended;
    }
    writeFileSync(path.replace(/\.bgra$/, ".txt"), `${WIDTH}x${HEIGHT} ${FPS}\n`);
  }

  async close() {
    await this.#browser?.close().catch(() => {});
    for (const child of this.#children.reverse()) child.kill();
    await pause(300);
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
