// The agent page: wires the worker to what the person sees and does.

import type { FromWorker, Probe, Stats, Status, ToWorker } from "../messages.ts";
import { agoText, describe, type Action } from "./description.ts";
import { Details } from "./details.ts";
import { byId } from "./elements.ts";
import { ExactnessView } from "./exactness.ts";
import { formatPartialKey, keyOfFragment, parseKey } from "./key.ts";
import { Notices } from "./notices.ts";
import { shortcutOf, type Shortcut } from "./shortcuts.ts";
import { missingFeature } from "./support.ts";
import { View } from "./view.ts";
import { zoomText } from "./zoom.ts";

/** In full screen the bar hides when the pointer has rested so long. */
const BAR_REST_MS = 2500;

declare global {
  interface Window {
    /** For tests and for questions about exactness: what the canvas holds, read back from it. */
    panecast?: { probe(): Promise<Probe | undefined>; status(): Status; stats(): Stats | undefined };
  }
}

class Page {
  readonly #worker: Worker;
  readonly #notices = new Notices((action) => this.#act(action));
  readonly #details = new Details();
  readonly #exactness = new ExactnessView((on) => this.#send({ type: "mark", on }));
  readonly #view: View;
  readonly #key = byId("key", HTMLInputElement);
  readonly #sheet = byId("sheet", HTMLElement);
  readonly #stage = byId("stage", HTMLElement);
  readonly #help = byId("help", HTMLDialogElement);

  #status: Status = {
    link: { phase: "off" },
    stream: undefined,
    visitorLost: false,
    picture: "none",
    resyncing: false,
  };
  #stats: Stats | undefined;
  #size = { width: 0, height: 0 };
  #requests = new Map<number, (answer: never) => void>();
  #lastRequest = 0;
  #barTimer: ReturnType<typeof setTimeout> | undefined;

  constructor() {
    const { worker, wasm, av1 } = document.body.dataset;
    this.#worker = new Worker(new URL(worker ?? "", document.baseURI));
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#receive(data);
    this.#worker.onerror = () => this.#broken("The page's worker could not be started.");

    const screen = byId("screen", HTMLCanvasElement);
    const canvas = screen.transferControlToOffscreen();
    const above = byId("marks", HTMLCanvasElement);
    const marks = above.transferControlToOffscreen();
    const socket = new URL("ws/agent", document.baseURI);
    socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
    socket.hash = "";
    socket.search = "";
    const start: ToWorker = {
      type: "start",
      canvas,
      marks,
      wasm: new URL(wasm ?? "", document.baseURI).href,
      av1: new URL(av1 ?? "", document.baseURI).href,
      // `?av1=module` leaves the browser's own AV1 decoder alone.
      av1Decoders: new URLSearchParams(location.search).get("av1") === "module" ? "module" : "any",
      socket: socket.href,
    };
    this.#worker.postMessage(start, [canvas, marks]);

    this.#view = new View(
      this.#stage,
      this.#sheet,
      [screen, above],
      byId("cursor", HTMLCanvasElement),
      (mode, zoom) => {
        byId("zoom", HTMLOutputElement).value = zoomText(zoom);
        byId("fit", HTMLElement).setAttribute("aria-pressed", String(mode === "fit"));
        byId("actual", HTMLElement).setAttribute("aria-pressed", String(mode === 1));
      },
    );

    this.#listen();
    this.#show();
    setInterval(() => this.#show(), 1000);
    this.#followFragment();
  }

  probe(): Promise<Probe | undefined> {
    return this.#request("probe");
  }

  get status(): Status {
    return this.#status;
  }

  get stats(): Stats | undefined {
    return this.#stats;
  }

  #listen(): void {
    const click = (id: string, run: () => void): void => byId(id, HTMLElement).addEventListener("click", run);
    click("zoom-in", () => this.#shortcut("in"));
    click("zoom-out", () => this.#shortcut("out"));
    click("fit", () => this.#shortcut("fit"));
    click("actual", () => this.#shortcut("actual"));
    click("mark", () => this.#shortcut("mark"));
    click("save", () => this.#shortcut("save"));
    click("fullscreen", () => this.#shortcut("fullscreen"));
    click("help-button", () => this.#shortcut("help"));
    click("leave", () => this.#act("new-key"));

    byId("key-form", HTMLFormElement).addEventListener("submit", (e) => {
      e.preventDefault();
      this.#submitKey();
    });
    this.#key.addEventListener("input", (e) => {
      this.#notices.error(undefined);
      // Only what is typed or pasted at the end is put into form: the caret elsewhere must not jump.
      const deleting = e instanceof InputEvent && e.inputType.startsWith("delete");
      if (!deleting && this.#key.selectionEnd === this.#key.value.length) {
        this.#key.value = formatPartialKey(this.#key.value);
      }
    });

    addEventListener("hashchange", () => this.#followFragment());
    addEventListener("online", () => {
      if (this.#status.link.phase === "retrying") this.#send({ type: "reconnect" });
    });
    addEventListener("keydown", (e) => {
      const target = e.target instanceof HTMLElement ? e.target : document.body;
      const shortcut = shortcutOf({
        key: e.key,
        ctrlKey: e.ctrlKey,
        altKey: e.altKey,
        metaKey: e.metaKey,
        repeat: e.repeat,
        target: { tag: target.tagName.toLowerCase(), editable: target.isContentEditable },
        dialogOpen: this.#help.open,
      });
      if (shortcut === undefined) return;
      e.preventDefault();
      this.#shortcut(shortcut);
    });
    document.addEventListener("fullscreenchange", () => {
      const on = document.fullscreenElement !== null;
      byId("fullscreen", HTMLElement).setAttribute("aria-pressed", String(on));
      this.#restBar();
    });
    addEventListener("pointermove", () => this.#restBar());
    addEventListener("keydown", () => this.#restBar());
  }

  #receive(message: FromWorker): void {
    switch (message.type) {
      case "broken":
        this.#broken(message.message);
        break;
      case "status": {
        const had = this.#status.picture;
        this.#status = message.status;
        this.#show();
        // The arrow keys scroll what has the focus; a ring around everything would say nothing.
        if (
          had === "none" &&
          message.status.picture === "current" &&
          document.activeElement === document.body
        ) {
          this.#stage.focus({ preventScroll: true, focusVisible: false } as FocusOptions);
        }
        break;
      }
      case "stats":
        this.#stats = message.stats;
        this.#showStats(message.stats);
        break;
      case "size":
        this.#size = { width: message.width, height: message.height };
        this.#view.setSource(message.width, message.height);
        break;
      case "cursor":
        this.#view.setCursor(message.position, message.shape);
        break;
      case "snapshot":
        this.#answer(message.id, message.png);
        break;
      case "probe":
        this.#answer(message.id, message.probe);
        break;
    }
  }

  #showStats(stats: Stats): void {
    const size = this.#status.picture === "none" ? { width: 0, height: 0 } : this.#size;
    this.#details.update(stats, size, Date.now());
    this.#exactness.update(stats, size.width * size.height);
  }

  #show(): void {
    const now = Date.now();
    const description = describe(this.#status, now);
    this.#notices.show(description);
    const connected = description.form === undefined;
    const picture = this.#status.picture !== "none";
    byId("tools", HTMLElement).hidden = !connected;
    const wasHidden = this.#sheet.hidden;
    this.#sheet.hidden = !picture;
    if (wasHidden && picture) this.#view.layout();
    for (const id of ["mark", "save", "zoom-in", "zoom-out", "fit", "actual"])
      byId(id, HTMLButtonElement).disabled = !picture;
    if (!connected) this.#details.toggle(false);

    const source = this.#status.stream?.source ?? "";
    byId("source", HTMLElement).textContent = source;
    byId("source", HTMLElement).title = source;
    const at = this.#stats?.paintedAt ?? 0;
    const age = picture && at > 0 ? now - at : 0;
    byId("status-age", HTMLElement).textContent = age >= 2000 ? `last update ${agoText(age)}` : "";
    document.title = connected ? `${description.label} – panecast` : "panecast";
  }

  #shortcut(shortcut: Shortcut): void {
    const picture = this.#status.picture !== "none";
    switch (shortcut) {
      case "help":
        this.#help.showModal();
        break;
      case "fullscreen":
        void this.#toggleFullscreen();
        break;
      case "details":
        if (!byId("tools", HTMLElement).hidden) this.#details.toggle();
        break;
      case "fit":
        if (picture) this.#view.fit();
        break;
      case "actual":
        if (picture) this.#view.zoomTo(1);
        break;
      case "in":
      case "out":
        if (picture) this.#view.step(shortcut);
        break;
      case "mark":
        if (picture) this.#exactness.toggle();
        break;
      case "save":
        if (picture) void this.#save();
        break;
    }
  }

  #act(action: Action): void {
    switch (action) {
      case "reconnect":
        this.#send({ type: "reconnect" });
        break;
      case "new-key":
        this.#key.value = "";
        this.#leave();
        break;
      case "save":
        void this.#save();
        break;
      case "reload":
        location.reload();
        break;
    }
  }

  #submitKey(): void {
    const key = parseKey(this.#key.value);
    if (key === undefined) {
      this.#notices.error(
        this.#key.value.trim() === ""
          ? "Type the key that the visitor's app shows."
          : "A key has eight letters and digits, such as KJ4P-7TWX.",
      );
      this.#key.focus();
      return;
    }
    history.pushState(null, "", `#${key}`);
    this.#join(key);
  }

  /** The key lives in the fragment, which browsers keep to themselves: no server and no log sees it. */
  #followFragment(): void {
    const key = keyOfFragment(location.hash);
    if (key === undefined) {
      if (location.hash.length > 1) {
        this.#key.value = "";
        this.#leave();
        this.#notices.error("The link holds no valid key. Type the key that the visitor's app shows.");
      } else if (this.#status.link.phase !== "off") {
        this.#leave();
      }
      return;
    }
    if (location.hash !== `#${key}`) history.replaceState(null, "", `#${key}`);
    this.#join(key);
  }

  #join(key: string): void {
    this.#key.value = key;
    this.#details.clear();
    this.#exactness.toggle(false);
    this.#view.fit();
    this.#send({ type: "join", key });
  }

  #leave(): void {
    history.replaceState(null, "", location.pathname + location.search);
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    this.#send({ type: "leave" });
  }

  async #save(): Promise<void> {
    const png = await this.#request<Blob>("snapshot");
    if (png === undefined) {
      byId("announcer", HTMLElement).textContent = "The picture could not be saved.";
      return;
    }
    const url = URL.createObjectURL(png);
    const link = document.createElement("a");
    link.href = url;
    link.download = `panecast-${fileTime(new Date())}.png`;
    link.click();
    // The download has its own hold on the data once it has begun.
    setTimeout(() => URL.revokeObjectURL(url), 60_000);
    byId("announcer", HTMLElement).textContent = "Picture saved.";
  }

  async #toggleFullscreen(): Promise<void> {
    try {
      if (document.fullscreenElement === null) await document.documentElement.requestFullscreen();
      else await document.exitFullscreen();
    } catch {
      byId("announcer", HTMLElement).textContent = "The browser did not allow full screen.";
    }
  }

  #restBar(): void {
    clearTimeout(this.#barTimer);
    document.documentElement.classList.remove("quiet-bar");
    if (document.fullscreenElement === null) return;
    this.#barTimer = setTimeout(() => document.documentElement.classList.add("quiet-bar"), BAR_REST_MS);
  }

  #broken(message: string): void {
    this.#status = { ...this.#status, link: { phase: "failed", message } };
    this.#show();
  }

  #send(message: ToWorker): void {
    this.#worker.postMessage(message);
  }

  #request<T>(type: "snapshot" | "probe"): Promise<T | undefined> {
    const id = ++this.#lastRequest;
    return new Promise((resolve) => {
      this.#requests.set(id, resolve as (answer: never) => void);
      this.#send({ type, id });
    });
  }

  #answer(id: number, answer: Blob | Probe | undefined): void {
    this.#requests.get(id)?.(answer as never);
    this.#requests.delete(id);
  }
}

/** A date as a file's name may hold it: 2026-11-22-105233. */
function fileTime(date: Date): string {
  const two = (n: number): string => String(n).padStart(2, "0");
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`;
  return `${day}-${two(date.getHours())}${two(date.getMinutes())}${two(date.getSeconds())}`;
}

const missing = missingFeature();
if (missing === undefined) {
  const page = new Page();
  window.panecast = { probe: () => page.probe(), status: () => page.status, stats: () => page.stats };
} else {
  const failed: Status = {
    link: {
      phase: "failed",
      message: `It needs ${missing}, which this browser lacks. Current versions of Chrome, Edge, Firefox and Safari have it.`,
    },
    stream: undefined,
    visitorLost: false,
    picture: "none",
    resyncing: false,
  };
  new Notices(() => location.reload()).show(describe(failed, Date.now()));
}
