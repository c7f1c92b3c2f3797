// Watches at the relay whether visitors are there: one connection for all of them, made anew after a cut. Sockets, timers
// and chance come from the caller, so that tests run it without a network or a clock.

import {
  DEFAULT_TENANT,
  parseLookoutMessage,
  PROTOCOL_VERSION,
  type LookoutSays,
  type Refusal,
} from "../protocol.ts";
import { backoffMs } from "../worker/backoff.ts";
import type { Credentials, Socket, Surroundings } from "../worker/link.ts";

/** Whether a visitor can be asked; nothing is known while the relay has not answered. */
export type Presence = "unknown" | "there" | "away";

/** Most visitors that a relay watches for one connection. */
export const MOST_WATCHED = 64;

/** A connection that held so long was a good one: the waits start over. */
const STEADY_MS = 5_000;

/** How long a relay may take to answer a connection attempt. */
const ANSWER_MS = 10_000;

export interface LookoutEvents {
  changed(visitor: string, presence: Presence): void;
  /** The relay does not want us; it is not asked again until {@link Lookout.as}. */
  refused(refusal: Refusal): void;
}

export class Lookout {
  readonly #watched = new Map<string, Presence>();
  #who: Credentials | undefined;
  #socket: Socket | undefined;
  #open = false;
  /** Counts the sockets: an event of an older one is ignored. */
  #generation = 0;
  #attempt = 0;
  #openedAt = 0;
  #cancelTimer: (() => void) | undefined;

  constructor(
    private readonly around: Surroundings,
    private readonly events: LookoutEvents,
  ) {}

  /** For whom it watches from now on; undefined: nobody, and the connection is closed. */
  as(who: Credentials | undefined): void {
    this.#drop();
    this.#who = who;
    this.#attempt = 0;
    this.#connect();
  }

  /** The visitors that are watched, in the order in which they came. */
  get visitors(): [string, Presence][] {
    return [...this.#watched];
  }

  /** Watches one more; false if there are too many. */
  watch(visitor: string): boolean {
    if (this.#watched.has(visitor)) return true;
    if (this.#watched.size >= MOST_WATCHED) return false;
    this.#watched.set(visitor, "unknown");
    if (this.#open) this.#say({ type: "watch", door: { presence: { visitor } } });
    else if (this.#socket === undefined && this.#cancelTimer === undefined) this.#connect();
    return true;
  }

  unwatch(visitor: string): void {
    if (!this.#watched.delete(visitor)) return;
    if (this.#watched.size === 0) this.#drop();
    else if (this.#open) this.#say({ type: "unwatch", door: { presence: { visitor } } });
  }

  #say(says: LookoutSays): void {
    this.#socket?.send(JSON.stringify(says));
  }

  #drop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#generation += 1;
    this.#open = false;
    this.#socket?.close();
    this.#socket = undefined;
    for (const visitor of this.#watched.keys()) this.#set(visitor, "unknown");
  }

  #set(visitor: string, presence: Presence): void {
    if (!this.#watched.has(visitor) || this.#watched.get(visitor) === presence) return;
    this.#watched.set(visitor, presence);
    this.events.changed(visitor, presence);
  }

  #connect(): void {
    const who = this.#who;
    if (who === undefined || this.#watched.size === 0) return;
    this.#attempt += 1;
    const generation = this.#generation;
    const current = (run: () => void): void => {
      if (generation === this.#generation) run();
    };
    this.#cancelTimer = this.around.after(ANSWER_MS, () => current(() => this.#cut()));
    this.#socket = this.around.connect({
      open: () =>
        current(() => {
          this.#cancelTimer?.();
          this.#cancelTimer = undefined;
          this.#open = true;
          this.#openedAt = this.around.now();
          const { tenant, token } = who;
          this.#say({
            type: "hello",
            protocol: PROTOCOL_VERSION,
            ...(tenant !== undefined && tenant !== DEFAULT_TENANT && { tenant }),
            ...(token !== undefined && { token }),
          });
          for (const visitor of this.#watched.keys()) this.#say({ type: "watch", door: { presence: { visitor } } });
        }),
      text: (text) => current(() => this.#text(text)),
      binary: () => undefined,
      closed: () => current(() => this.#cut()),
    });
  }

  #text(text: string): void {
    const message = parseLookoutMessage(text);
    switch (message?.type) {
      case "available":
      case "unavailable":
        if ("presence" in message.door)
          this.#set(message.door.presence.visitor, message.type === "available" ? "there" : "away");
        return;
      case "going-away":
        this.#cut(message.afterMs);
        return;
      case "refused":
        this.#drop();
        this.#who = undefined;
        this.events.refused({ kind: message.kind, message: message.message });
        return;
    }
  }

  #cut(afterMs?: number): void {
    if (this.#open && this.around.now() - this.#openedAt >= STEADY_MS) this.#attempt = 1;
    this.#drop();
    const ms = afterMs ?? backoffMs(Math.max(1, this.#attempt), this.around.random());
    const generation = this.#generation;
    this.#cancelTimer = this.around.after(ms, () => {
      if (generation !== this.#generation) return;
      this.#cancelTimer = undefined;
      this.#connect();
    });
  }
}
