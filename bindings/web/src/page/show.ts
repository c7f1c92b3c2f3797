// The page on which somebody shows a screen: asks for it, gives the link away, tells who is there.

import type { EndReason } from "../protocol.ts";
import { NOT_SHOWN, type FromSharer, type Person, type ShowProbe, type ShowStatus, type ToSharer } from "../sharer/messages.ts";
import { byId } from "./elements.ts";
import { fieldsOfFragment } from "./fragment.ts";
import { showText } from "./show-text.ts";
import { missingFeature } from "./support.ts";
import { tenantOfQuery, tenantQuery } from "./tenant.ts";
import { onLeaving } from "./leaving.ts";

/** Where the person's name is kept, on this device alone. */
const NAME_SLOT = "panecast-name";

/** So many may come by one link, and so long. */
const LINK_USES = 16;
const LINK_LASTS_S = 24 * 3600;

/** Most pictures a second that are asked for. */
const MOST_FPS = 30;

/** A track's frames as a stream, where the browser has that. */
interface TrackProcessor {
  readonly readable: ReadableStream<VideoFrame>;
}
type TrackProcessorClass = new (init: { track: MediaStreamTrack; maxBufferSize?: number }) => TrackProcessor;

declare global {
  interface Window {
    /** For tests and for questions about exactness. */
    panecastShow?: { probe(): Promise<ShowProbe | undefined>; status(): ShowStatus };
  }
}

class ShowPage {
  #worker: Worker | undefined;
  #stream: MediaStream | undefined;
  #status: ShowStatus = NOT_SHOWN;
  #announced = "";
  /** The video has shown a new frame since the worker asked last. */
  #changed = true;
  #requests = new Map<number, (probe: ShowProbe | undefined) => void>();
  #lastRequest = 0;
  readonly #video = byId("preview", HTMLVideoElement);
  readonly #name = byId("name", HTMLInputElement);

  constructor(
    private readonly tenant: string,
    private readonly token: string | undefined,
  ) {
    this.#name.value = localStorage.getItem(NAME_SLOT) ?? "";
    byId("show-form", HTMLFormElement).addEventListener("submit", (e) => {
      e.preventDefault();
      void this.#choose();
    });
    const click = (id: string, run: () => void): void => byId(id, HTMLElement).addEventListener("click", run);
    click("pause", () => this.#pause());
    click("stop", () => this.#end("sharer-stopped"));
    click("again", () => this.#begin());
    click("reconnect", () => this.#send({ type: "reconnect" }));
    click("copy", () => void this.#copy());
    byId("link", HTMLInputElement).addEventListener("focus", (e) => (e.target as HTMLInputElement).select());
    this.#name.addEventListener("input", () => this.#error("name", ""));
    addEventListener("online", () => this.#send({ type: "reconnect" }));
    addEventListener("beforeunload", (e) => {
      // Closing the page ends what others see.
      if (this.#stream !== undefined) e.preventDefault();
    });
    onLeaving(() => this.#end("sharer-stopped"), () => this.#worker);
    setInterval(() => this.#show(), 1000);
    this.#show();
  }

  get status(): ShowStatus {
    return this.#status;
  }

  probe(): Promise<ShowProbe | undefined> {
    if (this.#worker === undefined) return Promise.resolve(undefined);
    const id = ++this.#lastRequest;
    return new Promise((resolve) => {
      this.#requests.set(id, resolve);
      this.#send({ type: "probe", id });
    });
  }

  async #choose(): Promise<void> {
    const who = this.#name.value.trim();
    if (who === "") {
      this.#error("name", "Type your name: whoever opens your link is told whose screen it is.");
      this.#name.focus();
      return;
    }
    this.#error("pick", "");
    localStorage.setItem(NAME_SLOT, who);
    const options = {
      video: { frameRate: { max: MOST_FPS }, cursor: "always" },
      audio: false,
      surfaceSwitching: "include",
      selfBrowserSurface: "exclude",
    };
    let stream: MediaStream;
    try {
      stream = await navigator.mediaDevices.getDisplayMedia(options as DisplayMediaStreamOptions);
    } catch (e) {
      const denied = e instanceof DOMException && e.name === "NotAllowedError";
      this.#error(
        "pick",
        denied
          ? "Nothing was chosen, so nothing is shown. Press the button again and choose a screen. If you were not asked, allow this page to record the screen in the settings of the browser and of your computer."
          : "The browser could not capture a screen. Close other programs that record it, then try again.",
      );
      return;
    }
    this.#start(stream, who);
  }

  #start(stream: MediaStream, who: string): void {
    const track = stream.getVideoTracks()[0];
    if (track === undefined) return;
    this.#stream = stream;
    // What is read is text more often than film.
    track.contentHint = "detail";
    track.addEventListener("ended", () => this.#end("sharer-stopped"));
    this.#video.srcObject = stream;
    void this.#video.play().catch(() => undefined);
    const { worker, wasm } = document.body.dataset;
    this.#worker = new Worker(new URL(worker ?? "", document.baseURI));
    this.#worker.onmessage = ({ data }: MessageEvent<FromSharer>) => this.#receive(data);
    this.#worker.onerror = () => this.#receive({ type: "status", status: { ...NOT_SHOWN, failed: "The page's worker could not be started." } });
    const socket = new URL("ws/host", document.baseURI);
    socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
    socket.hash = socket.search = "";
    const frames = framesOf(track);
    if (frames === undefined) this.#watchVideo();
    const start: ToSharer = {
      type: "start",
      wasm: new URL(wasm ?? "", document.baseURI).href,
      socket: socket.href,
      tenant: this.tenant,
      token: this.token,
      source: `${who}'s screen`,
      purpose: "agent-screen",
      doors: { uses: LINK_USES, lastsS: LINK_LASTS_S, withKey: byId("with-key", HTMLInputElement).checked },
      frames,
    };
    this.#worker.postMessage(start, frames === undefined ? [] : [frames]);
    this.#show();
  }

  /** Notes whether the video shows something new, for a worker that asks for pictures. */
  #watchVideo(): void {
    if (!("requestVideoFrameCallback" in this.#video)) return;
    const stream = this.#stream;
    const next = (): void => {
      this.#changed = true;
      if (this.#stream === stream) this.#video.requestVideoFrameCallback(next);
    };
    this.#video.requestVideoFrameCallback(next);
  }

  #receive(message: FromSharer): void {
    switch (message.type) {
      case "status":
        this.#status = message.status;
        if (message.status.failed !== undefined || message.status.link.phase === "refused") this.#letGo();
        this.#show();
        break;
      case "picture":
        void this.#picture(message.changed);
        break;
      case "probe":
        this.#requests.get(message.id)?.(message.probe);
        this.#requests.delete(message.id);
        break;
    }
  }

  /** Gives the worker the picture of now. A hidden page is not told of new frames, so it gives each. */
  async #picture(onlyChanged: boolean): Promise<void> {
    let picture: ImageBitmap | undefined;
    const wanted = !onlyChanged || this.#changed || document.hidden;
    if (wanted && this.#video.videoWidth > 0) {
      this.#changed = !("requestVideoFrameCallback" in this.#video);
      picture = await createImageBitmap(this.#video).catch(() => undefined);
    }
    this.#worker?.postMessage({ type: "picture", picture } satisfies ToSharer, picture === undefined ? [] : [picture]);
  }

  #pause(): void {
    this.#send({ type: "pause", on: !this.#status.paused });
  }

  #end(reason: EndReason): void {
    if (this.#stream === undefined) return;
    this.#send({ type: "end", reason });
    this.#letGo();
  }

  /** Gives the screen back. */
  #letGo(): void {
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    this.#video.srcObject = null;
  }

  /** Back to the form. */
  #begin(): void {
    this.#letGo();
    this.#worker?.terminate();
    this.#worker = undefined;
    this.#status = NOT_SHOWN;
    this.#show();
    byId("entry", HTMLElement).querySelector<HTMLElement>(".primary")?.focus();
  }

  #show(): void {
    const { people, paused, key, text } = this.#status;
    const told = showText(this.#status, this.#worker !== undefined, Date.now());
    document.body.dataset["tone"] = told.tone;
    document.body.classList.toggle("paused", paused);
    byId("entry", HTMLElement).hidden = told.card !== undefined || told.live;
    byId("live", HTMLElement).hidden = !told.live;
    byId("tools", HTMLElement).hidden = !told.live;
    byId("status", HTMLElement).hidden = told.label === "";
    byId("status-label", HTMLElement).textContent = told.label;
    byId("hidden-note", HTMLElement).hidden = !paused;
    const pause = byId("pause", HTMLButtonElement);
    pause.textContent = paused ? "Go on" : "Pause";
    pause.setAttribute("aria-pressed", String(paused));

    const link = byId("link", HTMLInputElement);
    const url = text === undefined ? "" : `${location.origin}/see${tenantQuery(this.tenant)}#${text}`;
    if (link.value !== url) link.value = url;
    byId("copy", HTMLButtonElement).disabled = url === "";
    byId("key-part", HTMLElement).hidden = !(text?.endsWith(".key") ?? false);
    byId("key", HTMLOutputElement).value = key ?? "…";
    byId("nobody", HTMLElement).hidden = people.length > 0;
    this.#showPeople(people);

    byId("card", HTMLElement).hidden = told.card === undefined;
    byId("card-title", HTMLElement).textContent = told.card?.title ?? "";
    byId("card-text", HTMLElement).textContent = told.card?.text ?? "";
    byId("banner", HTMLElement).hidden = told.banner === undefined;
    byId("banner-title", HTMLElement).textContent = told.banner?.title ?? "";
    byId("banner-text", HTMLElement).textContent = told.banner?.text ?? "";
    document.title = told.label === "" ? "Show my screen – panecast" : `${told.label} – panecast`;
    // The seconds of a countdown are not worth a word.
    const words = told.card?.title ?? told.banner?.title ?? told.label;
    if (words !== this.#announced) {
      this.#announced = words;
      byId("announcer", HTMLElement).textContent = words;
    }
  }

  #showPeople(people: Person[]): void {
    const list = byId("people", HTMLUListElement);
    const wanted = JSON.stringify(people);
    if (list.dataset["people"] === wanted) return;
    list.dataset["people"] = wanted;
    list.replaceChildren(
      ...people.map(({ joiner, who, away }) => {
        const name = who.trim() === "" ? "Somebody" : who;
        const item = document.createElement("li");
        item.classList.toggle("away", away);
        const dot = document.createElement("span");
        dot.className = "dot";
        dot.setAttribute("aria-hidden", "true");
        const words = document.createElement("span");
        words.className = "who";
        words.textContent = name;
        if (away) {
          const small = document.createElement("small");
          small.textContent = " – connection lost, may come back";
          words.append(small);
        }
        const dismiss = document.createElement("button");
        dismiss.type = "button";
        dismiss.className = "quiet";
        dismiss.textContent = "Remove";
        dismiss.setAttribute("aria-label", `Remove ${name}`);
        dismiss.addEventListener("click", () => this.#send({ type: "dismiss", joiner }));
        item.append(dot, words, dismiss);
        return item;
      }),
    );
  }

  async #copy(): Promise<void> {
    const link = byId("link", HTMLInputElement);
    let copied = true;
    try {
      await navigator.clipboard.writeText(link.value);
    } catch {
      // Without leave for the clipboard, the person copies what is selected.
      copied = false;
      link.focus();
    }
    const button = byId("copy", HTMLButtonElement);
    button.textContent = copied ? "Copied" : "Press Ctrl+C";
    byId("announcer", HTMLElement).textContent = copied ? "Link copied." : "The link is selected: copy it.";
    setTimeout(() => (button.textContent = "Copy"), 2500);
  }

  #error(field: "name" | "pick", message: string): void {
    byId(`${field}-error`, HTMLElement).textContent = message;
    if (field === "name") {
      if (message === "") this.#name.removeAttribute("aria-invalid");
      else this.#name.setAttribute("aria-invalid", "true");
    }
  }

  #send(message: ToSharer): void {
    this.#worker?.postMessage(message);
  }
}

/** The track's frames as a stream that a worker can have; undefined where the browser has none. */
function framesOf(track: MediaStreamTrack): ReadableStream<VideoFrame> | undefined {
  // `?frames=asked` has the worker ask for pictures, as in browsers without such a stream.
  if (new URLSearchParams(location.search).get("frames") === "asked") return undefined;
  const processor = (globalThis as { MediaStreamTrackProcessor?: TrackProcessorClass }).MediaStreamTrackProcessor;
  if (processor === undefined) return undefined;
  return new processor({ track, maxBufferSize: 1 }).readable;
}

/** What the browser lacks to show a screen; undefined if nothing. */
function missingToShow(): string | undefined {
  if (typeof navigator.mediaDevices?.getDisplayMedia !== "function") {
    return isSecureContext ? "screen capture, which phones' browsers do not have" : "a secure address (https) for screen capture";
  }
  return missingFeature();
}

/** What keeps this page from showing anything; undefined if nothing. */
function obstacle(tenant: string | undefined): string | undefined {
  if (tenant === undefined) return "The address names no tenant that can be. Correct what follows ?tenant= in it.";
  const missing = missingToShow();
  return missing && `This page needs ${missing}. Open it in a current Chrome, Edge, Firefox or Safari on a computer.`;
}

const tenant = tenantOfQuery(location.search);
// A token may stand behind the `#`, which no server sees; it does not stay in the address.
const token = fieldsOfFragment(location.hash)?.token;
if (token !== undefined) history.replaceState(null, "", location.pathname + location.search);
const hindrance = obstacle(tenant);
if (hindrance === undefined && tenant !== undefined) {
  const page = new ShowPage(tenant, token);
  window.panecastShow = { probe: () => page.probe(), status: () => page.status };
} else {
  byId("pick-error", HTMLElement).textContent = hindrance ?? "";
  byId("show-form", HTMLFormElement).querySelectorAll("input, button").forEach((e) => e.setAttribute("disabled", ""));
}
