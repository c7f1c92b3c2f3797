// What decoding a recorded stream costs in WebAssembly, beside the native decoder.
//
//   cargo xtask viewer && cargo build --release --bin panecast
//   cd bindings/web && node bench/decode.mjs STREAM.pcast...
//
// Both run in one thread. CPU time a picture, without the first; AV1 apart, because the page has the
// browser do it where it can.

import { execFileSync } from "node:child_process";
import { readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, resolve } from "node:path";
import { build } from "esbuild";

const bundle = await build({
  stdin: {
    contents: `export { Decoder } from "./src/worker/decoder.ts"; export { ModuleAv1 } from "./src/worker/av1/module.ts";`,
    resolveDir: resolve("."),
    loader: "ts",
  },
  bundle: true,
  format: "esm",
  write: false,
});
const source = Buffer.from(bundle.outputFiles[0].contents).toString("base64");
const { Decoder, ModuleAv1 } = await import(`data:text/javascript;base64,${source}`);

async function compiled(start) {
  const name = (await readdir("dist")).find((f) => f.startsWith(start) && f.endsWith(".wasm"));
  if (name === undefined) throw new Error("there is no built page; run `cargo xtask viewer`");
  return WebAssembly.compile(await readFile(join("dist", name)));
}

/** Milliseconds of user time of this process. */
const cpu = () => process.cpuUsage().user / 1000;

const [main, av1] = [await compiled("decoder-"), await compiled("av1-")];
// The native program writes one PNG, of the last picture.
const last = join(tmpdir(), `panecast-bench-${process.pid}.png`);
const native = resolve("../../target/release/panecast");
for (const path of process.argv.slice(2)) {
  const stream = await readFile(path);
  for (const round of ["warm", "measured"]) {
    const decoder = new Decoder(main);
    const planes = new ModuleAv1(av1);
    let [pictures, first, inAv1, units] = [0, 0, 0, 0];
    const found = (decoded) => {
      if (decoded.kind !== "picture") return;
      pictures += 1;
      if (pictures === 1) first = cpu() - started;
      planes.keep(decoder.surfaces());
    };
    const started = cpu();
    // As on the network: a message is a few packets at most.
    for (let at = 0; at < stream.length; at += 16384) {
      let request = decoder.decode(stream.subarray(at, at + 16384), found);
      while (request !== undefined) {
        const before = cpu();
        const given = planes.decodeNow(request);
        inAv1 += cpu() - before;
        units += 1;
        request = decoder.supply(given, found);
      }
    }
    const all = cpu() - started;
    if (round === "warm") continue;
    const each = (ms, count) => (count > 0 ? (ms / count).toFixed(3) : "0");
    const line = { stream: basename(path), pictures, firstMs: first.toFixed(1), ms: each(all - first - inAv1, pictures - 1) };
    Object.assign(line, { av1Units: units, av1Ms: each(inAv1, units) });
    try {
      // Three times: a short run is mostly its own start.
      const script = `set -e; for i in 1 2 3; do "$0" decode "$1" -o "$2" >&2; done; times`;
      const text = execFileSync("bash", ["-c", script, native, path, last], {
        encoding: "utf8",
        stdio: ["ignore", "pipe", "ignore"],
      });
      const children = /(\d+)m([\d.]+)s [\dm.]+s\s*$/.exec(text);
      if (children) line.nativeMs = (((Number(children[1]) * 60 + Number(children[2])) * 1000) / 3 / pictures).toFixed(3);
    } catch {
      line.nativeMs = "not built";
    }
    console.log(JSON.stringify(line));
  }
}
await rm(last, { force: true });
