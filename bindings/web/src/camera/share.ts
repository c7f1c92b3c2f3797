// A phone's share of its camera: the link's door, the question, and the film that goes out.

import { relayEnding, type EndReason, type RelayToHost } from "../protocol.ts";
import { Host, type HostTold } from "../sharer/host.ts";
import { HostLink, type HostLinkEvents, type HostLinkState } from "../sharer/host-link.ts";
import { CODEC_NAMES, CODECS, type Codec } from "../worker/av1/planes.ts";
import type { Surroundings } from "../worker/link.ts";
import { CameraEncoder, supported, type Unit } from "./encoder.ts";
import { NO_CAMERA, type CameraProbe, type CameraStatus, type FromCamera } from "./messages.ts";

/** How long the link's door stays open for the one who sent it. */
const LASTS_S = 30 * 60;

/** An agent's page that waits for the link comes within moments. */
const LONG_MS = 20_000;

/** What watchers are told is shown. */
const SOURCE = "Camera";

/** Enough to know what a browser encodes; the real size comes with the camera. */
const TRIED = { width: 1280, height: 720 };

export class CameraShare implements HostLinkEvents {
  readonly #host: Host;
  readonly #link: HostLink;
  readonly #door: { id: string; door: number };
  #encoder: CameraEncoder | undefined;
  #status: CameraStatus = NO_CAMERA;
  #joiner: number | undefined;
  #admitted = false;
  #spent = false;
  /** Counts the streams of frames: one that was replaced is read no more. */
  #stream = 0;
  #cancelTurn: (() => void) | undefined;
  #figures: CameraProbe = { pictures: 0, sentBytes: 0 };

  constructor(
    module: WebAssembly.Module,
    private readonly around: Surroundings,
    { text, tenant }: { text: string; tenant: string },
    private readonly codecs: readonly Codec[],
    private readonly post: (message: FromCamera) => void,
  ) {
    const began = performance.now();
    this.#host = new Host(module, tenant, SOURCE, () => performance.now() - began);
    this.#door = this.#host.takeLink(text, 1, LASTS_S);
    this.#link = new HostLink(around, this, { tenant });
    this.#link.start();
  }

  /** The person's word; the camera is there if it is a yes. */
  async answer(allow: boolean): Promise<void> {
    if (this.#joiner === undefined || this.#status.phase !== "asked") return;
    if (!allow) {
      this.#host.answer(this.#joiner, false, "camera");
      this.#pump();
      this.end("declined");
      return;
    }
    const codecs = await supported(this.codecs, TRIED);
    if (this.#joiner === undefined || this.#status.phase !== "asked") return;
    const events = {
      unit: (unit: Unit) => this.#unit(unit),
      lost: () => this.#host.filmLost(),
      failed: (message: string) => this.#fail(`The camera cannot be shown: ${message}.`),
    };
    this.#encoder = new CameraEncoder(codecs, events, () => performance.now());
    if (!this.#host.answer(this.#joiner, true, "camera")) {
      this.#fail("Whoever asked is not there any more.");
      return;
    }
    this.#update({ phase: "sharing" });
    this.#pump();
  }

  /** A frame; it is closed here. */
  frame(frame: VideoFrame): void {
    if (this.#encoder === undefined || this.#status.phase !== "sharing" || this.#status.paused) {
      frame.close();
      return;
    }
    this.#host.cameraGave();
    this.#encoder.frame(frame, () => this.#host.filmWants());
    this.#pump();
  }

  /** Takes frames until there are no more, or there is another stream. */
  async frames(frames: ReadableStream<VideoFrame>): Promise<void> {
    const stream = (this.#stream += 1);
    const reader = frames.getReader();
    try {
      for (;;) {
        const { done, value } = await reader.read();
        if (done) return;
        if (stream !== this.#stream) {
          value.close();
          await reader.cancel();
          return;
        }
        this.frame(value);
      }
    } catch {
      // The page hears from its track that the camera is gone.
    }
  }

  /** The camera was taken away, or is back. */
  blocked(on: boolean): void {
    if (this.#over) return;
    if (on) this.#encoder?.stop();
    this.#host.cameraBlocked(on);
    this.#pump();
  }

  pause(on: boolean): void {
    if (this.#status.phase !== "sharing" || on === this.#status.paused) return;
    this.#encoder?.stop();
    this.#host.pause(on);
    this.#update({ paused: on });
    this.#pump();
  }

  reconnect(): void {
    this.#link.reconnect();
  }

  end(reason: EndReason): void {
    if (this.#over) return;
    this.#encoder?.stop();
    this.#host.end(reason);
    this.#pump();
    this.#link.say({ type: "end", reason: relayEnding(reason) });
    this.#link.stop();
    this.#update({ phase: "ended", ended: reason });
    this.#cancelTurn?.();
  }

  get probe(): CameraProbe {
    return this.#figures;
  }

  get #over(): boolean {
    return this.#status.phase === "ended" || this.#status.phase === "failed";
  }

  // What the link tells.

  changed(link: HostLinkState): void {
    if (link.phase === "refused") this.#fail(`The relay does not let this page in: ${link.refusal.message}.`);
    else this.#update({ link });
  }

  room(): void {
    // The word of it may have been lost with the connection.
    if (this.#spent) this.#closeDoor();
    else {
      this.#link.say({ type: "open", door: { link: { id: this.#door.id, lifetime_s: LASTS_S } } });
    }
    this.#pump();
  }

  roomLost(): void {
    this.#fail("The connection was lost for too long. Ask for a new link.");
  }

  cut(): void {
    this.#host.cut();
    this.#update({ away: this.#joiner !== undefined });
    this.#pump();
  }

  binary(joiner: number, bytes: Uint8Array): void {
    this.#host.received(joiner, bytes);
    this.#pump();
  }

  said(message: RelayToHost): void {
    switch (message.type) {
      case "not-opened":
        this.#fail(
          message.kind === "spent"
            ? "This link was used already: it works once. Ask for a new one."
            : "This link is open on another device. Go on there, or ask for a new one.",
        );
        return;
      case "closed":
        if (!this.#spent) this.#fail("This link is too old. Ask for a new one.");
        return;
      case "came":
        if (message.resumed) this.#host.cameBack(message.joiner);
        else if (message.door !== undefined && "link" in message.door) {
          this.#host.came(message.joiner, this.#door.door);
        }
        break;
      case "left":
        this.#host.away(message.joiner);
        if (message.joiner === this.#joiner) this.#update({ away: true });
        break;
      case "behind":
      case "ready":
        this.#host.behind(message.joiner, message.type === "behind");
        break;
      case "opened":
        this.around.after(LONG_MS, () => {
          if (this.#status.phase === "waiting") this.#update({ long: true });
        });
        break;
      case "room":
      case "refused":
      case "going-away":
        break;
    }
    this.#pump();
  }

  #unit(unit: Unit): void {
    if (this.#status.phase !== "sharing" || this.#status.paused) return;
    try {
      this.#host.filmUnit({ ...unit, codec: CODECS.indexOf(unit.codec) + 1 });
    } catch (e) {
      this.#fail(e instanceof Error ? e.message : String(e));
      return;
    }
    this.#figures.pictures += 1;
    const { codec, width, height } = unit;
    const had = this.#status.encoding;
    if (had?.codec !== codec || had.width !== width || had.height !== height) {
      this.#update({ encoding: { codec, width, height } });
    }
    this.#pump();
  }

  // What the host wants.

  #pump(): void {
    for (let told = this.#host.poll(); told !== undefined; told = this.#host.poll()) this.#hear(told);
    if (this.#over) return;
    this.#cancelTurn?.();
    const turn = this.#host.nextTurn;
    if (turn === undefined) return;
    this.#cancelTurn = this.around.after(Math.max(1, turn), () => {
      this.#host.tick();
      this.#pump();
    });
  }

  #hear(told: HostTold): void {
    switch (told.kind) {
      case "send":
        this.#figures.sentBytes += told.bytes.length;
        this.#link.send(told.bytes);
        break;
      case "admit":
        if (this.#joiner === told.joiner) this.#update({ away: false });
        if (!this.#admitted || this.#joiner !== told.joiner) this.#link.say({ type: "admit", joiner: told.joiner });
        this.#joiner = told.joiner;
        this.#admitted = true;
        break;
      case "close":
        // It let one in: it lets in nobody else.
        this.#spent = true;
        this.#closeDoor();
        break;
      case "dismiss":
        if (this.#joiner === told.joiner) {
          this.#link.say({ type: "dismiss", joiner: told.joiner, reason: relayEnding(told.reason) });
        } else this.#link.say({ type: "refuse", joiner: told.joiner, reason: "wrong-key" });
        break;
      case "ask":
        this.#update({ phase: "asked", who: told.who, away: false });
        break;
      case "left":
        if (told.joiner === this.#joiner) {
          this.#joiner = undefined;
          // The link is used up, so nobody else can come.
          this.around.after(0, () => this.end(told.reason));
        }
        break;
      case "state":
        // A pause is told by whoever pauses.
        if (told.state !== "paused") {
          const { state } = told;
          this.#update({ camera: state === "stalled" || state === "blocked" ? state : "gives" });
        }
        break;
      case "ended":
        break;
    }
  }

  #closeDoor(): void {
    this.#link.say({ type: "close", door: { link: { id: this.#door.id } } });
  }

  #fail(message: string): void {
    if (this.#over) return;
    this.#encoder?.stop();
    this.#update({ phase: "failed", failed: message });
    this.#link.say({ type: "end", reason: relayEnding("failed") });
    this.#link.stop();
    this.#cancelTurn?.();
  }

  #update(change: Partial<CameraStatus>): void {
    this.#status = { ...this.#status, ...change };
    this.post({ type: "status", status: this.#status });
  }
}

/** How it is encoded, for people. */
export function encodingText(encoding: CameraStatus["encoding"]): string {
  return encoding === undefined ? "" : `${CODEC_NAMES[encoding.codec]}, ${encoding.width} × ${encoding.height}`;
}
