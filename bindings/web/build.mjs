// Builds the agent page into dist/: `node build.mjs DECODER.wasm AV1.wasm`, or PANECAST_WASM and PANECAST_AV1_WASM in
// the environment.
// Every file but index.html carries a hash of its content in its name, so that a browser never mixes two versions.

import { createHash } from "node:crypto";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = resolve(here, "dist");
const made = "wasm32-unknown-unknown/wasm";
const wasmPath = resolve(
  process.argv[2] ??
    process.env.PANECAST_WASM ??
    resolve(here, `../../target/${made}/panecast_web_decoder.wasm`),
);
const av1Path = resolve(
  process.argv[3] ??
    process.env.PANECAST_AV1_WASM ??
    resolve(here, `../../target/panecast-web-av1/${made}/panecast_web_av1.wasm`),
);

for (const path of [wasmPath, av1Path]) {
  if ((await stat(path).catch(() => undefined))?.isFile()) continue;
  console.error(`There is no decoder at ${path}. \`cargo xtask viewer\` builds it.`);
  process.exit(1);
}

async function bundle(entry, options = {}) {
  const result = await build({
    absWorkingDir: here,
    entryPoints: [entry],
    bundle: true,
    minify: true,
    write: false,
    target: ["chrome111", "firefox115", "safari16.4"],
    charset: "utf8",
    legalComments: "none",
    logLevel: "warning",
    ...options,
  });
  return result.outputFiles[0].contents;
}

const assets = [
  ["worker", "worker", "js", await bundle("src/worker/main.ts", { format: "iife" })],
  ["page", "page", "js", await bundle("src/page/main.ts", { format: "esm" })],
  ["style", "page", "css", await bundle("src/page/style.css")],
  ["icon", "icon", "svg", await readFile(resolve(here, "src/page/icon.svg"))],
  ["wasm", "decoder", "wasm", await readFile(wasmPath)],
  ["av1", "av1", "wasm", await readFile(av1Path)],
];

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
let html = await readFile(resolve(here, "src/page/index.html"), "utf8");
let total = 0;
for (const [slot, name, extension, content] of assets) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 10);
  const file = `${name}-${hash}.${extension}`;
  await writeFile(resolve(dist, file), content);
  html = html.replaceAll(`{{${slot}}}`, file);
  total += content.length;
}
const open = /\{\{(\w+)\}\}/.exec(html);
if (open) throw new Error(`index.html names ${open[0]}, which build.mjs does not make`);
await writeFile(resolve(dist, "index.html"), html);
console.log(`dist: ${assets.length + 1} files, ${((total + html.length) / 1024).toFixed(0)} KiB`);
