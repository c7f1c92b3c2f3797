// The agent's side of the connection: joins, comes back after a cut, and knows when to stop trying.
// Sockets, timers and chance come from the caller, so that tests run it without a network or a clock.

import type { Link } from "../messages.ts";
import {
  parseRelayMessage,
  PROTOCOL_VERSION,
  type AgentSays,
  type Holds,
  type RelayToAgent,
} from "../protocol.ts";
import { backoffMs } from "./backoff.ts";

/** What a link needs of a WebSocket. */
export interface Socket {
  send(text: string): void;
  close(): void;
}

export interface SocketEvents {
  open(): void;
  text(text: string): void;
  binary(bytes: Uint8Array): void;
  closed(): void;
}

export interface Surroundings {
  connect(events: SocketEvents): Socket;
  after(ms: number, run: () => void): () => void;
  now(): number;
  random(): number;
}

export interface LinkEvents {
  /** The link's state changed. */
  changed(link: Link): void;
  /** The relay let us in: a new stream will start. `again` says that it is not the first time with this key. */
  joined(again: boolean): void;
  /** A message about the stream. */
  message(message: Extract<RelayToAgent, { type: "state" | "visitor-lost" }>): void;
  binary(bytes: Uint8Array): void;
  /** What is held of a stream that was cut off; nothing more of it counts. */
  holds(): Holds | undefined;
}

/** How long a relay may take to answer a connection attempt. */
const ANSWER_MS = 10_000;

/** A connection that held so long was a good one: the waits start over. A relay that lets us in and cuts us off does not get them reset. */
const STEADY_MS = 5_000;

/**
 * How long a key that worked may be unknown after a cut: a relay that was restarted knows the room only when the
 * visitor is back.
 */
const ROOM_BACK_MS = 90_000;

export class AgentLink {
  #state: Link = { phase: "off" };
  #key = "";
  #socket: Socket | undefined;
  /** Counts the sockets: an event of an older one is ignored. */
  #generation = 0;
  #cancelTimer: (() => void) | undefined;
  #attempt = 0;
  #joinedBefore = false;
  /** When the room may last be unknown, once it was known and lost. */
  #roomDeadline: number | undefined;
  #joinedAt = 0;

  constructor(
    private readonly around: Surroundings,
    private readonly events: LinkEvents,
  ) {}

  get state(): Link {
    return this.#state;
  }

  /** Joins the room of `key`, leaving any other. */
  join(key: string): void {
    this.#drop();
    this.#key = key;
    this.#attempt = 0;
    this.#joinedBefore = false;
    this.#roomDeadline = undefined;
    this.#open();
  }

  /** Leaves for good. */
  leave(): void {
    this.#drop();
    this.#set({ phase: "off" });
  }

  /** Tries at once where the next attempt is only due later, or after the session was given up. */
  reconnect(): void {
    if (this.#state.phase === "off" || this.#state.phase === "joined" || this.#state.phase === "connecting")
      return;
    this.#drop();
    this.#roomDeadline = undefined;
    this.#open();
  }

  /** Gives up: `message` says why. */
  fail(message: string): void {
    this.#drop();
    this.#set({ phase: "failed", message });
  }

  send(message: AgentSays): void {
    if (this.#state.phase === "joined") this.#socket?.send(JSON.stringify(message));
  }

  #set(state: Link): void {
    this.#state = state;
    this.events.changed(state);
  }

  #drop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#generation += 1;
    this.#socket?.close();
    this.#socket = undefined;
  }

  #open(): void {
    this.#attempt += 1;
    const generation = this.#generation;
    const current = (run: () => void): void => {
      if (generation === this.#generation) run();
    };
    if (!this.#joinedBefore) this.#set({ phase: "connecting", attempt: this.#attempt });
    this.#cancelTimer = this.around.after(ANSWER_MS, () => current(() => this.#cut()));
    const hello = (): AgentSays => {
      const holds = this.#joinedBefore ? this.events.holds() : undefined;
      return { type: "hello", protocol: PROTOCOL_VERSION, key: this.#key, ...(holds && { holds }) };
    };
    this.#socket = this.around.connect({
      open: () => current(() => this.#socket?.send(JSON.stringify(hello()))),
      text: (text) => current(() => this.#text(text)),
      binary: (bytes) =>
        current(() => {
          if (this.#state.phase === "joined") this.events.binary(bytes);
        }),
      closed: () => current(() => this.#cut()),
    });
  }

  #text(text: string): void {
    const message = parseRelayMessage(text);
    // A message of a newer relay that this page does not know is no reason to end a session.
    if (message === undefined) return;
    switch (message.type) {
      case "joined": {
        const again = this.#joinedBefore;
        this.#cancelTimer?.();
        this.#cancelTimer = undefined;
        this.#joinedAt = this.around.now();
        this.#joinedBefore = true;
        this.#roomDeadline = undefined;
        this.#set({ phase: "joined" });
        this.events.joined(again);
        return;
      }
      case "refused":
        if (this.#roomMayComeBack(message.kind)) {
          this.#cut();
          return;
        }
        this.#drop();
        if (this.#joinedBefore && message.kind === "wrong-key")
          this.#set({ phase: "ended", reason: "visitor-lost" });
        else this.#set({ phase: "refused", refusal: { kind: message.kind, message: message.message } });
        return;
      case "end":
        // A relay that shuts down may be restarted: the visitor's side comes back by itself, and so do we.
        if (message.reason === "relay-stopped") {
          this.#cut();
          return;
        }
        this.#drop();
        this.#set({ phase: "ended", reason: message.reason });
        return;
      case "state":
      case "visitor-lost":
        if (this.#state.phase === "joined") this.events.message(message);
        return;
    }
  }

  #roomMayComeBack(kind: string): boolean {
    if (!this.#joinedBefore || (kind !== "wrong-key" && kind !== "too-many-tries")) return false;
    this.#roomDeadline ??= this.around.now() + ROOM_BACK_MS;
    return this.around.now() < this.#roomDeadline;
  }

  #cut(): void {
    this.#drop();
    if (this.#state.phase === "joined" && this.around.now() - this.#joinedAt >= STEADY_MS) this.#attempt = 1;
    const ms = backoffMs(Math.max(1, this.#attempt), this.around.random());
    const generation = this.#generation;
    this.#set({
      phase: "retrying",
      attempt: this.#attempt,
      at: this.around.now() + ms,
      joinedBefore: this.#joinedBefore,
    });
    this.#cancelTimer = this.around.after(ms, () => {
      if (generation === this.#generation) this.#open();
    });
  }
}
