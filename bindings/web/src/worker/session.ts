// One agent's session: link, decoder and canvas together. Messages are decoded as they arrive, so there is no queue
// of our own; what the network may pile up is bounded by the acknowledgements, which go out after painting.

import type { CursorShape, FromWorker, Link, Probe, Stats, Status } from "../messages.ts";
import { backoffMs } from "./backoff.ts";
import { DecodeError, Decoder } from "./decoder.ts";
import { AgentLink, type LinkEvents, type Surroundings } from "./link.ts";
import { Meter } from "./meter.ts";
import { Painter } from "./painter.ts";
import { encodePng } from "./png.ts";

/** A message for a joiner starts with the stream header's magic. */
const MAGIC = [0x50, 0x43, 0x53, 0x54];

/** After so many broken streams in a row the page gives up instead of asking for snapshots for ever. */
const MOST_FAILURES = 6;

/** A stream that held so long was a good one: earlier failures are forgotten. */
const GOOD_STREAM_MS = 10_000;

export class Session implements LinkEvents {
  readonly #link: AgentLink;
  readonly #painter: Painter;
  readonly #meter = new Meter();
  #decoder: Decoder;

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

  /** The newest decoded picture or epoch, painted with the next animation frame. */
  #decoded = { sequence: 0, timestampUs: 0, picture: false, any: false };
  /** What the canvas holds. */
  #painted = { sequence: 0, timestampUs: 0, at: 0 };
  #cursorChanged = false;
  #cursorSent = 0;

  #totals = { bytes: 0, updates: 0, resyncs: 0, reconnects: 0 };

  constructor(
    private readonly module: WebAssembly.Module,
    canvas: OffscreenCanvas,
    around: Surroundings,
    private readonly post: (message: FromWorker, transfer?: Transferable[]) => void,
  ) {
    this.#around = around;
    this.#decoder = new Decoder(module);
    this.#painter = new Painter(canvas, () => this.#frame());
    this.#link = new AgentLink(around, this);
  }

  readonly #around: Surroundings;

  join(key: string): void {
    this.#purge();
    this.#totals = { bytes: 0, updates: 0, resyncs: 0, reconnects: 0 };
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
    const { sequence, timestampUs } = this.#painted;
    const { data, width, height } = this.#painter.readBack();
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
    const sha256 = Array.from(digest, (b) => b.toString(16).padStart(2, "0")).join("");
    return { sequence, timestampUs, width, height, sha256 };
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
    this.#decoder.reset();
    this.#skipping = true;
    this.#decoded = { sequence: 0, timestampUs: 0, picture: false, any: false };
    const picture = this.#status.picture === "none" ? "none" : "stale";
    this.#update({ stream: undefined, visitorLost: false, resyncing: false, picture });
  }

  message(message: Parameters<LinkEvents["message"]>[0]): void {
    if (message.type === "visitor-lost") this.#update({ visitorLost: true });
    else this.#update({ visitorLost: false, stream: { state: message.state, source: message.source } });
  }

  binary(bytes: Uint8Array): void {
    const started = performance.now();
    this.#totals.bytes += bytes.length;
    if (startsStream(bytes)) {
      this.#decoder.reset();
      this.#skipping = false;
    } else if (this.#skipping) {
      return;
    }
    try {
      this.#decoder.decode(bytes, (decoded) => {
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
      });
    } catch (e) {
      this.#lostThread(e);
      return;
    }
    this.#meter.received(this.#around.now(), bytes.length, performance.now() - started);
    this.#painter.schedule();
  }

  /** An animation frame: paints, then acknowledges. */
  #frame(): void {
    const image = this.#decoder.image();
    if (this.#decoded.picture && image !== undefined) {
      const started = performance.now();
      const { pixels, resized } = this.#painter.paint(image);
      const now = this.#around.now();
      this.#meter.painted(now, pixels / (image.width * image.height), performance.now() - started);
      this.#painted = { sequence: this.#decoded.sequence, timestampUs: this.#decoded.timestampUs, at: now };
      if (resized) this.post({ type: "size", width: image.width, height: image.height });
      if (this.#status.picture !== "current" || this.#status.resyncing) {
        this.#update({ picture: "current", resyncing: false });
      }
    }
    if (this.#decoded.any) {
      this.#painted.sequence = this.#decoded.sequence;
      this.#link.send({ type: "ack", sequence: this.#decoded.sequence });
    }
    this.#decoded.picture = false;
    this.#decoded.any = false;
    if (this.#cursorChanged) this.#sendCursor();
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
    const cause = error instanceof DecodeError ? error : new DecodeError("trap", String(error));
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
    else this.#decoder.reset();
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
    this.#painter.clear();
    this.#painted = { sequence: 0, timestampUs: 0, at: 0 };
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

function startsStream(bytes: Uint8Array): boolean {
  return bytes.length >= MAGIC.length && MAGIC.every((b, i) => bytes[i] === b);
}
