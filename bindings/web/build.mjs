// Builds the pages into dist/: `node build.mjs DECODER.wasm AV1.wasm SHARER.wasm`, or PANECAST_WASM, PANECAST_AV1_WASM and
// PANECAST_SHARER_WASM in the environment.
// Every file but the pages themselves carries a hash of its content in its name, so that a browser never mixes two versions.

import { createHash } from "node:crypto";
import { mkdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const dist = resolve(here, "dist");
const made = "wasm32-unknown-unknown/wasm";
const wasmOf = (given, variable, file) => resolve(given ?? process.env[variable] ?? resolve(here, "../../target", file));
const wasmPath = wasmOf(process.argv[2], "PANECAST_WASM", `${made}/panecast_web_decoder.wasm`);
const av1Path = wasmOf(process.argv[3], "PANECAST_AV1_WASM", `panecast-web-av1/${made}/panecast_web_av1.wasm`);
const sharerPath = wasmOf(process.argv[4], "PANECAST_SHARER_WASM", `${made}/panecast_web_sharer.wasm`);

for (const path of [wasmPath, av1Path, sharerPath]) {
  if ((await stat(path).catch(() => undefined))?.isFile()) continue;
  console.error(`There is no WebAssembly at ${path}. \`cargo xtask viewer\` builds it.`);
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
  ["show-worker", "show-worker", "js", await bundle("src/sharer/main.ts", { format: "iife" })],
  ["show-page", "show", "js", await bundle("src/page/show.ts", { format: "esm" })],
  ["see-page", "see", "js", await bundle("src/page/see.ts", { format: "esm" })],
  ["show-style", "show", "css", await bundle("src/page/show.css")],
  ["camera-worker", "camera-worker", "js", await bundle("src/camera/main.ts", { format: "iife" })],
  ["camera-page", "camera", "js", await bundle("src/page/camera.ts", { format: "esm" })],
  ["camera-style", "camera", "css", await bundle("src/page/camera.css")],
  ["icon", "icon", "svg", await readFile(resolve(here, "src/page/icon.svg"))],
  ["wasm", "decoder", "wasm", await readFile(wasmPath)],
  ["av1", "av1", "wasm", await readFile(av1Path)],
  ["sharer", "sharer", "wasm", await readFile(sharerPath)],
];
/** What the relay serves as `/` and as `/NAME`. */
const pages = ["index", "show", "see", "camera"];

await rm(dist, { recursive: true, force: true });
await mkdir(dist, { recursive: true });
const files = new Map();
let total = 0;
for (const [slot, name, extension, content] of assets) {
  const hash = createHash("sha256").update(content).digest("hex").slice(0, 10);
  const file = `${name}-${hash}.${extension}`;
  await writeFile(resolve(dist, file), content);
  files.set(slot, file);
  total += content.length;
}
for (const page of pages) {
  const source = await readFile(resolve(here, `src/page/${page}.html`), "utf8");
  const html = source.replaceAll(/\{\{([\w-]+)\}\}/g, (open, slot) => {
    const file = files.get(slot);
    if (file === undefined) throw new Error(`${page}.html names ${open}, which build.mjs does not make`);
    return file;
  });
  await writeFile(resolve(dist, `${page}.html`), html);
  total += html.length;
}
console.log(`dist: ${assets.length + pages.length} files, ${(total / 1024).toFixed(0)} KiB`);
