// node record.mjs NAME OUT.bgra [--photos FOLDER]: plays one desktop and records it as raw BGRA, 1280x720 at 30 fps.
// Needs Xvfb, openbox, xdotool, ffmpeg, Chromium, and mousepad and gnumeric for the desktops that show them.

import { parseArgs } from "node:util";
import { scenes } from "./scenes.mjs";
import { Stage } from "./stage.mjs";

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { photos: { type: "string", default: "/usr/share/backgrounds" } },
});
const [name, out] = positionals;
const scene = scenes[name];
if (scene === undefined || !out?.endsWith(".bgra")) {
  console.error(`usage: node record.mjs NAME OUT.bgra [--photos FOLDER]\nNAME is one of ${Object.keys(scenes).join(", ")}`);
  process.exit(2);
}
const stage = await Stage.open();
try {
  const shown = await scene.open(stage, values);
  await new Promise((done) => setTimeout(done, 1500));
  await stage.record(out, () => scene.play(stage, shown));
} finally {
  await stage.close();
}
