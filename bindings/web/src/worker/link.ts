// The connection to the relay: knocks, comes back after a cut, and knows when to stop trying. What the two ends say to
// each other goes through it as bytes. Sockets, timers and chance come from the caller, so that tests run it without a
// network or a clock.

import type { Link } from "../messages.ts";
import {
  DEFAULT_TENANT,
  parseRelayMessage,
  PROTOCOL_VERSION,
  type DoorName,
  type EndReason,
  type Hello,
  type Place,
} from "../protocol.ts";
import { backoffMs } from "./backoff.ts";
import { early, NOTHING_EARLY, Way } from "./early.ts";
import { Pulse } from "./pulse.ts";

/** What a link needs of a WebSocket. */
export interface Socket {
  send(text: string): void;
  sendBytes(bytes: Uint8Array<ArrayBuffer>): void;
  /** Bytes that were given to it and have not left. */
  waiting(): number;
  close(): void;
}

export interface SocketEvents {
  open(): void;
  text(text: string): void;
  binary(bytes: Uint8Array): void;
  closed(): void;
}

export interface Surroundings {
  /** `protocols`: sub-protocols to offer, of which the other side must take one. */
  connect(events: SocketEvents, protocols?: string[]): Socket;
  after(ms: number, run: () => void): () => void;
  now(): number;
  random(): number;
}

export interface LinkEvents {
  /** The link's state changed. */
  changed(link: Link): void;
  /** Bytes go through to the other end again, after {@link cut}, or are about to. */
  back(): void;
  /** Bytes do not go through: the connection is cut, here (`false`) or at the other end (`true`). */
  cut(there: boolean): void;
  /** Sealed bytes from the other end. */
  binary(bytes: Uint8Array): void;
  /** The relay says that the session is over. */
  over(reason: EndReason): void;
}

/** For whom the relay takes us. */
export interface Credentials {
  tenant?: string | undefined;
  token?: string | undefined;
}

/** How long a relay may take to answer a connection attempt. */
const ANSWER_MS = 10_000;

/** A connection that held so long was a good one: the waits start over. A relay that lets us in and cuts us off does not get them reset. */
const STEADY_MS = 5_000;

/** How long the relay keeps a place, and the other end its part of the secret. */
const BACK_MS = 60_000;

/** Of a handshake at a key; what more is said waits until the relay lets us in. */
const MOST_KNOCKS = 2;

export class JoinerLink {
  #state: Link = { phase: "off" };
  /** Where to knock, and what the relay is told of who does. */
  #door: DoorName = { key: { number: "" } };
  #who: Credentials = {};
  #place: Place | undefined;
  #socket: Socket | undefined;
  #open = false;
  /** {@link LinkEvents.back} was told, and that it is let in was not yet. */
  #proving = false;
  readonly #way = new Way();
  readonly #pulse: Pulse;
  /** A relay that took no sub-protocol may not know what a ping is. */
  #answersPings = false;
  /** Counts the sockets: an event of an older one is ignored. */
  #generation = 0;
  #cancelTimer: (() => void) | undefined;
  #attempt = 0;
  #joinedAt = 0;
  /** Until when a cut can be mended. */
  #deadline = 0;
  /** The other end is there, as far as the relay has said. */
  #hostThere = true;
  #knocks = 0;
  /** Bytes that wait for the socket, or for the relay to let us in. */
  #waiting: Uint8Array<ArrayBuffer>[] = [];

  constructor(
    private readonly around: Surroundings,
    private readonly events: LinkEvents,
  ) {
    this.#pulse = new Pulse(around);
  }

  get state(): Link {
    return this.#state;
  }

  /** Knocks at a door, leaving any other session. */
  knock(door: DoorName, who: Credentials = {}): void {
    this.#drop();
    this.#door = door;
    this.#who = who;
    this.#place = undefined;
    this.#attempt = 0;
    this.#knocks = 0;
    this.#hostThere = true;
    this.#connect();
  }

  /** Leaves for good. */
  leave(): void {
    this.#drop();
    this.#place = undefined;
    this.#set({ phase: "off" });
  }

  /** Tries at once where the next attempt is only due later. */
  reconnect(): void {
    if (this.#state.phase !== "retrying") return;
    this.#drop();
    this.#connect();
  }

  /** Gives up: `message` says why. */
  fail(message: string): void {
    this.#drop();
    this.#place = undefined;
    this.#set({ phase: "failed", message });
  }

  /** The session is over. */
  end(reason: EndReason): void {
    this.#drop();
    this.#place = undefined;
    this.#set({ phase: "ended", reason });
  }

  /** Sends sealed bytes, as soon as they may be. Bytes of a connection that is cut are lost with it. */
  send(bytes: Uint8Array<ArrayBuffer>): void {
    const { phase } = this.#state;
    if (phase !== "connecting" && phase !== "knocking" && phase !== "joined" && !this.#proving) return;
    this.#waiting.push(bytes);
    this.#flush();
  }

  #flush(): void {
    while (this.#open && (this.#place !== undefined || this.#knocks < MOST_KNOCKS)) {
      const bytes = this.#waiting.shift();
      if (bytes === undefined) return;
      if (this.#place === undefined) this.#knocks += 1;
      this.#socket?.sendBytes(bytes);
    }
  }

  #set(state: Link): void {
    this.#state = state;
    this.events.changed(state);
  }

  #drop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#generation += 1;
    this.#open = false;
    this.#proving = false;
    this.#pulse.end();
    this.#socket?.close();
    this.#socket = undefined;
    // A knock that has not begun waits on for the next attempt.
    if (this.#place !== undefined || this.#knocks > 0) this.#waiting = [];
  }

  #connect(): void {
    this.#attempt += 1;
    const generation = this.#generation;
    const current = (run: () => void): void => {
      if (generation === this.#generation) run();
    };
    const place = this.#place;
    if (place === undefined) this.#set({ phase: "connecting", attempt: this.#attempt });
    this.#cancelTimer = this.around.after(ANSWER_MS, () => current(() => this.#cut()));
    const { tenant, token } = this.#who;
    const hello: Hello = {
      type: "hello",
      protocol: PROTOCOL_VERSION,
      ...(tenant !== undefined && tenant !== DEFAULT_TENANT && { tenant }),
      // A place has a token of its own.
      ...(token !== undefined && place === undefined && { token }),
      ...(place === undefined ? { door: this.#door } : { resume: place }),
    };
    if (place !== undefined) {
      // The proof goes along: a place that is given up or a host that is away is told soon enough.
      this.#hostThere = true;
      this.#proving = true;
      this.events.back();
    }
    const text = JSON.stringify(hello);
    const first = this.#way.tries(this.#attempt) ? early(text, place === undefined ? undefined : this.#waiting[0]) : NOTHING_EARLY;
    if (first.proof) this.#waiting.shift();
    this.#socket = this.around.connect({
      open: () =>
        current(() => {
          this.#way.opened();
          this.#answersPings = first.protocols.length > 0;
          if (!first.hello) this.#socket?.send(text);
          this.#open = true;
          if (place === undefined) {
            this.#cancelTimer?.();
            this.#cancelTimer = undefined;
            this.#set({ phase: "knocking" });
          }
          this.#flush();
        }),
      text: (text) =>
        current(() => {
          this.#pulse.heard();
          this.#text(text);
        }),
      binary: (bytes) =>
        current(() => {
          this.#pulse.heard();
          if (this.#open) this.events.binary(bytes);
        }),
      closed: () => current(() => this.#cut()),
    }, first.protocols);
  }

  /** Gives the connection up when nobody is there any more. */
  #listen(): void {
    this.#pulse.begin({
      ask: () => this.#socket?.send(JSON.stringify({ type: "ping" })),
      waiting: () => this.#socket?.waiting() ?? 0,
      silent: () => this.#cut(),
    });
  }

  #text(text: string): void {
    const message = parseRelayMessage(text);
    // A message of a newer relay that this page does not know is no reason to end a session.
    if (message === undefined) return;
    switch (message.type) {
      case "joined": {
        const { room, joiner, token } = message;
        this.#place = { room, joiner, token };
        this.#cancelTimer?.();
        this.#cancelTimer = undefined;
        this.#joinedAt = this.around.now();
        if (this.#answersPings) this.#listen();
        this.#open = true;
        this.#proving = false;
        this.#set({ phase: "joined" });
        this.#flush();
        return;
      }
      case "refused":
        // A relay that was started anew does not know the room until the other end is back.
        if (this.#place !== undefined && this.around.now() < this.#deadline && message.kind !== "version") {
          this.#cut();
          return;
        }
        if (this.#place !== undefined) {
          this.events.over("lost");
          return;
        }
        this.#drop();
        this.#set({ phase: "refused", refusal: { kind: message.kind, message: message.message } });
        return;
      case "end":
        this.events.over(message.reason);
        return;
      case "going-away":
        this.#cut(message.afterMs);
        return;
      case "host-lost":
        if (this.#state.phase !== "joined" || !this.#hostThere) return;
        this.#hostThere = false;
        this.events.cut(true);
        return;
      case "host-back":
        if (this.#state.phase !== "joined" || this.#hostThere) return;
        this.#hostThere = true;
        this.events.back();
        return;
    }
  }

  #cut(afterMs?: number): void {
    const { phase } = this.#state;
    // A key that was knocked with and not let in cannot be told from a spent one.
    const knocked = this.#place === undefined && this.#knocks > 0;
    const proving = this.#proving;
    this.#drop();
    if (proving) this.events.cut(false);
    if (phase === "joined") {
      this.#deadline = this.around.now() + BACK_MS;
      if (this.around.now() - this.#joinedAt >= STEADY_MS) this.#attempt = 1;
      this.events.cut(false);
    }
    if (knocked) {
      this.events.over("lost");
      return;
    }
    const ms = afterMs ?? backoffMs(Math.max(1, this.#attempt), this.around.random());
    const generation = this.#generation;
    this.#set({
      phase: "retrying",
      attempt: this.#attempt,
      at: this.around.now() + ms,
      joinedBefore: this.#place !== undefined,
    });
    this.#cancelTimer = this.around.after(ms, () => {
      if (generation === this.#generation) this.#connect();
    });
  }
}
