// A host's connection to the relay: gets a room, comes back to it after a cut, and knows when to stop trying. Sockets,
// timers and chance come from the caller, as for a joiner's.

import { DEFAULT_TENANT, parseHostMessage, PROTOCOL_VERSION, type HostSays, type Refusal, type RelayToHost, type RoomProof } from "../protocol.ts";
import { backoffMs } from "../worker/backoff.ts";
import { early, NOTHING_EARLY, Way } from "../worker/early.ts";
import type { Credentials, Socket, Surroundings } from "../worker/link.ts";
import { Pulse } from "../worker/pulse.ts";

export type HostLinkState =
  | { phase: "off" }
  | { phase: "connecting"; attempt: number }
  | { phase: "open" }
  /** Cut off; the next attempt starts at `at` (milliseconds, Date.now). */
  | { phase: "retrying"; attempt: number; at: number; hadRoom: boolean }
  | { phase: "refused"; refusal: Refusal };

export interface HostLinkEvents {
  changed(state: HostLinkState): void;
  /** There is a room: the old one (`again`), or a new one with nobody in it. Its doors are to be opened. */
  room(again: boolean): void;
  /** The room that was there is given up, and all who were in it. */
  roomLost(): void;
  cut(): void;
  said(message: RelayToHost): void;
  /** Sealed bytes from a joiner. */
  binary(joiner: number, bytes: Uint8Array): void;
}

/** How long a relay may take to give a room. */
const ANSWER_MS = 10_000;

/** A connection that held so long was a good one: the waits start over. */
const STEADY_MS = 5_000;

export class HostLink {
  #state: HostLinkState = { phase: "off" };
  #room: RoomProof | undefined;
  #socket: Socket | undefined;
  readonly #way = new Way();
  readonly #pulse: Pulse;
  /** A relay that took no sub-protocol may not know what a ping is. */
  #answersPings = false;
  /** Counts the sockets: an event of an older one is ignored. */
  #generation = 0;
  #cancelTimer: (() => void) | undefined;
  #attempt = 0;
  #openAt = 0;

  constructor(
    private readonly around: Surroundings,
    private readonly events: HostLinkEvents,
    private readonly who: Credentials = {},
  ) {
    this.#pulse = new Pulse(around);
  }

  get state(): HostLinkState {
    return this.#state;
  }

  start(): void {
    this.#drop();
    this.#attempt = 0;
    this.#connect();
  }

  /** Leaves for good; what was said before goes out. */
  stop(): void {
    this.#drop();
    this.#room = undefined;
    this.#set({ phase: "off" });
  }

  reconnect(): void {
    if (this.#state.phase !== "retrying") return;
    this.#drop();
    this.#connect();
  }

  say(message: HostSays): void {
    if (this.#state.phase === "open") this.#socket?.send(JSON.stringify(message));
  }

  send(bytes: Uint8Array<ArrayBuffer>): void {
    if (this.#state.phase === "open") this.#socket?.sendBytes(bytes);
  }

  #set(state: HostLinkState): void {
    this.#state = state;
    this.events.changed(state);
  }

  #drop(): void {
    this.#cancelTimer?.();
    this.#cancelTimer = undefined;
    this.#generation += 1;
    this.#pulse.end();
    this.#socket?.close();
    this.#socket = undefined;
  }

  #connect(): void {
    this.#attempt += 1;
    const generation = this.#generation;
    const current = (run: () => void): void => {
      if (generation === this.#generation) run();
    };
    this.#set({ phase: "connecting", attempt: this.#attempt });
    this.#cancelTimer = this.around.after(ANSWER_MS, () => current(() => this.#cut()));
    const { tenant, token } = this.who;
    const hello = {
      type: "hello",
      protocol: PROTOCOL_VERSION,
      ...(tenant !== undefined && tenant !== DEFAULT_TENANT && { tenant }),
      ...(token !== undefined && { token }),
      ...(this.#room && { resume: this.#room }),
    };
    const text = JSON.stringify(hello);
    const first = this.#way.tries(this.#attempt) ? early(text) : NOTHING_EARLY;
    this.#socket = this.around.connect({
      open: () =>
        current(() => {
          this.#way.opened();
          this.#answersPings = first.protocols.length > 0;
          if (!first.hello) this.#socket?.send(text);
        }),
      text: (text) =>
        current(() => {
          this.#pulse.heard();
          this.#text(text);
        }),
      binary: (bytes) =>
        current(() => {
          this.#pulse.heard();
          this.#binary(bytes);
        }),
      closed: () => current(() => this.#cut()),
    }, first.protocols);
  }

  /** Gives the connection up when nobody is there any more. */
  #listen(): void {
    this.#pulse.begin({
      ask: () => this.say({ type: "ping" }),
      waiting: () => this.#socket?.waiting() ?? 0,
      silent: () => this.#cut(),
    });
  }

  #binary(bytes: Uint8Array): void {
    if (this.#state.phase !== "open" || bytes.length < 5) return;
    const joiner = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
    this.events.binary(joiner, bytes.subarray(4));
  }

  #text(text: string): void {
    const message = parseHostMessage(text);
    // A message of a newer relay that this page does not know is no reason to end a session.
    if (message === undefined) return;
    switch (message.type) {
      case "room": {
        const again = this.#room?.room === message.room;
        if (this.#room !== undefined && !again) this.events.roomLost();
        this.#room = { room: message.room, secret: message.secret };
        this.#cancelTimer?.();
        this.#cancelTimer = undefined;
        this.#openAt = this.around.now();
        this.#set({ phase: "open" });
        if (this.#answersPings) this.#listen();
        this.events.room(again);
        return;
      }
      case "refused":
        if (message.kind === "unavailable" && this.#room !== undefined) {
          // The relay has ended the room; a new one is to be had.
          this.#room = undefined;
          this.events.roomLost();
          this.#cut();
        } else if (this.#room !== undefined && message.kind !== "version") {
          this.#cut();
        } else {
          this.#drop();
          this.#set({ phase: "refused", refusal: { kind: message.kind, message: message.message } });
        }
        return;
      case "going-away":
        this.#cut(message.afterMs);
        return;
      default:
        this.events.said(message);
    }
  }

  #cut(afterMs?: number): void {
    const open = this.#state.phase === "open";
    this.#drop();
    if (open && this.around.now() - this.#openAt >= STEADY_MS) this.#attempt = 1;
    if (open) this.events.cut();
    const ms = afterMs ?? backoffMs(Math.max(1, this.#attempt), this.around.random());
    const generation = this.#generation;
    const hadRoom = this.#room !== undefined;
    this.#set({ phase: "retrying", attempt: this.#attempt, at: this.around.now() + ms, hadRoom });
    this.#cancelTimer = this.around.after(ms, () => {
      if (generation === this.#generation) this.#connect();
    });
  }
}
