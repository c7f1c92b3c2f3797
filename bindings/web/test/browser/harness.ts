// Runs the real programs and real browsers. Everything waits for a condition, with a deadline that only a hang meets.

import { spawn, type ChildProcess } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { delimiter, join, resolve } from "node:path";
import puppeteer, { type Browser, type Page } from "puppeteer-core";
import type { Probe, Stats, Status } from "../../src/messages.ts";

/** Against hangs; a loaded machine is slow, never this slow. */
export const DEADLINE_MS = 60_000;

export type BrowserName = "chromium" | "firefox";
export const BROWSERS: readonly BrowserName[] = ["chromium", "firefox"];

/** Asks `condition` again and again until it gives something. */
export async function until<T>(
  what: string,
  condition: () => T | undefined | Promise<T | undefined>,
): Promise<T> {
  const deadline = Date.now() + DEADLINE_MS;
  for (;;) {
    const found = await condition();
    if (found !== undefined && found !== false) return found;
    if (Date.now() > deadline) throw new Error(`waited ${DEADLINE_MS / 1000} s in vain for ${what}`);
    await new Promise((next) => setTimeout(next, 20));
  }
}

/** A program of the project, as `cargo xtask test` names them. */
export function program(variable: "PANECAST_BIN" | "PANECAST_RELAY_BIN" | "PANECAST_WEB_HOST"): string {
  const path = process.env[variable];
  if (path === undefined || !existsSync(path)) {
    throw new Error(
      `${variable} must name a built program; \`cargo xtask test\` builds it and runs these tests`,
    );
  }
  return resolve(path);
}

/** The built page. */
export function pageFolder(): string {
  const dist = resolve("dist");
  if (!existsSync(join(dist, "index.html")))
    throw new Error("there is no built page; run `cargo xtask viewer`");
  return dist;
}

/** A running program with what it printed. */
export class Program {
  readonly #child: ChildProcess;
  #printed = "";
  #exit: { code: number | null } | undefined;

  constructor(path: string, args: string[], input: "ignore" | "pipe" = "ignore") {
    this.#child = spawn(path, args, {
      stdio: [input, "pipe", "pipe"],
      env: { ...process.env, NO_COLOR: "1" },
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) {
      stream?.setEncoding("utf8").on("data", (text: string) => (this.#printed += text));
    }
    this.#child.on("error", (e) => {
      this.#printed += `\n${e.message}`;
      this.#exit = { code: -1 };
    });
    this.#child.on("exit", (code) => (this.#exit = { code }));
  }

  get printed(): string {
    return this.#printed;
  }

  types(line: string): void {
    this.#child.stdin?.write(`${line}\n`);
  }

  /** Waits until it has printed something that fits. */
  async prints(pattern: RegExp): Promise<RegExpExecArray> {
    return until(`${pattern} from ${this.#child.spawnfile}`, () => {
      const found = pattern.exec(this.#printed);
      if (found === null && this.#exit !== undefined) {
        throw new Error(
          `${this.#child.spawnfile} ended (${this.#exit.code}) without printing ${pattern}:\n${this.#printed}`,
        );
      }
      return found ?? undefined;
    });
  }

  /** Whether it has ended, for {@link until}. */
  get ended(): true | undefined {
    return this.#exit === undefined ? undefined : true;
  }

  /** Asks it to end, as Ctrl-C does. */
  interrupt(): void {
    this.#child.kill("SIGINT");
  }

  async ends(): Promise<number | null> {
    return (await until(`the end of ${this.#child.spawnfile}`, () => this.#exit)).code;
  }

  /** Ends it at once, as a crash would. */
  async kill(): Promise<void> {
    if (this.#exit === undefined) this.#child.kill("SIGKILL");
    await this.ends();
  }
}

/** A program at a terminal, which `script` of util-linux gives it: its questions can be answered. */
export class Terminal {
  readonly #program: Program;

  constructor(cleanup: Cleanup, path: string, args: string[]) {
    const quoted = [path, ...args].map((arg) => `'${arg.replaceAll("'", "'\\''")}'`).join(" ");
    this.#program = new Program("script", ["-qefc", `exec ${quoted}`, "/dev/null"], "pipe");
    cleanup.add(() => this.#program.kill());
  }

  prints(pattern: RegExp): Promise<RegExpExecArray> {
    return this.#program.prints(pattern);
  }

  types(line: string): void {
    this.#program.types(line);
  }
}

/** What a test has started; all of it is ended after the test, whatever happened. */
export class Cleanup {
  readonly #work: (() => Promise<unknown>)[] = [];

  add(work: () => Promise<unknown>): void {
    this.#work.push(work);
  }

  async run(): Promise<void> {
    for (const work of this.#work.reverse()) await work();
  }

  async folder(): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), "panecast-web-"));
    this.add(() => rm(path, { recursive: true, force: true, maxRetries: 10 }));
    return path;
  }

  start(path: string, args: string[], input: "ignore" | "pipe" = "ignore"): Program {
    const running = new Program(path, args, input);
    this.add(() => running.kill());
    return running;
  }

  /** A relay on `port` (0: any free one) with the built page. */
  async relay(port = 0, ...more: string[]): Promise<{ program: Program; port: number; url: string }> {
    const running = this.start(program("PANECAST_RELAY_BIN"), [
      "--bind",
      `127.0.0.1:${port}`,
      "--page",
      pageFolder(),
      "--json",
      ...more,
    ]);
    const at = Number((await running.prints(/127\.0\.0\.1:(\d+)/))[1]);
    return { program: running, port: at, url: `http://127.0.0.1:${at}/` };
  }

  /** A file of tenants for a relay or a service, with this one alone, which asks nobody who they are. */
  async tenants(name: string): Promise<string> {
    const file = join(await this.folder(), "tenants.toml");
    await writeFile(file, `[tenants.${JSON.stringify(name)}]\n`);
    return file;
  }

  /** A visitor who shares `source` and allows it; gives the key. */
  async share(relayUrl: string, source: string, ...more: string[]): Promise<{ program: Program; key: string }> {
    const running = this.start(program("PANECAST_BIN"), [
      "share",
      "--relay",
      relayUrl,
      "--source",
      source,
      "--yes",
      ...more,
    ]);
    const key = (await running.prints(/\b(\d{3} \d{3} \d{3})\b/))[1]!.replaceAll(" ", "");
    return { program: running, key };
  }
}

/** The agent page in a browser. */
export class Agent {
  private constructor(
    readonly page: Page,
    readonly downloads: string,
    readonly complaints: string[],
  ) {}

  static async open(
    browser: Browser,
    downloads: string,
    url: string,
    viewport = { width: 1280, height: 860, deviceScaleFactor: 1 },
  ): Promise<Agent> {
    const page = await browser.newPage();
    page.setDefaultTimeout(DEADLINE_MS);
    const complaints: string[] = [];
    // A connection that is refused or cut is what some tests are about; browsers report it by themselves.
    const complain = (text: string): void => {
      if (!/WebSocket|ERR_CONNECTION|connection to .*wss?:/i.test(text)) complaints.push(text);
    };
    page.on("pageerror", (e) => complain(String(e)));
    page.on("console", (m) => {
      if (m.type() === "error") complain(m.text());
    });
    await page.setViewport(viewport);
    await page.goto(url);
    return new Agent(page, downloads, complaints);
  }

  /** Gives a name and goes; the key is from the link. */
  async enter(name = "Ada of Support"): Promise<void> {
    await this.page.$eval("#name", (e) => ((e as HTMLInputElement).value = ""));
    await this.page.type("#name", name);
    await this.page.keyboard.press("Enter");
  }

  async probe(): Promise<Probe | undefined> {
    return (await this.page.evaluate(() => window.panecast!.probe())) ?? undefined;
  }

  async status(): Promise<Status> {
    return this.page.evaluate(() => window.panecast!.status());
  }

  async stats(): Promise<Stats | undefined> {
    return (await this.page.evaluate(() => window.panecast!.stats())) ?? undefined;
  }

  async phase(phase: Status["link"]["phase"]): Promise<Status> {
    return until(`the phase ${phase}`, async () => {
      const status = await this.status();
      return status.link.phase === phase ? status : undefined;
    });
  }

  /** Waits for a current picture. */
  async live(): Promise<void> {
    await until("a current picture", async () => (await this.status()).picture === "current" || undefined);
  }

  /** What a person reads in an element. */
  async text(selector: string): Promise<string> {
    return this.page.$eval(selector, (e) =>
      e instanceof HTMLElement && e.getClientRects().length > 0 ? e.innerText.trim() : "",
    );
  }

  async shows(selector: string, pattern: RegExp): Promise<string> {
    return until(`${pattern} in ${selector}`, async () => {
      const text = await this.text(selector);
      return pattern.test(text) ? text : undefined;
    });
  }
}

const NAMES: Record<BrowserName, string[]> = {
  chromium: ["chromium", "chromium-browser", "google-chrome"],
  firefox: ["firefox-esr", "firefox"],
};

function executable(name: BrowserName): string {
  for (const folder of (process.env["PATH"] ?? "").split(delimiter)) {
    for (const file of NAMES[name]) {
      const path = join(folder, file);
      if (existsSync(path)) return path;
    }
  }
  throw new Error(`${name} is not installed; run \`cargo xtask setup\``);
}

/** `more` are flags for Chromium. */
export async function launch(name: BrowserName, downloads: string, more: string[] = []): Promise<Browser> {
  const executablePath = executable(name);
  if (name === "firefox") {
    return puppeteer.launch({
      browser: "firefox",
      executablePath,
      headless: true,
      protocolTimeout: 3 * DEADLINE_MS,
      extraPrefsFirefox: {
        "browser.download.dir": downloads,
        "browser.download.folderList": 2,
        "browser.download.alwaysOpenPanel": false,
        "browser.download.always_ask_before_handling_new_types": false,
        "full-screen-api.allow-trusted-requests-only": false,
        "full-screen-api.warning.timeout": 0,
        "full-screen-api.transition-duration.enter": "0 0",
        "full-screen-api.transition-duration.leave": "0 0",
      },
    });
  }
  return puppeteer.launch({
    browser: "chrome",
    executablePath,
    headless: true,
    protocolTimeout: 3 * DEADLINE_MS,
    downloadBehavior: { policy: "allow", downloadPath: downloads },
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-quic",
      "--no-first-run",
      "--disable-background-networking",
      "--disable-component-update",
      "--disable-sync",
      "--force-color-profile=srgb",
      ...more,
    ],
  });
}
