// The page of somebody who is shown a screen by a link: asks for a name, joins, shows.

import { NO_SESSION, type FromWorker, type Probe, type Stats, type Status, type ToWorker } from "../messages.ts";
import { byId } from "./elements.ts";
import { formatPartialKey, parseKey } from "./key.ts";
import { SEE_ACTIONS, seeText, type SeeAction, type SeeNotice } from "./see-text.ts";
import { missingFeature } from "./support.ts";
import { tenantOfQuery } from "./tenant.ts";
import { View } from "./view.ts";
import { onLeaving } from "./leaving.ts";

/** Where the person's name is kept, on this device alone. */
const NAME_SLOT = "panecast-name";

/** A link's text: a secret, and whether a key is needed with it. */
const LINK = /^#([0-9a-z]{26})(\.key)?$/i;

class SeePage {
  readonly #worker: Worker;
  readonly #view: View;
  readonly #key = byId("key", HTMLInputElement);
  readonly #name = byId("name", HTMLInputElement);
  readonly #sheet = byId("sheet", HTMLElement);
  /** What stands behind the URL's `#`. */
  #link: string | undefined;
  #withKey = false;
  readonly #tenant = tenantOfQuery(location.search);
  #status: Status = NO_SESSION;
  #stats: Stats | undefined;
  #requests = new Map<number, (answer: Probe | undefined) => void>();
  #lastRequest = 0;
  #announced = "";
  #said: string | undefined;
  #actions: Partial<Record<"card" | "banner", SeeAction>> = {};

  constructor() {
    const { worker, wasm, av1 } = document.body.dataset;
    this.#worker = new Worker(new URL(worker ?? "", document.baseURI));
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    this.#worker.onerror = () => this.#broken("The page's worker could not be started.");
    const screen = byId("screen", HTMLCanvasElement);
    const canvas = screen.transferControlToOffscreen();
    const above = byId("marks", HTMLCanvasElement);
    const marks = above.transferControlToOffscreen();
    const socket = new URL("ws/join", document.baseURI);
    socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
    socket.hash = "";
    socket.search = "";
    const start: ToWorker = {
      type: "start",
      canvas,
      marks,
      wasm: new URL(wasm ?? "", document.baseURI).href,
      av1: new URL(av1 ?? "", document.baseURI).href,
      av1Decoders: new URLSearchParams(location.search).get("av1") === "module" ? "module" : "any",
      socket: socket.href,
    };
    this.#worker.postMessage(start, [canvas, marks]);
    this.#view = new View(
      byId("stage", HTMLElement),
      this.#sheet,
      [screen, above],
      byId("cursor", HTMLCanvasElement),
      (mode) => {
        byId("fit", HTMLElement).setAttribute("aria-pressed", String(mode === "fit"));
        byId("actual", HTMLElement).setAttribute("aria-pressed", String(mode === 1));
      },
      (seen) => {
        const rect = seen && { x: seen.left, y: seen.top, width: seen.width, height: seen.height };
        this.#send({ type: "focus", rect });
      },
    );
    this.#name.value = localStorage.getItem(NAME_SLOT) ?? "";
    this.#listen();
    this.#followFragment();
    setInterval(() => this.#show(), 1000);
  }

  get status(): Status {
    return this.#status;
  }

  get stats(): Stats | undefined {
    return this.#stats;
  }

  probe(): Promise<Probe | undefined> {
    const id = ++this.#lastRequest;
    return new Promise((resolve) => {
      this.#requests.set(id, resolve);
      this.#send({ type: "probe", id });
    });
  }

  #listen(): void {
    const click = (id: string, run: () => void): void => byId(id, HTMLElement).addEventListener("click", run);
    click("fit", () => this.#view.fit());
    click("actual", () => this.#view.zoomTo(1));
    click("fullscreen", () => void this.#toggleFullscreen());
    click("leave", () => this.#leave());
    click("card-action", () => this.#act(this.#actions.card));
    click("banner-action", () => this.#act(this.#actions.banner));
    byId("join-form", HTMLFormElement).addEventListener("submit", (e) => {
      e.preventDefault();
      this.#join();
    });
    this.#name.addEventListener("input", () => this.#error("name", ""));
    this.#key.addEventListener("input", (e) => {
      this.#error("key", "");
      // Only what is typed or pasted at the end is put into form: the caret elsewhere must not jump.
      const deleting = e instanceof InputEvent && e.inputType.startsWith("delete");
      if (!deleting && this.#key.selectionEnd === this.#key.value.length) {
        this.#key.value = formatPartialKey(this.#key.value);
      }
    });
    addEventListener("hashchange", () => this.#followFragment());
    onLeaving(() => this.#send({ type: "leave" }), () => this.#worker);
    addEventListener("online", () => {
      if (this.#status.link.phase === "retrying") this.#send({ type: "reconnect" });
    });
    addEventListener("keydown", (e) => {
      const typing = e.target instanceof HTMLInputElement;
      if (typing || e.ctrlKey || e.altKey || e.metaKey || e.repeat) return;
      if (e.key === "f" || e.key === "F") void this.#toggleFullscreen();
      else if (e.key === "0") this.#view.fit();
      else if (e.key === "1") this.#view.zoomTo(1);
      else return;
      e.preventDefault();
    });
    document.addEventListener("fullscreenchange", () => {
      const on = document.fullscreenElement !== null;
      byId("fullscreen", HTMLElement).setAttribute("aria-pressed", String(on));
    });
  }

  /** The link is in the fragment, which no server sees. It stays there, so that the page can be loaded again. */
  #followFragment(): void {
    const found = LINK.exec(location.hash);
    this.#link = found === null || this.#tenant === undefined ? undefined : location.hash.slice(1);
    this.#withKey = found?.[2] !== undefined;
    this.#send({ type: "leave" });
    this.#status = NO_SESSION;
    this.#said = undefined;
    this.#show();
    byId("join", HTMLButtonElement).disabled = this.#link === undefined;
    if (this.#link === undefined) {
      this.#error("key", "This page is opened by a link, and the address holds no whole one. Copy all of the link that you were given, or ask for it again.");
    }
  }

  #join(): void {
    const tenant = this.#tenant;
    if (this.#link === undefined || tenant === undefined) return;
    const key = this.#withKey ? parseKey(this.#key.value) : "";
    if (key === undefined) {
      this.#error("key", "A key has nine digits, such as 482 913 507.");
      this.#key.focus();
      return;
    }
    const who = this.#name.value.trim();
    if (who === "") {
      this.#error("name", "Type your name: they are told who is there.");
      this.#name.focus();
      return;
    }
    localStorage.setItem(NAME_SLOT, who);
    this.#view.fit();
    this.#send({ type: "join-by-link", link: this.#link, key, who, purpose: "agent-screen", tenant });
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case "broken":
        this.#broken(message.message);
        break;
      case "status":
        this.#status = message.status;
        this.#show();
        break;
      case "stats":
        this.#stats = message.stats;
        break;
      case "size":
        this.#view.setSource(message.width, message.height);
        break;
      case "cursor":
        this.#view.setCursor(message.position, message.shape);
        break;
      case "probe":
        this.#requests.get(message.id)?.(message.probe);
        this.#requests.delete(message.id);
        break;
      default:
        break;
    }
  }

  #show(): void {
    const told = seeText(this.#status, this.#withKey, Date.now());
    const picture = this.#status.picture !== "none" && !this.#status.blanked;
    document.body.dataset["tone"] = told.tone;
    document.body.classList.toggle("dim", told.dim);
    byId("status", HTMLElement).hidden = told.label === "";
    byId("status-label", HTMLElement).textContent = told.label;
    byId("tools", HTMLElement).hidden = told.form !== undefined;
    const wasHidden = this.#sheet.hidden;
    this.#sheet.hidden = !picture;
    if (wasHidden && picture) this.#view.layout();
    const source = this.#status.stream?.source ?? "";
    byId("source", HTMLElement).textContent = source === "" ? "" : `You see ${source}`;

    byId("entry", HTMLElement).hidden = told.form === undefined;
    byId("key-part", HTMLElement).hidden = !this.#withKey;
    if (told.form === undefined) this.#said = undefined;
    else if (this.#said !== told.form.error) {
      this.#said = told.form.error;
      this.#error("key", told.form.error);
      if (this.#withKey) {
        this.#key.focus();
        this.#key.select();
      } else this.#name.focus();
    }
    this.#notice("card", told.card);
    this.#notice("banner", told.banner);
    document.title = told.label === "" ? "See a screen – panecast" : `${told.label} – panecast`;
    // The seconds of a countdown are not worth a word.
    const words = told.card?.title ?? told.banner?.title ?? told.label;
    if (words !== this.#announced) {
      this.#announced = words;
      byId("announcer", HTMLElement).textContent = words;
    }
  }

  #notice(id: "card" | "banner", notice: SeeNotice | undefined): void {
    const element = byId(id, HTMLElement);
    element.hidden = notice === undefined;
    if (notice === undefined) return;
    byId(`${id}-title`, HTMLElement).textContent = notice.title;
    byId(`${id}-text`, HTMLElement).textContent = notice.text;
    const spinner = element.querySelector<HTMLElement>(".spinner");
    if (spinner !== null) spinner.hidden = !notice.busy;
    const action = byId(`${id}-action`, HTMLButtonElement);
    if (notice.action === undefined) delete this.#actions[id];
    else this.#actions[id] = notice.action;
    action.hidden = notice.action === undefined;
    action.textContent = notice.action === undefined ? "" : SEE_ACTIONS[notice.action];
  }

  #act(action: SeeAction | undefined): void {
    switch (action) {
      case "join":
      case "cancel":
        this.#key.value = "";
        this.#leave();
        break;
      case "reconnect":
        this.#send({ type: "reconnect" });
        break;
      case "reload":
        location.reload();
        break;
      case undefined:
        break;
    }
  }

  #leave(): void {
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    this.#send({ type: "leave" });
  }

  async #toggleFullscreen(): Promise<void> {
    try {
      if (document.fullscreenElement === null) await document.documentElement.requestFullscreen();
      else await document.exitFullscreen();
    } catch {
      byId("announcer", HTMLElement).textContent = "The browser did not allow full screen.";
    }
  }

  /** Says what is wrong with a field of the form. */
  #error(field: "key" | "name", message: string): void {
    byId(`${field}-error`, HTMLElement).textContent = message;
    const input = field === "key" ? this.#key : this.#name;
    if (message === "") input.removeAttribute("aria-invalid");
    else input.setAttribute("aria-invalid", "true");
  }

  #broken(message: string): void {
    this.#status = { ...this.#status, link: { phase: "failed", message } };
    this.#show();
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }
}

const missing = missingFeature();
if (missing === undefined) {
  const page = new SeePage();
  window.panecast = { probe: () => page.probe(), status: () => page.status, stats: () => page.stats };
} else {
  byId("card", HTMLElement).hidden = false;
  byId("card-title", HTMLElement).textContent = "This page cannot show the screen";
  byId("card-text", HTMLElement).textContent =
    `It needs ${missing}, which this browser lacks. Current versions of Chrome, Edge, Firefox and Safari have it.`;
  byId("card-action", HTMLElement).hidden = true;
  document.querySelector("#card .spinner")?.remove();
}
