// The agent page: wires the worker to what the person sees and does.

import {
  NO_SESSION,
  type FromWorker,
  type PassFacts,
  type Probe,
  type Stats,
  type Status,
  type ToWorker,
} from "../messages.ts";
import { DEFAULT_TENANT } from "../protocol.ts";
import { agoText, describe, SEALED_TEXT, type Action } from "./description.ts";
import { Details } from "./details.ts";
import { Drawing, type DrawTool } from "./drawing.ts";
import { CameraRequest } from "./camera-request.ts";
import { byId } from "./elements.ts";
import { ExactnessView } from "./exactness.ts";
import { formatPartialKey, keyOfFragment, parseKey } from "./key.ts";
import { fieldsOfFragment } from "./fragment.ts";
import { Notices } from "./notices.ts";
import { shortcutOf, type Shortcut } from "./shortcuts.ts";
import { missingFeature } from "./support.ts";
import { isTenantName, tenantOfQuery } from "./tenant.ts";
import { Tabs } from "./tabs.ts";
import { View } from "./view.ts";
import { Visitors } from "./visitors.ts";
import { zoomText } from "./zoom.ts";
import { onLeaving } from "./leaving.ts";

/** In full screen the bar hides when the pointer has rested so long. */
const BAR_REST_MS = 2500;

/** Where the person's name is kept, on this device alone. */
const NAME_SLOT = "panecast-name";

const DRAW_TOOLS: readonly DrawTool[] = ["laser", "pen", "highlight", "arrow"];

declare global {
  interface Window {
    /** For tests and for questions about exactness: what the canvas holds, read back from it. */
    panecast?: { probe(): Promise<Probe | undefined>; status(): Status; stats(): Stats | undefined };
  }
}

class Page {
  readonly #worker: Worker;
  readonly #notices = new Notices(
    (action) => this.#act(action),
    () => this.#focusEntry(),
  );
  readonly #tabs = new Tabs(["key", "visitor", "camera"], (name) => {
    // A pass has its tenant.
    byId("tenant", HTMLInputElement).disabled = name === "visitor";
  });
  readonly #visitors: Visitors;
  readonly #camera: CameraRequest;
  readonly #details = new Details();
  readonly #exactness = new ExactnessView((on) => this.#send({ type: "mark", on }));
  readonly #view: View;
  readonly #drawing = new Drawing(byId("drawing", HTMLCanvasElement), (mark) =>
    this.#send({ type: "draw", mark }),
  );
  readonly #key = byId("key", HTMLInputElement);
  readonly #name = byId("name", HTMLInputElement);
  readonly #sheet = byId("sheet", HTMLElement);
  readonly #stage = byId("stage", HTMLElement);
  readonly #help = byId("help", HTMLDialogElement);

  #status: Status = NO_SESSION;
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
    const start: ToWorker = {
      type: "start",
      canvas,
      marks,
      wasm: new URL(wasm ?? "", document.baseURI).href,
      av1: new URL(av1 ?? "", document.baseURI).href,
      // `?av1=module` leaves the browser's own AV1 decoder alone.
      av1Decoders: new URLSearchParams(location.search).get("av1") === "module" ? "module" : "any",
      socket: socketOf("ws/join"),
    };
    this.#worker.postMessage(start, [canvas, marks]);

    this.#view = new View(
      this.#stage,
      this.#sheet,
      [screen, above, byId("drawing", HTMLCanvasElement)],
      byId("cursor", HTMLCanvasElement),
      (mode, zoom) => {
        byId("zoom", HTMLOutputElement).value = zoomText(zoom);
        byId("fit", HTMLElement).setAttribute("aria-pressed", String(mode === "fit"));
        byId("actual", HTMLElement).setAttribute("aria-pressed", String(mode === 1));
      },
      (seen) => {
        const rect = seen && { x: seen.left, y: seen.top, width: seen.width, height: seen.height };
        this.#send({ type: "focus", rect });
      },
    );
    this.#visitors = new Visitors(socketOf("ws/watch"), {
      readPass: (file) => this.#request<PassFacts>({ type: "pass", file }),
      token: () => this.#token,
      tokenRefused: (message) => {
        byId("access", HTMLDetailsElement).open = true;
        byId("token-error", HTMLElement).textContent = `The relay says: ${message}. Give another token.`;
      },
      ask: (visitor, pass, purpose) => this.#join({ type: "ask", visitor, pass, purpose, token: this.#token }),
    });
    this.#camera = new CameraRequest(NAME_SLOT, {
      token: () => this.#token,
      tenant: () => this.#tenant,
      join: (link, who, tenant) =>
        this.#join({ type: "join-by-link", link, key: "", who, purpose: "camera", tenant }),
      say: (text) => (byId("announcer", HTMLElement).textContent = text),
    });
    this.#name.value = localStorage.getItem(NAME_SLOT) ?? "";
    byId("seal-text", HTMLElement).textContent = SEALED_TEXT;

    this.#listen();
    this.#show();
    setInterval(() => this.#show(), 1000);
    this.#followFragment();
    this.#followQuery();
  }

  probe(): Promise<Probe | undefined> {
    return this.#request({ type: "probe" });
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
    click("rest", () => this.#shortcut("rest"));
    click("leave", () => this.#act("new-key"));
    for (const tool of DRAW_TOOLS) click(`pen-${tool}`, () => this.#shortcut(tool));
    click("pen-clear", () => this.#shortcut("clear"));
    click("seal", () => this.#toggleSealNote());
    this.#name.addEventListener("input", () => this.#notices.error("name", undefined));

    byId("token", HTMLInputElement).addEventListener("change", () => {
      byId("token-error", HTMLElement).textContent = "";
      this.#visitors.renew();
    });
    // It is read where it is used.
    byId("access-form", HTMLFormElement).addEventListener("submit", (e) => e.preventDefault());
    byId("key-form", HTMLFormElement).addEventListener("submit", (e) => {
      e.preventDefault();
      this.#submitKey();
    });
    this.#key.addEventListener("input", (e) => {
      this.#notices.error("key", undefined);
      // Only what is typed or pasted at the end is put into form: the caret elsewhere must not jump.
      const deleting = e instanceof InputEvent && e.inputType.startsWith("delete");
      if (!deleting && this.#key.selectionEnd === this.#key.value.length) {
        this.#key.value = formatPartialKey(this.#key.value);
      }
    });

    addEventListener("hashchange", () => this.#followFragment());
    // A closed page asks nothing any more: the visitor is not left before its question. Not every browser lets it say so.
    onLeaving(() => this.#send({ type: "leave" }), () => this.#worker);
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
        this.#drawing.resize(message.width, message.height);
        this.#view.setSource(message.width, message.height);
        break;
      case "cursor":
        this.#view.setCursor(message.position, message.shape);
        break;
      case "pass":
        this.#answer(message.id, message.pass);
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
    const size = this.#hasPicture ? this.#size : { width: 0, height: 0 };
    this.#details.update(stats, size, Date.now());
    this.#exactness.update(stats, size.width * size.height);
  }

  #show(): void {
    const now = Date.now();
    const description = describe(this.#status, now);
    this.#notices.show(description);
    const connected = description.form === undefined;
    const picture = this.#hasPicture;
    const { link, resting, sealed, consent } = this.#status;
    const watching = consent === "allowed" && link.phase !== "ended";
    byId("tools", HTMLElement).hidden = !connected;
    // Whoever holds a phone sees its camera, not what is drawn here.
    const draws = picture && watching && this.#status.way !== "link";
    byId("pens", HTMLElement).hidden = !draws;
    if (!draws && this.#drawing.tool !== undefined) this.#choose(undefined);
    byId("seal", HTMLElement).hidden = !sealed || !connected;
    if (!sealed || !connected) this.#toggleSealNote(false);
    const rest = byId("rest", HTMLButtonElement);
    rest.hidden = !watching;
    rest.textContent = resting ? "Go on" : "Pause";
    rest.setAttribute("aria-pressed", String(resting));
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

  get #hasPicture(): boolean {
    return this.#status.picture !== "none" && !this.#status.blanked;
  }

  #choose(tool: DrawTool | undefined): void {
    this.#drawing.choose(tool);
    for (const each of DRAW_TOOLS)
      byId(`pen-${each}`, HTMLElement).setAttribute("aria-pressed", String(each === tool));
  }

  #toggleSealNote(shown = byId("seal-note", HTMLElement).hidden): void {
    byId("seal-note", HTMLElement).hidden = !shown;
    byId("seal", HTMLElement).setAttribute("aria-expanded", String(shown));
  }

  #shortcut(shortcut: Shortcut): void {
    const picture = this.#hasPicture;
    const pens = !byId("pens", HTMLElement).hidden;
    switch (shortcut) {
      case "laser":
      case "pen":
      case "highlight":
      case "arrow":
        if (pens) this.#choose(this.#drawing.tool === shortcut ? undefined : shortcut);
        break;
      case "clear":
        if (pens) this.#drawing.clear();
        break;
      case "lay-down":
        this.#choose(undefined);
        this.#toggleSealNote(false);
        break;
      case "rest":
        if (!byId("rest", HTMLElement).hidden) this.#send({ type: "rest", on: !this.#status.resting });
        break;
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
      case "new-link":
      case "back":
      case "cancel":
        this.#leave();
        break;
      case "resume":
        this.#send({ type: "rest", on: false });
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
        "key",
        this.#key.value.trim() === ""
          ? "Type the key that the visitor's app shows."
          : "A key has nine digits, such as 482 913 507.",
      );
      this.#key.focus();
      return;
    }
    const who = this.#name.value.trim();
    if (who === "") {
      this.#notices.error("name", "Type your name: the visitor is told who asks.");
      this.#name.focus();
      return;
    }
    localStorage.setItem(NAME_SLOT, who);
    this.#key.value = key;
    const tenant = this.#tenant;
    if (tenant === undefined) {
      this.#notices.error("key", "No tenant has such a name. Correct it below.");
      byId("tenant", HTMLInputElement).focus();
      return;
    }
    this.#join({ type: "join", key, who, credentials: { tenant, token: this.#token } });
  }

  #join(message: Extract<ToWorker, { type: "join" | "join-by-link" | "ask" }>): void {
    this.#details.clear();
    this.#exactness.toggle(false);
    this.#drawing.forget();
    this.#view.fit();
    this.#send(message);
  }

  /** Whose visitors these are, for a key or a camera; undefined if what was typed is no name. */
  get #tenant(): string | undefined {
    const name = byId("tenant", HTMLInputElement).value.trim() || DEFAULT_TENANT;
    return isTenantName(name) ? name : undefined;
  }

  /** A key's link names its tenant before the `#`. */
  #followQuery(): void {
    const tenant = tenantOfQuery(location.search);
    if (tenant === undefined) this.#notices.error("key", "The address names no tenant that can be. Correct what follows ?tenant= in it.");
    else if (tenant !== DEFAULT_TENANT) {
      byId("tenant", HTMLInputElement).value = tenant;
      byId("access", HTMLDetailsElement).open = true;
    }
  }

  get #token(): string | undefined {
    return byId("token", HTMLInputElement).value.trim() || undefined;
  }

  #focusEntry(): void {
    if (this.#tabs.chosen === "visitor") return this.#visitors.focus();
    if (this.#tabs.chosen === "camera") return this.#camera.focus();
    this.#key.focus();
    this.#key.select();
  }

  /**
   * A link may bring the key, or a visitor, a tenant and a token, in its fragment, which no server sees. It does not stay in
   * the address.
   */
  #followFragment(): void {
    if (location.hash.length <= 1) return;
    const { hash } = location;
    const fields = fieldsOfFragment(hash);
    this.#leave();
    if (fields !== undefined) {
      if (fields.tenant !== undefined) byId("tenant", HTMLInputElement).value = fields.tenant;
      if (fields.token !== undefined) byId("token", HTMLInputElement).value = fields.token;
      for (const visitor of fields.visitors) this.#visitors.watch(visitor);
      if (fields.visitors.length > 0) this.#tabs.choose("visitor");
      this.#focusEntry();
      return;
    }
    const key = keyOfFragment(hash);
    this.#tabs.choose("key");
    this.#key.value = key ?? "";
    this.#notices.error(
      "key",
      key === undefined ? "The link holds no valid key. Type the key that the visitor's app shows." : undefined,
    );
    (key === undefined || this.#name.value !== "" ? this.#key : this.#name).focus();
  }

  #leave(): void {
    history.replaceState(null, "", location.pathname + location.search);
    if (document.fullscreenElement !== null) void document.exitFullscreen();
    this.#choose(undefined);
    this.#send({ type: "leave" });
  }

  async #save(): Promise<void> {
    const png = await this.#request<Blob>({ type: "snapshot" });
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

  #request<T>(asked: { type: "snapshot" | "probe" } | { type: "pass"; file: string }): Promise<T | undefined> {
    const id = ++this.#lastRequest;
    return new Promise((resolve) => {
      this.#requests.set(id, resolve as (answer: never) => void);
      this.#send({ ...asked, id });
    });
  }

  #answer(id: number, answer: Blob | PassFacts | Probe | undefined): void {
    this.#requests.get(id)?.(answer as never);
    this.#requests.delete(id);
  }
}

/** A WebSocket of the relay that this page is from. */
function socketOf(path: string): string {
  const socket = new URL(path, document.baseURI);
  socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
  socket.hash = "";
  socket.search = "";
  return socket.href;
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
    ...NO_SESSION,
    link: {
      phase: "failed",
      message: `It needs ${missing}, which this browser lacks. Current versions of Chrome, Edge, Firefox and Safari have it.`,
    },
  };
  new Notices(
    () => location.reload(),
    () => undefined,
  ).show(describe(failed, Date.now()));
}
