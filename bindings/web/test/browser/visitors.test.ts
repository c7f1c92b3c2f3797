// Agents with a pass, from end to end: the page, the real relay and the visitor's program, which asks at a terminal.

import assert from "node:assert/strict";
import { createHmac } from "node:crypto";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import type { Browser, ElementHandle } from "puppeteer-core";
import { Agent, BROWSERS, Cleanup, launch, program, Terminal } from "./harness.ts";

const QUESTION = /press Enter to decline: $/;

for (const name of BROWSERS) {
  describe(`visitors in ${name}`, () => {
    const whole = new Cleanup();
    let browser: Browser;
    let downloads: string;
    let folder: string;

    before(async () => {
      downloads = await whole.folder();
      folder = await whole.folder();
      browser = await launch(name, downloads);
      whole.add(() => browser.close());
      await pass("keygen", "--out", file("shop.key"));
      await pass("keygen", "--out", file("other.key"));
      await issue("default", "ada.pass");
    });
    after(() => whole.run());

    const file = (name: string): string => join(folder, name);

    async function pass(...args: string[]): Promise<void> {
      const running = whole.start(program("PANECAST_BIN"), ["pass", ...args]);
      assert.equal(await running.ends(), 0, running.printed);
    }

    const issue = (tenant: string, out: string): Promise<void> =>
      pass("issue", "--tenant-key", file("shop.key"), "--name", "Ada Lovelace", "--tenant", tenant, "--out", file(out));

    const visitorArgs = (relay: string, id: string, key: string, ...more: string[]): string[] => [
      "share",
      ...["--relay", relay, "--visitor-id", id, "--tenant-key", file(`${key}.pub`), "--no-key"],
      ...more,
    ];

    const SHOWN = ["--source", "pattern:320x200@5", "--yes"];

    async function within(body: (cleanup: Cleanup, open: (url: string) => Promise<Agent>) => Promise<void>): Promise<void> {
      const cleanup = new Cleanup();
      try {
        await body(cleanup, async (url) => {
          const agent = await Agent.open(browser, downloads, url);
          cleanup.add(() => agent.page.close());
          return agent;
        });
      } finally {
        await cleanup.run();
      }
    }

    async function givePass(agent: Agent, file: string): Promise<void> {
      const input = (await agent.page.$("#pass-file")) as ElementHandle<HTMLInputElement>;
      await input.uploadFile(file);
      await agent.shows("#with-pass", /Ada Lovelace/);
    }

    const row = (id: string): string => `#visitors li:has(strong[title="${id}"])`;
    const askFor = (agent: Agent, id: string): Promise<void> => agent.page.click(`${row(id)} .primary`);

    test("one click: the visitor becomes available, is asked, and is seen", async () => {
      await within(async (cleanup, open) => {
        const relay = await cleanup.relay();
        const agent = await open(`${relay.url}#visitor=4711&visitor=4712`);
        assert.equal(new URL(agent.page.url()).hash, "", "nothing stays in the address");
        // Something that is no pass, then the pass as text.
        await agent.page.type("#pass", "hello");
        await agent.page.click("#pass-form [type=submit]");
        await agent.shows("#pass-error", /no pass/);
        const text = await readFile(file("ada.pass"), "utf8");
        await agent.page.$eval("#pass", (e, text) => ((e as HTMLTextAreaElement).value = text), text);
        await agent.page.click("#pass-form [type=submit]");
        await agent.shows("#with-pass", /Ada Lovelace/);
        await agent.shows(row("4711"), /Not here/);
        await agent.shows(row("4712"), /Not here/);
        assert.ok(await agent.page.$eval(`${row("4711")} .primary`, (e) => (e as HTMLButtonElement).disabled));

        const visitor = cleanup.start(program("PANECAST_BIN"), visitorArgs(relay.url, "4711", "shop.key", ...SHOWN));
        await agent.shows(row("4711"), /Available/);
        assert.match(await agent.text(row("4712")), /Not here/);
        await askFor(agent, "4711");
        await agent.shows("#status-label", /^Live/);
        await agent.live();
        assert.match(visitor.printed, /Ada Lovelace \([0-9a-z]{8}, by a pass of default\) asks to see a screen/);
        await agent.shows("#source", /^pattern/);

        // A second agent is there at the same time.
        const second = await open(`${relay.url}#visitor=4711`);
        await givePass(second, file("ada.pass"));
        await second.shows(row("4711"), /Available/);
        await askFor(second, "4711");
        await second.live();

        // Browsers let a page that is behind another one wait.
        await agent.page.bringToFront();
        visitor.interrupt();
        await agent.shows("#card", /The visitor stopped sharing/);
        assert.doesNotMatch(await agent.text("#card"), /key/i);
        await agent.page.click("#card-actions .primary");
        await agent.shows(row("4711"), /Not here/);
        await agent.page.click(`${row("4712")} .icon`);
        assert.equal(await agent.page.$(row("4712")), null);
        // The pass is nowhere but in the page's memory.
        const kept = await agent.page.evaluate(() => JSON.stringify([{ ...localStorage }, { ...sessionStorage }]));
        for (const line of text.trim().split("\n")) assert.ok(!kept.includes(line.trim()));
        await agent.page.reload();
        assert.notEqual(await agent.page.$("#pass-form"), null);
        assert.equal(await agent.text("#with-pass"), "");
        assert.deepEqual([...agent.complaints, ...second.complaints], []);
      });
    });

    test("view their screen: the visitor is told who and what, declines, then chooses and allows", async () => {
      await within(async (cleanup, open) => {
        const relay = await cleanup.relay();
        const visitor = new Terminal(cleanup, program("PANECAST_BIN"), visitorArgs(relay.url, "anna@shop", "shop.key"));
        const agent = await open(relay.url);
        await agent.page.click("#tab-visitor");
        await givePass(agent, file("ada.pass"));
        await agent.page.type("#visitor", "anna@shop");
        await agent.page.keyboard.press("Enter");
        await agent.shows(row("anna@shop"), /Available/);
        await agent.page.click('#purposes [value="window"]');
        await agent.shows(row("anna@shop"), /Ask to see a window/);
        await askFor(agent, "anna@shop");
        await visitor.prints(/Ada Lovelace .* asks to see a window/);
        await visitor.prints(QUESTION);
        await agent.shows("#card", /Waiting for the visitor's answer…[^]*[12]:\d\d left to answer/);
        assert.equal(await agent.probe(), undefined, "nothing is seen before the answer");
        visitor.types("");
        await agent.shows("#card", /The visitor declined/);
        await agent.page.click("#card-actions .primary");

        await agent.page.click('#purposes [value="screen"]');
        await agent.shows(row("anna@shop"), /Ask to see the screen/);
        await askFor(agent, "anna@shop");
        await visitor.prints(/asks to see a screen[^]*press Enter to decline: $/);
        visitor.types("1");
        await agent.live();
        await agent.shows("#source", /^(pattern|screen)/);
        await agent.page.click("#leave");
        await agent.shows("#by-visitor", /Ada Lovelace/);
        await visitor.prints(/Ada Lovelace left/);
        assert.deepEqual(agent.complaints, []);
      });
    });

    test("an app of another tenant takes no pass of this one", async () => {
      await within(async (cleanup, open) => {
        const relay = await cleanup.relay();
        cleanup.start(program("PANECAST_BIN"), visitorArgs(relay.url, "4711", "other.key", ...SHOWN));
        const agent = await open(`${relay.url}#visitor=4711`);
        await givePass(agent, file("ada.pass"));
        await agent.shows(row("4711"), /Available/);
        await askFor(agent, "4711");
        await agent.shows("#card", /The visitor's app does not take your pass/);
      });
    });

    test("where the tenant needs a token, the form or the link brings it", async () => {
      await within(async (cleanup, open) => {
        const dir = await cleanup.folder();
        const secret = "a secret of more than thirty-two bytes";
        await writeFile(join(dir, "shop.secret"), secret);
        await writeFile(join(dir, "tenants.toml"), '[tenants.shop]\nsecret-file = "shop.secret"\n');
        const relay = await cleanup.relay(0, "--tenants", join(dir, "tenants.toml"));
        await issue("shop", `shop-${name}.pass`);
        const args = visitorArgs(relay.url, "4711", "shop.key", "--tenant", "shop", ...SHOWN);
        cleanup.start(program("PANECAST_BIN"), args);
        const agent = await open(`${relay.url}#visitor=4711`);
        await givePass(agent, file(`shop-${name}.pass`));
        await agent.shows("#token-error", /token/);
        await agent.page.type("#token", token(secret));
        await agent.page.keyboard.press("Tab");
        await agent.shows(row("4711"), /Available/);
        await askFor(agent, "4711");
        await agent.live();

        const linked = await open(`${relay.url}#visitor=4711&token=${token(secret)}`);
        await givePass(linked, file(`shop-${name}.pass`));
        await linked.shows(row("4711"), /Available/);
        assert.equal(new URL(linked.page.url()).hash, "");
      });
    });
  });
}

/** A token as an organisation's own login would make it. */
function token(secret: string): string {
  const part = (value: object): string => Buffer.from(JSON.stringify(value)).toString("base64url");
  const claims = { tenant: "shop", sub: "ada", name: "Ada", exp: Math.floor(Date.now() / 1000) + 600 };
  const signed = `${part({ alg: "HS256", typ: "JWT" })}.${part(claims)}`;
  return `${signed}.${createHmac("sha256", secret).update(signed).digest("base64url")}`;
}
