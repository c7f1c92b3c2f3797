// One agent's session: link, decoder and canvas together. Messages are decoded as they arrive; only while a packet
// waits for planes do others wait behind it. What may pile up is bounded by the acknowledgements, which go out after
// painting, and by a cap.

import type { CursorShape, FromWorker, Link, Probe, Stats, Status } from "../messages.ts";
import type { Av1 } from "./av1/av1.ts";
import { Av1Error, type PlaneRequest } from "./av1/planes.ts";
import { backoffMs } from "./backoff.ts";
import { DecodeError, Decoder, type Decoded, type Rect } from "./decoder.ts";
import { Inbox } from "./inbox.ts";
import type { Holds } from "../protocol.ts";
import { AgentLink, type LinkEvents, type Surroundings } from "./link.ts";
import { Marks } from "./marks.ts";
import { Meter } from "./meter.ts";
import { Painter } from "./painter.ts";
import { encodePng } from "./png.ts";

/** A message for a joiner starts with the stream header's magic. */
const MAGIC = [0x50, 0x43, 0x53, 0x54];

/** After so many broken streams in a row the page gives up instead of asking for snapshots for ever. */
const MOST_FAILURES = 6;

/** A stream that held so long was a good one: earlier failures are forgotten. */
const GOOD_STREAM_MS = 10_000;

const NO_TOTALS = { bytes: 0, updates: 0, av1Pictures: 0, resyncs: 0, reconnects: 0 };
const NOTHING_PAINTED = { sequence: 0, timestampUs: 0, at: 0, lossyPixels: 0 };

/** A message that is being decoded. */
interface Message {
  bytes: Uint8Array;
  started: number;
}

export class Session implements LinkEvents {
  readonly #link: AgentLink;
  readonly #painter: Painter;
  readonly #marks: Marks;
  readonly #meter = new Meter();
  #decoder: Decoder;

  /** Messages behind a packet that waits for planes. */
  readonly #inbox = new Inbox();
  /** The packet that waits; undefined while none does. An answer for another one is dropped. */
  #waiting: symbol | undefined;

  #status: Status = {
    link: { phase: "off" },
    stream: undefined,
    visitorLost: false,
    picture: "none",
    resyncing: false,
  };

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
    this.#painter = new Painter(canvases.canvas, () => this.#frame());
    this.#marks = new Marks(canvases.marks);
    this.#link = new AgentLink(around, this);
  }

  readonly #around: Surroundings;

  join(key: string): void {
    this.#purge();
    this.#totals = { ...NO_TOTALS };
    this.#failures = 0;
    this.#link.join(key);
  }

  leave(): void {
    this.#purge();
    this.#link.leave();
  }

  reconnect(): void {
    this.#failures = 0;
    this.#link.reconnect();
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
    const image = this.#status.picture === "none" ? undefined : this.#decoder.image();
    return image === undefined ? undefined : encodePng(image.data, image.width, image.height);
  }

  async probe(): Promise<Probe | undefined> {
    if (this.#status.picture === "none") return undefined;
    const { sequence, timestampUs, lossyPixels } = this.#painted;
    const { data, width, height } = this.#painter.readBack();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
    const sha256 = Array.from(digest, (b) => b.toString(16).padStart(2, "0")).join("");
    return { sequence, timestampUs, width, height, sha256, lossyPixels };
  }

  // What the link tells.

  changed(link: Link): void {
    const { phase } = link;
    if (phase === "ended" && link.reason === "visitor-stopped") this.#purge();
    const stale = this.#status.picture === "current" && phase !== "joined";
    this.#update({ link, ...(stale && { picture: "stale" as const }) });
  }

  joined(again: boolean): void {
    if (again) this.#totals.reconnects += 1;
    this.#expectStream();
    this.#decoded = { sequence: 0, timestampUs: 0, picture: false, any: false };
    const picture = this.#status.picture === "none" ? "none" : "stale";
    this.#update({ stream: undefined, visitorLost: false, resyncing: false, picture });
  }

  message(message: Parameters<LinkEvents["message"]>[0]): void {
    if (message.type === "visitor-lost") {
      this.#update({ visitorLost: true });
      // What came before is decoded, or the visitor would go on from something else.
      const picture = this.#waiting === undefined ? this.#decoder.holds() : undefined;
      if (picture !== undefined) this.#link.send({ type: "holds", picture });
    } else this.#update({ visitorLost: false, stream: { state: message.state, source: message.source } });
  }

  binary(bytes: Uint8Array): void {
    this.#arrivedAt = this.#around.now();
    this.#totals.bytes += bytes.length;
    if (startsStream(bytes)) {
      this.#expectStream();
      this.#skipping = false;
    } else if (this.#skipping) {
      return;
    }
    if (this.#waiting === undefined) this.#take(bytes);
    else if (!this.#inbox.put(bytes)) {
      this.#lostThread(new DecodeError("limit-exceeded", "too much arrived while an AV1 picture was decoded"));
    }
  }

  holds(): Holds | undefined {
    this.#expectStream();
    return this.#decoder.holds();
  }

  /** Whether to mark what is not exact. */
  mark(on: boolean): void {
    this.#marks.show(on);
    if (on) this.#paintMarks("all");
  }

  /** Decodes a message, and those behind it until a packet waits for planes. */
  #take(bytes: Uint8Array): void {
    for (let next: Uint8Array | undefined = bytes; next !== undefined; next = this.#inbox.take()) {
      const message = { bytes: next, started: performance.now() };
      if (!this.#advance(message, () => this.#decoder.decode(message.bytes, this.#found))) return;
    }
  }

  /** Does some of a message; true if that was the rest of it, else planes are on their way or all is lost. */
  #advance(message: Message, work: () => PlaneRequest | undefined): boolean {
    let request;
    try {
      request = work();
    } catch (e) {
      this.#lostThread(e);
      return false;
    }
    this.#painter.schedule();
    if (request !== undefined) {
      void this.#fetchPlanes(message, request);
      return false;
    }
    this.#meter.received(this.#around.now(), message.bytes.length, performance.now() - message.started);
    return true;
  }

  /** Has planes decoded and goes on with them; they are dropped where the stream has moved on. */
  async #fetchPlanes(message: Message, request: PlaneRequest): Promise<void> {
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
    if (!this.#advance(message, () => this.#decoder.supply(given, this.#found))) return;
    const next = this.#inbox.take();
    if (next !== undefined) this.#take(next);
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
    if (this.#decoded.picture && image !== undefined) {
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
      const held = heldUs > 0 ? { held_us: heldUs } : {};
      this.#link.send({ type: "ack", sequence: this.#decoded.sequence, ...held });
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
    this.#inbox.clear();
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
    const now = this.#around.now();
    if (now - this.#failedAt > GOOD_STREAM_MS) this.#failures = 0;
    this.#failedAt = now;
    this.#failures += 1;
    if (this.#failures >= MOST_FAILURES) {
      this.#link.fail(`The visitor's stream cannot be decoded: ${cause.message}.`);
      return;
    }
    // After a trap nothing of the old instance may be used again.
    if (cause.kind === "trap") this.#renewDecoder();
    this.#startOver();
    this.#skipping = true;
    this.#totals.resyncs += 1;
    this.#update({
      resyncing: true,
      ...(this.#status.picture === "current" && { picture: "stale" as const }),
    });
    const ask = (): void => {
      if (this.#skipping) this.#link.send({ type: "resync" });
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
    this.#status = {
      ...this.#status,
      stream: undefined,
      visitorLost: false,
      picture: "none",
      resyncing: false,
    };
  }

  #renewDecoder(): void {
    this.#decoder = new Decoder(this.module);
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
    return new DecodeError("av1", error.message);
  }
  return new DecodeError("trap", String(error));
}

function startsStream(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((b, i) => bytes[i] === b);
}
