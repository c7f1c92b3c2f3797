// The way in with a pass: the pass itself, and the visitors who are watched, each with whether it is there.

import type { PassFacts } from "../messages.ts";
import type { Purpose, Refusal } from "../protocol.ts";
import { surroundings } from "../worker/surroundings.ts";
import { byId } from "./elements.ts";
import { Lookout, MOST_WATCHED, type Presence } from "./lookout.ts";

/** Longest file that can be a pass with its key. */
const MOST_PASS_CHARS = 16_384;

/** Longest id of a visitor, in bytes, as the relay takes it. */
const MOST_VISITOR_BYTES = 128;

const TEXTS: Record<Presence, { tone: string; text: string }> = {
  unknown: { tone: "busy", text: "Asking the relay…" },
  there: { tone: "good", text: "Available" },
  away: { tone: "calm", text: "Not here" },
};

/** What the page does for it. */
export interface Surround {
  readPass(file: string): Promise<PassFacts | undefined>;
  /** The token that was typed, if any. */
  token(): string | undefined;
  /** The relay does not take it: says so where it is typed. */
  tokenRefused(message: string): void;
  ask(visitor: string, pass: string, purpose: Purpose): void;
}

export class Visitors {
  readonly #lookout: Lookout;
  readonly #list = byId("visitors", HTMLElement);
  readonly #rows = new Map<string, HTMLLIElement>();
  readonly #visitor = byId("visitor", HTMLInputElement);
  readonly #text = byId("pass", HTMLTextAreaElement);

  /**
   * The pass with its key, and what it says. A variable and nothing else: whoever has the key is this agent until the pass
   * ends, and all that a browser stores for a page (sessionStorage, too: tabs are restored from it) lies on the disk in
   * clear, where it outlives the tab.
   */
  #pass: { file: string; facts: PassFacts } | undefined;

  constructor(
    socket: string,
    private readonly surround: Surround,
  ) {
    this.#lookout = new Lookout(surroundings(socket), {
      changed: (visitor, presence) => {
        this.#showRow(visitor, presence);
        const announcer = byId("announcer", HTMLElement);
        if (presence !== "unknown") announcer.textContent = `${visitor}: ${TEXTS[presence].text}`;
      },
      refused: (refusal) => this.#refused(refusal),
    });
    const file = byId("pass-file", HTMLInputElement);
    byId("pass-choose", HTMLElement).addEventListener("click", () => file.click());
    file.addEventListener("change", () => void this.#takeFile(file));
    byId("pass-form", HTMLFormElement).addEventListener("submit", (e) => {
      e.preventDefault();
      void this.#take(this.#text.value);
    });
    this.#text.addEventListener("input", () => fault("pass", undefined));
    byId("pass-away", HTMLElement).addEventListener("click", () => this.#putAway());
    byId("watch-form", HTMLFormElement).addEventListener("submit", (e) => {
      e.preventDefault();
      if (this.watch(this.#visitor.value.trim())) this.#visitor.value = "";
      this.#visitor.focus();
    });
    this.#visitor.addEventListener("input", () => fault("visitor", undefined));
    for (const radio of this.#radios()) radio.addEventListener("change", () => this.#showAll());
  }

  /** Where the typing begins. */
  focus(): void {
    (this.#pass === undefined ? this.#text : this.#visitor).focus();
  }

  /** The token is another one now. */
  renew(): void {
    if (this.#pass !== undefined) this.#look(this.#pass.facts);
  }

  /** Watches a visitor; false if that cannot be, which is said. */
  watch(visitor: string): boolean {
    const bytes = new TextEncoder().encode(visitor).length;
    if (bytes === 0 || bytes > MOST_VISITOR_BYTES) {
      fault("visitor", bytes === 0 ? "Type the visitor's id." : `An id has at most ${MOST_VISITOR_BYTES} bytes.`);
      return false;
    }
    if (!this.#lookout.watch(visitor)) {
      fault("visitor", `At most ${MOST_WATCHED} visitors are watched. Take one off the list.`);
      return false;
    }
    fault("visitor", undefined);
    this.#showAll();
    return true;
  }

  async #takeFile(input: HTMLInputElement): Promise<void> {
    const file = input.files?.[0];
    if (file === undefined) return;
    const text = file.size > MOST_PASS_CHARS ? "" : await file.text();
    // The same file may be chosen again.
    input.value = "";
    await this.#take(text);
  }

  async #take(text: string): Promise<void> {
    if (text.trim() === "" && this.#text.value.trim() === "") {
      fault("pass", "Paste your pass, or choose its file. Whoever runs the visitors' app issues it.");
      this.#text.focus();
      return;
    }
    const facts = text.length > MOST_PASS_CHARS ? undefined : await this.surround.readPass(text);
    if (facts === undefined) {
      fault("pass", "This is no pass with its key. Its file has two lines of letters and digits.");
      this.#text.focus();
      return;
    }
    if (facts.notAfter * 1000 < Date.now()) {
      fault("pass", `This pass was good until ${timeText(facts.notAfter)}. Ask for a new one.`);
      this.#text.focus();
      return;
    }
    this.#text.value = "";
    fault("pass", undefined);
    this.#pass = { file: text, facts };
    byId("pass-name", HTMLElement).textContent = facts.name;
    byId("pass-facts", HTMLElement).textContent =
      `${facts.agent} of ${facts.tenant}, good until ${timeText(facts.notAfter)}`;
    this.#look(facts);
    this.#showAll();
    this.#visitor.focus();
  }

  #look(facts: PassFacts): void {
    this.#lookout.as({ tenant: facts.tenant, token: this.surround.token() });
  }

  #putAway(): void {
    this.#pass = undefined;
    this.#lookout.as(undefined);
    this.#showAll();
    this.#text.focus();
  }

  #refused(refusal: Refusal): void {
    if (refusal.kind === "not-allowed") this.surround.tokenRefused(refusal.message);
    else fault("visitor", `The relay does not tell who is there: ${refusal.message}`);
    this.#showAll();
  }

  #radios(): HTMLInputElement[] {
    return [...byId("purposes", HTMLFieldSetElement).querySelectorAll("input")];
  }

  get #purpose(): Purpose {
    return this.#radios().find((radio) => radio.checked)?.value === "window" ? "window" : "screen";
  }

  #showAll(): void {
    byId("pass-form", HTMLElement).hidden = this.#pass !== undefined;
    byId("with-pass", HTMLElement).hidden = this.#pass === undefined;
    for (const [visitor, presence] of this.#lookout.visitors) this.#showRow(visitor, presence);
    this.#list.hidden = this.#rows.size === 0;
    const listing = this.#pass !== undefined && this.#rows.size > 0;
    byId("entry", HTMLElement).classList.toggle("listing", listing);
  }

  #showRow(visitor: string, presence: Presence): void {
    let row = this.#rows.get(visitor);
    if (row === undefined) {
      row = this.#row(visitor);
      this.#rows.set(visitor, row);
      this.#list.append(row);
    }
    const { tone, text } = TEXTS[presence];
    row.dataset["tone"] = tone;
    part(row, ".there").textContent = text;
    const ask = part(row, ".primary") as HTMLButtonElement;
    ask.disabled = presence !== "there";
    const what = this.#purpose === "window" ? "a window" : "the screen";
    ask.textContent = `Ask to see ${what}`;
    ask.setAttribute("aria-label", `Ask ${visitor} to see ${what}`);
  }

  #row(visitor: string): HTMLLIElement {
    const row = byId("visitor-row", HTMLTemplateElement).content.firstElementChild?.cloneNode(true);
    if (!(row instanceof HTMLLIElement)) throw new Error("index.html has no row for a visitor");
    part(row, "strong").textContent = visitor;
    part(row, "strong").title = visitor;
    part(row, ".primary").addEventListener("click", () => this.#ask(visitor));
    const away = part(row, ".icon");
    away.setAttribute("aria-label", `Take ${visitor} off the list`);
    away.addEventListener("click", () => {
      this.#lookout.unwatch(visitor);
      this.#rows.delete(visitor);
      row.remove();
      this.#showAll();
      this.#visitor.focus();
    });
    return row;
  }

  #ask(visitor: string): void {
    if (this.#pass === undefined) return;
    this.surround.ask(visitor, this.#pass.file, this.#purpose);
  }
}

function part(row: Element, selector: string): HTMLElement {
  const found = row.querySelector(selector);
  if (found instanceof HTMLElement) return found;
  throw new Error(`a visitor's row has no ${selector}`);
}

/** Says what is wrong with a field. */
function fault(field: "pass" | "visitor", message: string | undefined): void {
  byId(`${field}-error`, HTMLElement).textContent = message ?? "";
  const input = byId(field, HTMLElement);
  if (message === undefined) input.removeAttribute("aria-invalid");
  else input.setAttribute("aria-invalid", "true");
}

/** A second since 1970, for people. */
function timeText(seconds: number): string {
  return new Date(seconds * 1000).toLocaleString("en-GB", { dateStyle: "medium", timeStyle: "short" });
}
