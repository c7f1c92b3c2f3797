// What happens on each desktop. `open` brings it up, `play` is what gets recorded.

import { readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { pause } from "./stage.mjs";

const here = fileURLToPath(new URL(".", import.meta.url));
const page = (name) => pathToFileURL(join(here, "pages", name)).href;

function photographs(folder) {
  const found = readdirSync(folder, { recursive: true }).map((name) => join(folder, String(name)));
  return found.filter((path) => path.endsWith(".jpg") && statSync(path).size < 2_000_000).sort().slice(0, 12);
}

/** Scrolls as a wheel with smooth scrolling does. */
async function wheel(tab, times, by, ms) {
  for (let i = 0; i < times; i += 1) {
    await tab.mouse.wheel({ deltaY: by });
    await pause(ms);
  }
}

/** Lines of numbers that look like somebody's work. */
function ledger() {
  const places = ["Aarhus", "Bergen", "Cork", "Dijon", "Essen", "Faro", "Ghent", "Hull"];
  const lines = ["Order,Place,Customer,Units,Price,Discount,Total,Shipped,Remark"];
  for (let i = 1; i <= 400; i += 1) {
    const units = (i * 37) % 90 + 1;
    const price = ((i * 7919) % 9000) / 100 + 3;
    lines.push([10_000 + i, places[(i * 5) % 8], `Customer ${(i * 131) % 977}`, units, price.toFixed(2), `${(i * 3) % 15}%`,
      (units * price).toFixed(2), `2024-${String((i % 12) + 1).padStart(2, "0")}-${String((i % 28) + 1).padStart(2, "0")}`,
      i % 7 === 0 ? "call before delivery" : ""].join(","));
  }
  return lines.join("\n");
}

export const scenes = {
  form: {
    async open(stage) {
      const tab = await stage.browse(page("form.html"));
      await stage.click(900, 125); // the keys go to the page, not to the address
      return tab;
    },
    async play(stage, tab) {
      const fill = (id, text) => tab.type(`#${id}`, text, { delay: 55 });
      await fill("first", "Margarethe");
      await fill("last", "Lindqvist-Oyelaran");
      await fill("mail", "margarethe.example");
      await tab.$eval("#mail", (e) => e.classList.add("bad"));
      await pause(400);
      await tab.focus("#zone");
      stage.do("key", "alt+Down");
      await pause(300);
      await stage.keys(3, "Down", 200);
      stage.do("key", "Return");
      await fill("plate", "HB 4711 X");
      await wheel(tab, 5, 100, 90);
      await tab.click("#k2");
      await fill("why", "The garage is being rebuilt until spring.");
      await tab.click("#c1");
      await tab.click("#c2");
      await wheel(tab, 3, 120, 90);
      await wheel(tab, 6, -120, 60);
    },
  },
  editor: {
    async open(stage) {
      const text = join(stage.folder, "encoder.rs");
      writeFileSync(text, readFileSync(join(here, "../../src/codec/encoder.rs")));
      stage.run("mousepad", "--disable-server", text);
      await stage.window("Mousepad");
    },
    async play(stage) {
      await stage.keys(6, "Down", 60);
      stage.do("key", "End");
      stage.do("key", "Return");
      stage.type("let rows = frame.rows().filter(|row| row.dirty());", 60);
      stage.do("key", "Return");
      stage.type("// only what changed is worth a look", 60);
      await stage.keys(12, "Page_Down", 110);
      await stage.drag(120, 200, 620, 420, 18);
      stage.do("key", "ctrl+f");
      await pause(500);
      stage.type("damage", 90);
      await stage.keys(4, "Return", 180);
      stage.do("key", "Escape");
      stage.do("key", "alt+e");
      await pause(500);
      await stage.keys(5, "Down", 90);
      stage.do("key", "Escape");
      for (let i = 0; i < 15; i += 1) await stage.click(600, 400, 4).then(() => pause(10));
    },
  },
  sheet: {
    async open(stage) {
      const text = join(stage.folder, "orders.csv");
      writeFileSync(text, ledger());
      stage.run("gnumeric", "--no-splash", text);
      await stage.window("Gnumeric");
    },
    async play(stage) {
      for (const entry of ["Trondheim", "412.50", "=E4*D4", "waiting", "17"]) {
        stage.type(entry, 60);
        stage.do("key", "Return");
        await pause(150);
      }
      await stage.keys(6, "Right", 90);
      await stage.keys(8, "Page_Down", 160);
      await stage.drag(150, 260, 640, 520, 22);
      await stage.keys(10, "shift+Down", 60);
      for (let i = 0; i < 14; i += 1) await stage.click(600, 450, 5);
      stage.do("key", "ctrl+Home");
      await pause(300);
      await stage.drag(186, 168, 300, 168, 20);
      await pause(300);
    },
  },
  gallery: {
    async open(stage, options) {
      const url = new URL(page("gallery.html"));
      for (const path of photographs(options.photos)) url.searchParams.append("photo", pathToFileURL(path).href);
      const tab = await stage.browse(url.href);
      await tab.waitForFunction(() => [...document.images].slice(0, -1).every((image) => image.complete));
      await tab.evaluate(async () => { for (const i of document.images) if (i.src) await i.decode().catch(() => {}); });
      return tab;
    },
    async play(_stage, tab) {
      await wheel(tab, 14, 100, 110);
      await pause(500);
      await tab.evaluate(() => window.show(3));
      await pause(1200);
      await tab.evaluate(() => window.hide());
      await pause(700);
      await wheel(tab, 8, 130, 90);
      await tab.evaluate(() => window.show(8));
      await pause(900);
      await tab.evaluate(() => window.hide());
      await wheel(tab, 6, -300, 90);
    },
  },
  dashboard: {
    open: (stage) => stage.browse(page("dashboard.html")),
    play: () => pause(8000),
  },
  tabs: {
    async open(stage, options) {
      const tab = await stage.browse(page("form.html"));
      const gallery = new URL(page("gallery.html"));
      for (const path of photographs(options.photos).slice(0, 4)) gallery.searchParams.append("photo", pathToFileURL(path).href);
      const other = await stage.browser.newPage();
      await other.goto(gallery.href);
      const third = await stage.browser.newPage();
      await third.goto(page("dashboard.html"));
      await third.evaluate(() => (window.requestAnimationFrame = () => 0));
      const text = join(stage.folder, "notes.txt");
      writeFileSync(text, readFileSync(join(here, "../../docs/bitstream.md")));
      stage.run("mousepad", "--disable-server", text);
      const editor = await stage.window("Mousepad", 260, 120, 760, 480);
      await tab.bringToFront();
      return { tabs: [tab, other, third], editor, browser: await stage.window("Chromium") };
    },
    async play(stage, { editor, browser }) {
      for (let i = 0; i < 6; i += 1) {
        stage.do("key", "ctrl+Tab");
        await pause(380);
      }
      for (let i = 0; i < 3; i += 1) {
        stage.do("windowactivate", editor);
        await pause(350);
        stage.do("key", "alt+f");
        await pause(300);
        stage.do("key", "Right");
        await pause(250);
        stage.do("key", "Escape", "Escape");
        await pause(150);
        stage.do("windowactivate", browser);
        await pause(300);
        await stage.click(700, 420, 3);
        await pause(350);
        stage.do("key", "Escape");
        await pause(150);
      }
    },
  },
};
