// Bundles the tests of one kind and runs them with node's own runner: `node test/run.mjs unit|browser [node options]`.

import { spawn } from "node:child_process";
import { mkdir, readdir, rm } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = dirname(fileURLToPath(import.meta.url));
const kind = process.argv[2] ?? "unit";
const sources = join(here, kind);
const out = join(here, ".out", kind);

const tests = (await readdir(sources)).filter((f) => f.endsWith(".test.ts")).sort();
await rm(out, { recursive: true, force: true });
await mkdir(out, { recursive: true });
await build({
  absWorkingDir: resolve(here, ".."),
  entryPoints: tests.map((f) => join(sources, f)),
  outdir: out,
  outExtension: { ".js": ".mjs" },
  bundle: true,
  platform: "node",
  format: "esm",
  target: "node18",
  packages: "external",
  sourcemap: "inline",
  logLevel: "warning",
});

// Each browser test drives a whole browser: side by side they would only wait for each other.
const concurrency =
  kind === "browser" && Number(process.versions.node.split(".")[0]) >= 20 ? ["--test-concurrency=1"] : [];
const args = [
  "--enable-source-maps",
  "--test",
  ...concurrency,
  ...process.argv.slice(3),
  ...tests.map((f) => join(out, f.replace(/\.ts$/, ".mjs"))),
];
const child = spawn(process.execPath, args, { stdio: "inherit", cwd: resolve(here, "..") });
child.on("exit", (code, signal) => process.exit(signal === null ? (code ?? 1) : 1));
