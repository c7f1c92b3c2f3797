// The watching end in WebAssembly as an object, beside the decoder to which its packets go. The ABI is documented in
// bindings/web/decoder/src/seat_exports.rs.

import { END_REASONS, PURPOSES, STATES, type DoorName, type EndReason, type Purpose, type StreamState } from "../protocol.ts";
import type { PassFacts } from "../messages.ts";
import type { Rect } from "./decoder.ts";

export interface SeatExports {
  memory: WebAssembly.Memory;
  panecast_input(d: number): number;
  panecast_input_len(): number;
  panecast_entropy(d: number, len: number): void;
  panecast_knock(d: number, len: number, nowUs: bigint): number;
  panecast_knock_by_link(d: number, len: number, purpose: number, nowUs: bigint): number;
  panecast_pass(d: number, len: number): number;
  panecast_ask(d: number, len: number, purpose: number, nowUs: bigint): number;
  panecast_message(d: number, len: number): number;
  panecast_received(d: number, nowUs: bigint): void;
  panecast_poll(d: number): number;
  panecast_told(d: number): number;
  panecast_told_len(d: number): number;
  panecast_drop_packets(d: number): void;
  panecast_painted(d: number, sequence: bigint, heldUs: bigint): void;
  panecast_resync(d: number): void;
  panecast_focus(d: number, x: number, y: number, width: number, height: number): void;
  panecast_pointer(d: number, shown: number, x: number, y: number): void;
  panecast_line(d: number, line: number, tool: number, colour: number, count: number): void;
  panecast_clear(d: number): void;
  panecast_pause(d: number, paused: number): void;
  panecast_leave(d: number): void;
  panecast_cut(d: number, nowUs: bigint): void;
  panecast_back(d: number): void;
  panecast_ended(d: number, len: number): void;
  panecast_tick(d: number, nowUs: bigint): void;
}

export type Point = readonly [x: number, y: number];

/** A mark in pixels of the picture. */
export type Mark =
  | { kind: "pointer"; at: Point | undefined }
  | { kind: "line"; line: number; tool: Tool; colour: number; points: Point[] }
  | { kind: "clear" };

export const TOOLS = ["pen", "highlight", "arrow"] as const;
export type Tool = (typeof TOOLS)[number];

/** What is to be done, or has happened. */
export type Told =
  | { kind: "send"; bytes: Uint8Array<ArrayBuffer> }
  | { kind: "sealed" }
  | { kind: "asking" }
  | { kind: "allowed"; source: string }
  | { kind: "state"; state: StreamState; source: string }
  | { kind: "packet"; startsOver: boolean }
  | { kind: "overflow" }
  | { kind: "back" }
  | { kind: "ended"; reason: EndReason };

/** Where a key would be a number of four digits: the door is a link. */
const LINK_DOOR = 10_000;

/** Randomness for one handshake, twice over. */
const ENTROPY_BYTES = 512;

const micros = (ms: number): bigint => BigInt(Math.round(ms * 1000));

export class Seat {
  constructor(
    private readonly wasm: SeatExports,
    private readonly handle: number,
    private readonly now: () => number,
  ) {}

  /** Knocks with a typed key; gives its number, undefined if the text is no key. The rest of it stays in here. */
  knock(key: string, who: string, tenant: string): string | undefined {
    this.#entropy();
    const plain = [key, who, tenant].map((text) => text.replaceAll("\0", ""));
    const number = this.wasm.panecast_knock(this.handle, this.#write(plain.join("\0")), micros(this.now()));
    return number < 0 ? undefined : String(number).padStart(4, "0");
  }

  /** Knocks by a link's text, with a typed key where it needs one; gives the door, undefined if they are none. */
  knockByLink(link: string, key: string, who: string, purpose: Purpose, tenant: string): DoorName | undefined {
    this.#entropy();
    const plain = [link, key, who, tenant].map((text) => text.replaceAll("\0", ""));
    const len = this.#write(plain.join("\0"));
    const number = this.wasm.panecast_knock_by_link(this.handle, len, PURPOSES[purpose], micros(this.now()));
    if (number < 0) return undefined;
    if (number === LINK_DOOR) return { link: { id: this.#text() } };
    return { key: { number: String(number).padStart(4, "0") } };
  }

  /** What a pass says, in the text of its file; undefined if it is none. */
  readPass(file: string): PassFacts | undefined {
    const len = this.#write(file.replaceAll("\0", ""));
    if (this.wasm.panecast_pass(this.handle, len) < 0) return undefined;
    const [name = "", tenant = "", agent = "", until] = this.#text().split("\0");
    return { name, tenant, agent, notAfter: Number(until) };
  }

  /** Knocks with a pass at a visitor's presence; false if it cannot be used. */
  ask(file: string, visitor: string, purpose: Purpose): boolean {
    this.#entropy();
    const len = this.#write([file, visitor].map((text) => text.replaceAll("\0", "")).join("\0"));
    return this.wasm.panecast_ask(this.handle, len, PURPOSES[purpose], micros(this.now())) === 0;
  }

  received(bytes: Uint8Array): void {
    const at = this.wasm.panecast_message(this.handle, bytes.length);
    // Too long for any session: what follows would not open anyway.
    if (at === 0) return this.ended("failed");
    new Uint8Array(this.wasm.memory.buffer, at, bytes.length).set(bytes);
    this.wasm.panecast_received(this.handle, micros(this.now()));
  }

  poll(): Told | undefined {
    switch (this.wasm.panecast_poll(this.handle)) {
      case 1:
        return { kind: "send", bytes: this.#told() };
      case 2:
        return { kind: "sealed" };
      case 3:
        return { kind: "asking" };
      case 4:
        return { kind: "allowed", source: this.#text() };
      case 5: {
        const [name, source = ""] = this.#text().split("\0");
        return { kind: "state", state: STATES.find((s) => s === name) ?? "stalled", source };
      }
      case 6:
        return { kind: "packet", startsOver: false };
      case 7:
        return { kind: "packet", startsOver: true };
      case 8:
        return { kind: "overflow" };
      case 9:
        return { kind: "back" };
      case 10: {
        const name = this.#text();
        return { kind: "ended", reason: END_REASONS.find((r) => r === name) ?? "failed" };
      }
      default:
        return undefined;
    }
  }

  dropPackets(): void {
    this.wasm.panecast_drop_packets(this.handle);
  }

  painted(sequence: number, heldUs: number): void {
    this.wasm.panecast_painted(this.handle, BigInt(sequence), BigInt(heldUs));
  }

  resync(): void {
    this.wasm.panecast_resync(this.handle);
  }

  focus(rect: Rect | undefined): void {
    const { x, y, width, height } = rect ?? { x: 0, y: 0, width: 0, height: 0 };
    this.wasm.panecast_focus(this.handle, x, y, width, height);
  }

  mark(mark: Mark): void {
    if (mark.kind === "clear") this.wasm.panecast_clear(this.handle);
    else if (mark.kind === "pointer") {
      const [x, y] = mark.at ?? [0, 0];
      this.wasm.panecast_pointer(this.handle, mark.at === undefined ? 0 : 1, x, y);
    } else {
      const numbers = new DataView(this.wasm.memory.buffer, this.wasm.panecast_input(this.handle));
      mark.points.forEach(([x, y], i) => {
        numbers.setInt32(8 * i, x, true);
        numbers.setInt32(8 * i + 4, y, true);
      });
      const tool = TOOLS.indexOf(mark.tool);
      this.wasm.panecast_line(this.handle, mark.line, tool, mark.colour, mark.points.length);
    }
  }

  pause(paused: boolean): void {
    this.wasm.panecast_pause(this.handle, paused ? 1 : 0);
  }

  leave(): void {
    this.wasm.panecast_leave(this.handle);
  }

  cut(): void {
    this.wasm.panecast_cut(this.handle, micros(this.now()));
  }

  /** The connection is there again: says who this is and what the decoder holds. */
  back(): void {
    this.#entropy();
    this.wasm.panecast_back(this.handle);
  }

  ended(reason: EndReason): void {
    this.wasm.panecast_ended(this.handle, this.#write(reason));
  }

  tick(): void {
    this.wasm.panecast_tick(this.handle, micros(this.now()));
  }

  #entropy(): void {
    const at = this.wasm.panecast_input(this.handle);
    crypto.getRandomValues(new Uint8Array(this.wasm.memory.buffer as ArrayBuffer, at, ENTROPY_BYTES));
    this.wasm.panecast_entropy(this.handle, ENTROPY_BYTES);
  }

  #write(text: string): number {
    const bytes = new TextEncoder().encode(text).subarray(0, this.wasm.panecast_input_len());
    new Uint8Array(this.wasm.memory.buffer, this.wasm.panecast_input(this.handle), bytes.length).set(bytes);
    return bytes.length;
  }

  #told(): Uint8Array<ArrayBuffer> {
    const { wasm, handle } = this;
    const bytes = new Uint8Array(
      wasm.memory.buffer as ArrayBuffer,
      wasm.panecast_told(handle),
      wasm.panecast_told_len(handle),
    );
    return bytes.slice();
  }

  #text(): string {
    return new TextDecoder().decode(this.#told());
  }
}
