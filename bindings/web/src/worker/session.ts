// One agent's session: link, seat, decoder and canvas together. What arrives is opened at once; packets wait at the seat,
// in order and bounded, while one before them waits for planes. The acknowledgements go out after painting.

import {
  NO_SESSION,
  type CursorShape,
  type FromWorker,
  type Link,
  type PassFacts,
  type Probe,
  type Stats,
  type Status,
} from "../messages.ts";
import { DEFAULT_TENANT, type EndReason, type Purpose, type StreamState } from "../protocol.ts";
import type { Av1 } from "./av1/av1.ts";
import { Av1Error, type PlaneRequest } from "./av1/planes.ts";
import { backoffMs } from "./backoff.ts";
import { DecodeError, Decoder, type Decoded, type Rect } from "./decoder.ts";
import { JoinerLink, type Credentials, type LinkEvents, type Surroundings } from "./link.ts";
import { Marks } from "./marks.ts";
import { Meter } from "./meter.ts";
import { Painter } from "./painter.ts";
import { encodePng } from "./png.ts";
import type { Mark, Seat, Told } from "./seat.ts";

/** After these the last picture may stay: nobody has taken it back. */
const PICTURE_STAYS: readonly EndReason[] = ["source-ended", "source-failed", "lost", "relay-stopped"];

/** In these the picture is not to be seen. */
const BLANK_STATES: readonly StreamState[] = ["paused", "secure"];

/** After so many broken streams in a row the page gives up instead of asking for snapshots for ever. */
const MOST_FAILURES = 6;

/** A stream that held so long was a good one: earlier failures are forgotten. */
const GOOD_STREAM_MS = 10_000;

const NO_TOTALS = { bytes: 0, updates: 0, av1Pictures: 0, resyncs: 0, reconnects: 0 };
const NOTHING_PAINTED = { sequence: 0, timestampUs: 0, at: 0, lossyPixels: 0 };

/** A packet that is being decoded. */
interface Packet {
  bytes: number;
  started: number;
}

export class Session implements LinkEvents {
  readonly #link: JoinerLink;
  readonly #painter: Painter;
  readonly #marks: Marks;
  readonly #meter = new Meter();
  #decoder: Decoder;
  #seat: Seat;

  /** The packet that waits; undefined while none does. An answer for another one is dropped. */
  #waiting: symbol | undefined;

  #status: Status = NO_SESSION;
  #focus: Rect | undefined;

  /** Waiting for a message that starts a stream anew. */
  #skipping = true;
  #failures = 0;
  #failedAt = 0;

  /** When the newest message came. */
  #arrivedAt = 0;

  /** The newest decoded picture or epoch, painted with the next animation frame. */
  #decoded = { sequence: 0, timestampUs: 0, picture: false, any: false };
  /** What the canvas holds. */
  #painted = NOTHING_PAINTED;
  #cursorChanged = false;
  #cursorSent = 0;

  #totals = { ...NO_TOTALS };

  constructor(
    private readonly module: WebAssembly.Module,
    canvases: { canvas: OffscreenCanvas; marks: OffscreenCanvas },
    private readonly av1: Av1,
    around: Surroundings,
    private readonly post: (message: FromWorker, transfer?: Transferable[]) => void,
  ) {
    this.#around = around;
    this.#decoder = new Decoder(module);
    this.#seat = this.#decoder.seat(around.now);
    this.#painter = new Painter(canvases.canvas, () => this.#frame());
    this.#marks = new Marks(canvases.marks);
    this.#link = new JoinerLink(around, this);
  }

  readonly #around: Surroundings;

  #begin(way: Status["way"]): void {
    this.leave();
    this.#totals = { ...NO_TOTALS };
    this.#failures = 0;
    this.#update({ way });
  }

  /** Knocks with a typed key, of which no more than the number goes to the relay. */
  join(key: string, who: string, credentials: Credentials = {}): void {
    this.#begin("key");
    const number = this.#seat.knock(key, who, credentials.tenant ?? DEFAULT_TENANT);
    if (number === undefined) this.#link.fail("The key could not be used: it does not have nine digits.");
    else this.#link.knock({ key: { number } }, credentials);
    this.#pump();
  }

  /** Asks a visitor with a pass, which the relay does not see. */
  ask(visitor: string, file: string, purpose: Purpose, token: string | undefined): void {
    this.#begin("visitor");
    const pass = this.#seat.readPass(file);
    if (pass === undefined || !this.#seat.ask(file, visitor, purpose)) {
      this.#link.fail("The pass could not be used. Give it again.");
    } else {
      this.#link.knock({ presence: { visitor } }, { tenant: pass.tenant, token });
    }
    this.#pump();
  }

  /** What a pass says. */
  readPass(file: string): PassFacts | undefined {
    return this.#seat.readPass(file);
  }

  /** Knocks by a link's text, of which no more than an id goes to the relay; `key` is empty where it needs none. */
  joinByLink(link: string, key: string, who: string, purpose: Purpose, tenant: string): void {
    this.#begin("link");
    const door = this.#seat.knockByLink(link, key, who, purpose, tenant);
    if (door === undefined) this.#link.fail("The link could not be used: ask for it again, and copy all of it.");
    else this.#link.knock(door, { tenant });
    this.#pump();
  }

  leave(): void {
    this.#seat.leave();
    this.#pump();
    this.#purge();
    this.#link.leave();
  }

  reconnect(): void {
    this.#failures = 0;
    this.#link.reconnect();
  }

  /** No pictures for now, or again. */
  rest(on: boolean): void {
    if (this.#status.consent !== "allowed" || on === this.#status.resting) return;
    this.#seat.pause(on);
    this.#update({ resting: on });
    this.#pump();
  }

  /** The person points or draws. */
  draw(mark: Mark): void {
    this.#seat.mark(mark);
    this.#pump();
  }

  /** Where the person looks. */
  focus(rect: Rect | undefined): void {
    this.#focus = rect;
    this.#seat.focus(rect);
    this.#pump();
  }

  /** Time passes. */
  tick(): void {
    this.#seat.tick();
    this.#pump();
  }

  stats(): Stats {
    return {
      ...this.#meter.read(this.#around.now()),
      ...this.#totals,
      sequence: this.#painted.sequence,
      lossyPixels: this.#painted.lossyPixels,
      av1: this.av1.decoder,
      paintedAt: this.#painted.at,
    };
  }

  /** The picture as a PNG; undefined if there is none. */
  async snapshot(): Promise<Blob | undefined> {
    const image = this.#hasPicture ? this.#decoder.image() : undefined;
    return image === undefined ? undefined : encodePng(image.data, image.width, image.height);
  }

  async probe(): Promise<Probe | undefined> {
    if (!this.#hasPicture) return undefined;
    const { sequence, timestampUs, lossyPixels } = this.#painted;
    const { data, width, height } = this.#painter.readBack();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
    const sha256 = Array.from(digest, (b) => b.toString(16).padStart(2, "0")).join("");
    return { sequence, timestampUs, width, height, sha256, lossyPixels };
  }

  get #hasPicture(): boolean {
    return this.#status.picture !== "none" && !this.#status.blanked;
  }

  // What the link tells.

  changed(link: Link): void {
    const stale = this.#status.picture === "current" && link.phase !== "joined";
    this.#update({ link, ...(stale && { picture: "stale" as const }) });
  }

  cut(there: boolean): void {
    this.#seat.cut();
    this.#expectStream();
    const stale = this.#status.picture === "current" && { picture: "stale" as const };
    this.#update({ visitorLost: there, ...stale });
    this.#pump();
  }

  back(): void {
    this.#seat.back();
    this.#pump();
  }

  binary(bytes: Uint8Array): void {
    this.#arrivedAt = this.#around.now();
    this.#totals.bytes += bytes.length;
    this.#seat.received(bytes);
    this.#pump();
  }

  over(reason: EndReason): void {
    this.#seat.ended(reason);
    this.#pump();
  }

  /** Does what the seat wants done. */
  #pump(): void {
    for (let told = this.#seat.poll(); told !== undefined; told = this.#seat.poll()) this.#hear(told);
  }

  #hear(told: Told): void {
    switch (told.kind) {
      case "send":
        this.#link.send(told.bytes);
        break;
      case "sealed":
        this.#update({ sealed: true });
        break;
      case "asking":
        this.#update({ consent: "asked", askedAt: this.#around.now() });
        break;
      case "allowed":
        this.#update({ consent: "allowed" });
        break;
      case "state":
        // One that this side made up at a cut; the link says it better.
        if (told.state !== "reconnecting") this.#show(told.state, told.source);
        break;
      case "packet":
        if (told.startsOver) {
          this.#waiting = undefined;
          this.av1.reset();
          this.#skipping = false;
        }
        this.#take();
        break;
      case "overflow":
        this.#lostThread(new DecodeError("limit-exceeded", "too much arrived while an AV1 picture was decoded"));
        break;
      case "back":
        this.#totals.reconnects += 1;
        this.#expectStream();
        if (this.#status.resting) this.#seat.pause(true);
        if (this.#focus !== undefined) this.#seat.focus(this.#focus);
        this.#update({ visitorLost: false });
        break;
      case "ended":
        if (!PICTURE_STAYS.includes(told.reason)) this.#purge();
        else this.#update({ visitorLost: false, resting: false });
        this.#link.end(told.reason);
        break;
    }
  }

  #show(state: StreamState, source: string): void {
    const blanked = BLANK_STATES.includes(state);
    if (blanked !== this.#status.blanked && this.#status.picture !== "none") {
      if (blanked) this.#painter.clear();
      else this.#repaint();
    }
    this.#update({ stream: { state, source }, blanked });
  }

  /** Has the canvas show the decoder's picture again. */
  #repaint(): void {
    const { width, height } = this.#painter;
    this.#painter.invalidate([{ x: 0, y: 0, width, height }]);
    this.#decoded.picture = true;
    this.#painter.schedule();
  }

  /** Whether to mark what is not exact. */
  mark(on: boolean): void {
    this.#marks.show(on);
    if (on) this.#paintMarks("all");
  }

  /** Decodes what waits, until a packet waits for planes. */
  #take(): void {
    while (this.#waiting === undefined) {
      const packet = { bytes: 0, started: performance.now() };
      const next = (): PlaneRequest | undefined => {
        const { bytes, request } = this.#decoder.next(this.#found);
        packet.bytes = bytes;
        return request;
      };
      if (!this.#advance(packet, next) || packet.bytes === 0) return;
    }
  }

  /** Does some of a packet; true if that was the rest of it, else planes are on their way or all is lost. */
  #advance(packet: Packet, work: () => PlaneRequest | undefined): boolean {
    let request;
    try {
      request = work();
    } catch (e) {
      this.#lostThread(e);
      return false;
    }
    if (packet.bytes === 0) return true;
    this.#painter.schedule();
    if (request !== undefined) {
      void this.#fetchPlanes(packet, request);
      return false;
    }
    this.#meter.received(this.#around.now(), packet.bytes, performance.now() - packet.started);
    return true;
  }

  /** Has planes decoded and goes on with them; they are dropped where the stream has moved on. */
  async #fetchPlanes(packet: Packet, request: PlaneRequest): Promise<void> {
    const token = Symbol("packet");
    this.#waiting = token;
    let planes: Uint8Array | undefined;
    let trouble: unknown;
    try {
      planes = await this.av1.decode(request);
    } catch (e) {
      trouble = e;
    }
    if (this.#waiting !== token) return;
    this.#waiting = undefined;
    if (planes === undefined) {
      this.#lostThread(trouble);
      return;
    }
    const given = planes;
    this.#totals.av1Pictures += 1;
    if (this.#advance(packet, () => this.#decoder.supply(given, this.#found))) this.#take();
  }

  readonly #found = (decoded: Decoded): void => {
    switch (decoded.kind) {
      case "picture":
        this.#painter.invalidate(decoded.dirty);
        this.#decoded = {
          sequence: decoded.sequence,
          timestampUs: decoded.timestampUs,
          picture: true,
          any: true,
        };
        this.#totals.updates += 1;
        this.av1.keep(this.#decoder.surfaces());
        break;
      case "epoch":
        this.#decoded = { ...this.#decoded, sequence: decoded.sequence, any: true };
        break;
      case "header": // A new stream begins without a cursor.
      case "cursor":
        this.#cursorChanged = true;
        break;
      case "end":
        break;
    }
  };

  /** An animation frame: paints, then acknowledges. */
  #frame(): void {
    const image = this.#decoder.image();
    if (this.#decoded.picture && image !== undefined && !this.#status.blanked) {
      const started = performance.now();
      const { rects, pixels, resized } = this.#painter.paint(image);
      this.#paintMarks(rects);
      const now = this.#around.now();
      this.#meter.painted(now, pixels / (image.width * image.height), performance.now() - started);
      const { sequence, timestampUs } = this.#decoded;
      this.#painted = { sequence, timestampUs, at: now, lossyPixels: this.#decoder.lossyPixels };
      if (resized) this.post({ type: "size", width: image.width, height: image.height });
      if (this.#status.picture !== "current" || this.#status.resyncing) {
        this.#update({ picture: "current", resyncing: false });
      }
    }
    if (this.#decoded.any) {
      this.#painted.sequence = this.#decoded.sequence;
      // Our own time is not the line's. A message that came meanwhile makes it too short, never too long.
      const heldUs = Math.round((this.#around.now() - this.#arrivedAt) * 1000);
      this.#seat.painted(this.#decoded.sequence, Math.max(0, heldUs));
      this.#pump();
    }
    this.#decoded.picture = false;
    this.#decoded.any = false;
    if (this.#cursorChanged) this.#sendCursor();
  }

  #paintMarks(rects: Rect[] | "all"): void {
    const marks = this.#marks.shown ? this.#decoder.marks() : undefined;
    if (marks !== undefined) this.#marks.paint(marks, rects);
  }

  /** The stream begins anew, or there is none any more: nothing that still waits counts. */
  #startOver(): void {
    this.#expectStream();
    this.#decoder.reset();
  }

  /** As that, for a stream that may go on from the picture that is held. */
  #expectStream(): void {
    this.#waiting = undefined;
    this.#seat.dropPackets();
    this.av1.reset();
    this.#decoder.restart();
    this.#skipping = true;
  }

  #sendCursor(): void {
    this.#cursorChanged = false;
    const version = this.#decoder.cursorVersion;
    let shape: CursorShape | undefined;
    if (version !== this.#cursorSent) {
      this.#cursorSent = version;
      shape = this.#decoder.cursorShape();
    }
    this.post(
      { type: "cursor", position: this.#decoder.cursorPosition(), shape },
      shape ? [shape.pixels.buffer] : [],
    );
  }

  #lostThread(error: unknown): void {
    const cause = causeOf(error);
    if (cause.kind === "unsupported") {
      this.#link.fail(
        `This page cannot show the visitor's stream: ${cause.message}. Reload the page to get a newer one.`,
      );
      return;
    }
    if (cause.kind === "no codec") {
      this.#link.fail(`This browser cannot show the camera: ${cause.message}. Open this page in Chrome or Edge.`);
      return;
    }
    // After a trap nothing of the instance may be used again, and the keys are in it.
    if (cause.kind === "trap") {
      this.#purge();
      this.#link.fail(`The page's decoder broke: ${cause.message}. Ask the visitor for a new key.`);
      return;
    }
    const now = this.#around.now();
    if (now - this.#failedAt > GOOD_STREAM_MS) this.#failures = 0;
    this.#failedAt = now;
    this.#failures += 1;
    if (this.#failures >= MOST_FAILURES) {
      this.#link.fail(`The visitor's stream cannot be decoded: ${cause.message}.`);
      return;
    }
    this.#startOver();
    this.#skipping = true;
    this.#totals.resyncs += 1;
    this.#update({
      resyncing: true,
      ...(this.#status.picture === "current" && { picture: "stale" as const }),
    });
    const ask = (): void => {
      if (!this.#skipping) return;
      this.#seat.resync();
      this.#pump();
    };
    if (this.#failures === 1) ask();
    else this.#around.after(backoffMs(this.#failures, this.#around.random()), ask);
  }

  /** Forgets the picture, here and on the canvas. */
  #purge(): void {
    this.#renewDecoder();
    this.#startOver();
    this.#painter.clear();
    this.#marks.clear();
    this.#painted = NOTHING_PAINTED;
    this.#decoded = { sequence: 0, timestampUs: 0, picture: false, any: false };
    this.post({ type: "cursor", position: undefined, shape: undefined });
    this.#focus = undefined;
    this.#status = { ...NO_SESSION, link: this.#status.link, way: this.#status.way };
  }

  #renewDecoder(): void {
    this.#decoder = new Decoder(this.module);
    this.#seat = this.#decoder.seat(this.#around.now);
    this.#cursorSent = 0;
    this.#skipping = true;
  }

  #update(change: Partial<Status>): void {
    this.#status = { ...this.#status, ...change };
    this.post({ type: "status", status: this.#status });
  }
}

function causeOf(error: unknown): DecodeError {
  if (error instanceof DecodeError) return error;
  if (error instanceof Av1Error) {
    if (error.trouble === "absent") return new DecodeError("no codec", error.message);
    return new DecodeError("av1", error.message);
  }
  return new DecodeError("trap", String(error));
}
