// Typing in an X terminal, seen painted in Chromium: how long, and what every process costs.
//
//   cargo xtask viewer && cargo build --release --workspace && cargo build --release --example damage_clock
//   cd bindings/web && node bench/typing.mjs [keys] [WIDTHxHEIGHT] [--json]
//
// Starts Xvfb, xterm, the relay, a visitor who shares the screen, and the agent page. Types one key after the other
// and waits for each to be painted. The time of the damage comes from an observer of its own (examples/damage_clock),
// that of the paint from the page; both read the machine's clock. CPU is user and system time from /proc.

import { spawn } from "node:child_process";
import { mkdtemp, readFile, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import puppeteer from "puppeteer-core";

const args = process.argv.slice(2).filter((a) => !a.startsWith("--"));
const keys = Number(args[0] ?? 100);
const size = args[1] ?? "1920x1080";
const release = resolve("../../target/release");
const children = [];

function start(program, argv, options = {}) {
  const child = spawn(program, argv, { stdio: ["pipe", "pipe", "inherit"], ...options });
  child.text = "";
  child.stdout.setEncoding("utf8").on("data", (text) => (child.text += text));
  child.on("error", (e) => {
    console.error(`${program}: ${e.message}`);
    process.exit(1);
  });
  children.push(child);
  return child;
}

async function until(what, condition) {
  const deadline = Date.now() + 30_000;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited in vain for ${what}`);
    await new Promise((next) => setTimeout(next, 5));
  }
}

/** User and system milliseconds of a process and its descendants, and the most memory that the process itself has held. */
async function cost(pid) {
  const ticks = new Map();
  const parents = new Map();
  for (const entry of await readdir("/proc")) {
    if (!/^\d+$/.test(entry)) continue;
    const stat = await readFile(`/proc/${entry}/stat`, "utf8").catch(() => "");
    const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
    if (fields.length < 15) continue;
    parents.set(Number(entry), Number(fields[1]));
    ticks.set(Number(entry), Number(fields[11]) + Number(fields[12]));
  }
  const own = (id) => id === pid || (parents.has(id) && own(parents.get(id)));
  let sum = 0;
  for (const [id, n] of ticks) if (own(id)) sum += n;
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  return { cpuMs: sum * 10, peakMb: Number(/VmHWM:\s+(\d+)/.exec(status)?.[1] ?? 0) / 1024 };
}

const percentile = (sorted, p) => sorted[Math.min(sorted.length - 1, Math.floor((sorted.length * p) / 100))];
const folder = await mkdtemp(join(tmpdir(), "panecast-typing-"));
try {
  const server = spawn("Xvfb", ["-displayfd", "3", "-screen", "0", `${size}x24`, "-nolisten", "tcp", "-noreset"], {
    stdio: ["ignore", "ignore", "ignore", "pipe"],
  });
  children.push(server);
  let number = "";
  server.stdio[3].setEncoding("utf8").on("data", (text) => (number += text));
  await until("the X server", () => number.includes("\n"));
  const env = { ...process.env, DISPLAY: `:${number.trim()}` };
  const terminal = start("xterm", ["-geometry", "150x50+100+80", "-e", "cat"], { env });
  const relay = start(join(release, "panecast-relay"), ["--bind", "127.0.0.1:0", "--page", resolve("dist")], { env });
  const port = (await until("the relay", () => /127\.0\.0\.1:(\d+)/.exec(relay.text)))[1];
  const share = start(
    join(release, "panecast"),
    ["share", "--relay", `http://127.0.0.1:${port}`, "--source", "screen", "--fps", "60", "--yes"],
    { env },
  );
  const key = (await until("the key", () => /\b(\d{3} \d{3} \d{3})\b/.exec(share.text)))[1];
  const browser = await puppeteer.launch({
    executablePath: "/usr/bin/chromium",
    headless: true,
    userDataDir: folder,
    args: ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"],
  });
  const page = await browser.newPage();
  await page.setViewport({ width: 1600, height: 1000 });
  await page.goto(`http://127.0.0.1:${port}/#${key.replaceAll(" ", "")}`);
  await page.type("#name", "Typing");
  await page.keyboard.press("Enter");
  await until("a picture", async () => (await page.evaluate(() => window.panecast?.status()?.picture)) === "current");
  const clock = start(join(release, "examples/damage_clock"), [], { env });
  const typist = start("xdotool", ["-"], { env });
  typist.stdin.write("mousemove 400 400\n");

  const processes = { Xvfb: server.pid, xterm: terminal.pid, "panecast share": share.pid, "panecast-relay": relay.pid, chromium: browser.process().pid };
  const paintedAt = async () => (await page.evaluate(() => window.panecast.stats()))?.paintedAt ?? 0;
  // The terminal's window and the pointer have come to rest once a whole second brings no new paint.
  let last = -1;
  await until("rest", async () => {
    const now = await paintedAt();
    const rest = now === last && Date.now() - now > 1000;
    last = now;
    return rest;
  });
  const before = {};
  for (const [name, pid] of Object.entries(processes)) before[name] = await cost(pid);
  const begun = Date.now();
  const fromKey = [];
  const fromDamage = [];
  for (let i = 0; i < keys; i++) {
    const seen = clock.text.length;
    const typed = Date.now();
    typist.stdin.write(i % 60 === 59 ? "key Return\n" : `key ${"abcdefghijklmnopqrstuvwxyz"[i % 26]}\n`);
    // The page's figures come twice a second: the last paint of this key is known once they are newer than it.
    const painted = await until(`the paint of key ${i}`, async () => {
      const at = await paintedAt();
      return at >= typed && Date.now() - at > 600 ? at : undefined;
    });
    const damaged = clock.text.slice(seen).split("\n").map(Number).find((at) => at > 0);
    fromKey.push(painted - typed);
    if (damaged !== undefined) fromDamage.push(painted - damaged);
  }
  const seconds = (Date.now() - begun) / 1000;
  const report = { size, keys, seconds };
  const sorted = (values) => [...values].sort((a, b) => a - b);
  for (const [name, values] of [["damage to paint", sorted(fromDamage)], ["key to paint", sorted(fromKey)]]) {
    report[name] = { p50: percentile(values, 50), p95: percentile(values, 95), most: values.at(-1) };
  }
  for (const [name, pid] of Object.entries(processes)) {
    const after = await cost(pid);
    report[name] = { cpuMsPerKey: (after.cpuMs - before[name].cpuMs) / keys, cpuPercent: (after.cpuMs - before[name].cpuMs) / seconds / 10, peakMb: after.peakMb };
  }
  await browser.close();
  if (process.argv.includes("--json")) {
    console.log(JSON.stringify(report, undefined, 2));
  } else {
    console.log(`${keys} keys in ${seconds.toFixed(0)} s on ${size}`);
    for (const [name, f] of Object.entries(report)) {
      if (f?.p50 !== undefined) console.log(`${name.padEnd(16)} p50 ${f.p50.toFixed(1)} ms   p95 ${f.p95.toFixed(1)} ms   most ${f.most.toFixed(1)} ms`);
      if (f?.peakMb !== undefined) console.log(`${name.padEnd(16)} ${f.cpuMsPerKey.toFixed(1)} ms CPU a key   ${f.cpuPercent.toFixed(1)} % of a core   peak ${f.peakMb.toFixed(0)} MB`);
    }
  }
} finally {
  for (const child of children.reverse()) child.kill("SIGTERM");
  await rm(folder, { recursive: true, force: true });
}
