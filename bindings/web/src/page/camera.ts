// The phone's page: who asks, Allow or Decline, and the camera while it is shown. The camera is not touched before Allow.

import { NO_CAMERA, type CameraProbe, type CameraStatus, type FromCamera, type ToCamera } from "../camera/messages.ts";
import type { EndReason } from "../protocol.ts";
import { CODECS, type Codec } from "../worker/av1/planes.ts";
import { cameraText } from "./camera-text.ts";
import { byId } from "./elements.ts";
import { tenantOfQuery } from "./tenant.ts";
import { onLeaving } from "./leaving.ts";

/** What a camera is asked for; smaller ones are fine. */
const WANTED = { width: { ideal: 1280 }, height: { ideal: 720 }, frameRate: { ideal: 24, max: 30 } };

/** Where the browser has no stream of frames: least time between two. */
const FRAME_MS = 30;

type Facing = "environment" | "user";

interface TrackProcessor {
  readonly readable: ReadableStream<VideoFrame>;
}
type TrackProcessorClass = new (init: { track: MediaStreamTrack; maxBufferSize?: number }) => TrackProcessor;

declare global {
  interface Window {
    /** For tests. */
    panecastCamera?: { probe(): Promise<CameraProbe>; status(): CameraStatus };
  }
}

class CameraPage {
  readonly #worker: Worker;
  #status: CameraStatus = NO_CAMERA;
  #stream: MediaStream | undefined;
  #facing: Facing = "environment";
  #opening = false;
  #announced = "";
  #awake: WakeLockSentinel | undefined;
  #requests = new Map<number, (probe: CameraProbe) => void>();
  #lastRequest = 0;
  readonly #video = byId("preview", HTMLVideoElement);

  constructor(text: string, tenant: string) {
    const { worker, wasm } = document.body.dataset;
    this.#worker = new Worker(new URL(worker ?? "", document.baseURI));
    this.#worker.onmessage = ({ data }: MessageEvent<FromCamera>) => this.#receive(data);
    this.#worker.onerror = () => this.#show({ ...NO_CAMERA, phase: "failed", failed: "The page could not be started. Reload it." });
    const socket = new URL("ws/host", document.baseURI);
    socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
    socket.hash = socket.search = "";
    this.#send({
      type: "start",
      wasm: new URL(wasm ?? "", document.baseURI).href,
      socket: socket.href,
      text,
      tenant,
      codecs: codecsOf(location.search),
    });
    const click = (id: string, run: () => void): void => byId(id, HTMLElement).addEventListener("click", run);
    click("allow", () => void this.#allow());
    click("decline", () => this.#send({ type: "answer", allow: false }));
    click("flip", () => void this.#flip());
    click("again", () => void this.#again());
    click("torch", () => void this.#torch());
    click("pause", () => this.#send({ type: "pause", on: !this.#status.paused }));
    click("stop", () => this.#end("sharer-stopped"));
    addEventListener("online", () => this.#send({ type: "reconnect" }));
    onLeaving(() => this.#end("sharer-stopped"), () => this.#worker);
    addEventListener("visibilitychange", () => void this.#stayAwake());
    this.#show(NO_CAMERA);
  }

  get status(): CameraStatus {
    return this.#status;
  }

  probe(): Promise<CameraProbe> {
    const id = ++this.#lastRequest;
    return new Promise((resolve) => {
      this.#requests.set(id, resolve);
      this.#send({ type: "probe", id });
    });
  }

  #send(message: ToCamera, transfer: Transferable[] = []): void {
    this.#worker.postMessage(message, transfer);
  }

  #receive(message: FromCamera): void {
    if (message.type === "probe") {
      this.#requests.get(message.id)?.(message.probe);
      this.#requests.delete(message.id);
    } else this.#show(message.status);
  }

  async #allow(): Promise<void> {
    if (this.#opening) return;
    this.#error("");
    if (typeof VideoEncoder === "undefined") {
      this.#error("This browser cannot encode video. Open the link in Chrome, Edge, or Safari 16.4 or newer.");
      return;
    }
    if (!(await this.#open(this.#facing))) return;
    this.#send({ type: "answer", allow: true });
    this.#feed();
    void this.#stayAwake();
  }

  /** Opens a camera in place of the one before. */
  async #open(facing: Facing): Promise<boolean> {
    this.#opening = true;
    // Phones give one camera at a time.
    this.#close();
    try {
      const video = { ...WANTED, facingMode: { ideal: facing } };
      this.#stream = await navigator.mediaDevices.getUserMedia({ video, audio: false });
    } catch (e) {
      this.#error(cameraTrouble(e));
      return false;
    } finally {
      this.#opening = false;
    }
    const track = this.#stream.getVideoTracks()[0];
    if (track !== undefined) this.#follow(track);
    this.#video.srcObject = this.#stream;
    void this.#video.play().catch(() => undefined);
    const able = (track?.getCapabilities?.() ?? {}) as { torch?: boolean };
    byId("torch", HTMLElement).hidden = able.torch !== true;
    byId("torch", HTMLElement).setAttribute("aria-pressed", "false");
    return true;
  }

  /** Tells whether the camera is ours: another app, a call or a switch on the device can take it at any time. */
  #follow(track: MediaStreamTrack): void {
    const ours = (): boolean => this.#stream?.getVideoTracks()[0] === track;
    const tell = (): void => {
      if (!ours()) return;
      this.#send({ type: "blocked", on: track.muted || track.readyState === "ended" });
      byId("again", HTMLElement).hidden = track.readyState !== "ended";
    };
    for (const event of ["mute", "unmute", "ended"]) track.addEventListener(event, tell);
    tell();
  }

  /** A camera that was taken away does not come back by itself. */
  async #again(): Promise<void> {
    if (this.#opening || this.#status.phase !== "sharing") return;
    if (await this.#open(this.#facing)) this.#feed();
    else byId("covered-text", HTMLElement).textContent = byId("ask-error", HTMLElement).textContent;
  }

  #close(): void {
    // A track that is stopped from here does not tell that it ended.
    for (const track of this.#stream?.getTracks() ?? []) track.stop();
    this.#stream = undefined;
    this.#video.srcObject = null;
  }

  /** Passes the camera's frames on. */
  #feed(): void {
    const track = this.#stream?.getVideoTracks()[0];
    if (track === undefined) return;
    const Processor = (window as unknown as { MediaStreamTrackProcessor?: TrackProcessorClass }).MediaStreamTrackProcessor;
    if (Processor !== undefined) {
      try {
        const frames = new Processor({ track, maxBufferSize: 2 }).readable;
        this.#send({ type: "frames", frames }, [frames]);
        return;
      } catch {
        // Some browsers have it and cannot pass the stream on.
      }
    }
    const stream = this.#stream;
    let last = 0;
    const next = (now: number): void => {
      if (this.#stream !== stream) return;
      if (now - last >= FRAME_MS && !this.#status.paused) {
        last = now;
        const frame = new VideoFrame(this.#video, { timestamp: Math.round(now * 1000) });
        this.#send({ type: "frame", frame }, [frame]);
      }
      this.#video.requestVideoFrameCallback(next);
    };
    this.#video.requestVideoFrameCallback(next);
  }

  async #flip(): Promise<void> {
    if (this.#opening || this.#stream === undefined) return;
    const other: Facing = this.#facing === "environment" ? "user" : "environment";
    if (await this.#open(other)) this.#facing = other;
    else if (!(await this.#open(this.#facing))) {
      this.#end("source-failed");
      return;
    }
    this.#feed();
    this.#say("Camera changed.");
  }

  async #torch(): Promise<void> {
    const track = this.#stream?.getVideoTracks()[0];
    const button = byId("torch", HTMLElement);
    const on = button.getAttribute("aria-pressed") !== "true";
    try {
      await track?.applyConstraints({ advanced: [{ torch: on } as MediaTrackConstraintSet] });
      button.setAttribute("aria-pressed", String(on));
    } catch {
      this.#say("The light could not be switched.");
    }
  }

  #end(reason: EndReason): void {
    this.#send({ type: "end", reason });
    this.#close();
  }

  /** A phone that goes dark shows nothing. */
  async #stayAwake(): Promise<void> {
    if (this.#status.phase !== "sharing" || document.visibilityState !== "visible") return;
    this.#awake = await navigator.wakeLock?.request("screen").catch(() => undefined);
  }

  #show(status: CameraStatus): void {
    const before = this.#status.phase;
    this.#status = status;
    const { card, label, tone } = cameraText(status);
    const over = status.phase === "ended" || status.phase === "failed";
    if (over) {
      this.#close();
      void this.#awake?.release().catch(() => undefined);
    }
    document.body.dataset["tone"] = tone;
    byId("status", HTMLElement).hidden = status.phase !== "sharing";
    byId("label", HTMLElement).textContent = label;
    byId("card", HTMLElement).hidden = card === undefined;
    byId("live", HTMLElement).hidden = card !== undefined;
    byId("controls", HTMLElement).hidden = card !== undefined;
    const gone = status.camera === "blocked";
    byId("covered", HTMLElement).hidden = !status.paused && !gone;
    byId("covered-title", HTMLElement).textContent = status.paused ? "Paused" : "The camera was taken away";
    byId("covered-text", HTMLElement).textContent = status.paused
      ? "Nobody sees anything until you go on."
      : "Another app uses it, or it is switched off.";
    byId("pause", HTMLElement).setAttribute("aria-pressed", String(status.paused));
    byId("pause-text", HTMLElement).textContent = status.paused ? "Go on" : "Pause";
    if (card !== undefined) {
      byId("card-title", HTMLElement).textContent = card.title;
      byId("card-text", HTMLElement).textContent = card.text;
      byId("busy", HTMLElement).hidden = card.busy !== true;
      byId("lens", SVGSVGElement).toggleAttribute("hidden", card.asks !== true);
      byId("ask", HTMLElement).hidden = card.asks !== true;
      byId("fine", HTMLElement).hidden = card.asks !== true;
      if (before !== status.phase) {
        this.#error("");
        byId("card-title", HTMLElement).focus({ preventScroll: true });
      }
    }
    this.#say(card?.title ?? label);
  }

  #error(text: string): void {
    byId("ask-error", HTMLElement).textContent = text;
  }

  #say(text: string): void {
    if (text === this.#announced) return;
    this.#announced = text;
    byId("announcer", HTMLElement).textContent = text;
  }
}

/** `?codecs=vp8,h264` keeps to these. */
function codecsOf(search: string): readonly Codec[] {
  const asked = new URLSearchParams(search).get("codecs")?.split(",");
  return asked === undefined ? CODECS : CODECS.filter((codec) => asked.includes(codec));
}

/** What to do where there is no camera. */
function cameraTrouble(e: unknown): string {
  switch (e instanceof DOMException ? e.name : "") {
    case "NotAllowedError":
    case "SecurityError":
      return "The browser does not let this page use the camera. Allow it in the browser's settings for this page, then press the button again.";
    case "NotFoundError":
    case "OverconstrainedError":
      return "There is no camera on this device. Open the link on a phone.";
    case "NotReadableError":
    case "AbortError":
      return "Another app uses the camera. Close it, then press the button again.";
    default:
      return "The camera could not be opened. Close other apps that use it, then press the button again.";
  }
}

// The secret is for this one use: it does not stay in the address, nor in what the browser remembers.
const text = location.hash.slice(1);
const tenant = tenantOfQuery(location.search);
history.replaceState(null, "", location.pathname + location.search);
if (!window.isSecureContext) {
  byId("busy", HTMLElement).hidden = true;
  byId("card-title", HTMLElement).textContent = "This page needs https";
  byId("card-text", HTMLElement).textContent = "Browsers give the camera to secure pages alone. Ask for a link that begins with https://.";
} else if (tenant === undefined) {
  byId("busy", HTMLElement).hidden = true;
  byId("card-title", HTMLElement).textContent = "This link does not work";
  byId("card-text", HTMLElement).textContent = "The link is not whole. Open it from the message again, or ask for a new one.";
} else {
  const page = new CameraPage(text, tenant);
  window.panecastCamera = { probe: () => page.probe(), status: () => page.status };
}
