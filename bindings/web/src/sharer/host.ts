// The sharing end in WebAssembly as an object. The ABI is documented in bindings/web/sharer/src/exports.rs.

import { END_REASONS, PURPOSES, STATES, type EndReason, type Purpose, type StreamState } from "../protocol.ts";

import type { Pixels } from "./pixels.ts";

interface Exports {
  memory: WebAssembly.Memory;
  panecast_host_input(len: number): number;
  panecast_host_entropy(len: number): void;
  panecast_host_new(len: number, beganS: bigint): number;
  panecast_host_link(uses: number, lastsS: number, nowUs: bigint): number;
  panecast_host_link_for_keys(): number;
  panecast_host_key(number: number, nowUs: bigint): number;
  panecast_host_close(door: number): void;
  panecast_host_came(joiner: number, door: number, nowUs: bigint): void;
  panecast_host_came_back(joiner: number, nowUs: bigint): void;
  panecast_host_received(joiner: number, nowUs: bigint): void;
  panecast_host_away(joiner: number, nowUs: bigint): void;
  panecast_host_behind(joiner: number, behind: number): void;
  panecast_host_cut(nowUs: bigint): void;
  panecast_host_answer(joiner: number, allow: number, purpose: number, nowUs: bigint): number;
  panecast_host_dismiss(joiner: number): void;
  panecast_host_wants(news: number, nowUs: bigint): number;
  panecast_host_needs_picture(): number;
  panecast_host_frame(width: number, height: number): number;
  panecast_host_push(nowUs: bigint): number;
  panecast_host_pause(paused: number, nowUs: bigint): void;
  panecast_host_end(len: number, nowUs: bigint): void;
  panecast_host_tick(nowUs: bigint): void;
  panecast_host_take_link(len: number, uses: number, lastsS: number, nowUs: bigint): number;
  panecast_film_wants(nowUs: bigint): bigint;
  panecast_film_unit(codec: number, width: number, height: number, flags: number, atUs: bigint, nowUs: bigint): number;
  panecast_film_lost(): void;
  panecast_camera_gave(nowUs: bigint): void;
  panecast_camera_blocked(blocked: number, nowUs: bigint): void;
  panecast_host_next_turn(nowUs: bigint): bigint;
  panecast_host_poll(nowUs: bigint): number;
  panecast_host_told(): number;
  panecast_host_told_len(): number;
  panecast_host_subject(): number;
}

/** What is to be done, or has happened. */
export type HostTold =
  /** A binary message for the relay. */
  | { kind: "send"; bytes: Uint8Array<ArrayBuffer> }
  | { kind: "admit"; joiner: number }
  | { kind: "close"; door: number }
  | { kind: "dismiss"; joiner: number; reason: EndReason }
  | { kind: "ask"; joiner: number; who: string }
  | { kind: "left"; joiner: number; reason: EndReason }
  | { kind: "state"; state: StreamState }
  | { kind: "ended"; reason: EndReason };

/** A picture of a film that the browser encoded; its codec by the stream's number. */
export interface FilmUnit {
  codec: number;
  width: number;
  height: number;
  colour: { bt709: boolean; fullRange: boolean };
  keyframe: boolean;
  timestampUs: number;
  data: Uint8Array;
}

/** What could not be done, for people. */
export class HostError extends Error {}

/** Enough for whatever one event needs. */
const ENTROPY_BYTES = 512;

/** The host of a room. */
export class Host {
  readonly #wasm: Exports;
  /** Of the picture that was pushed last, while it is not forgotten. */
  #pushed: { width: number; height: number } | undefined;

  /** `source` is what is shown, as watchers are told; `now` gives milliseconds of a clock that does not go back. */
  constructor(
    module: WebAssembly.Module,
    tenant: string,
    source: string,
    private readonly now: () => number,
  ) {
    this.#wasm = new WebAssembly.Instance(module, {}).exports as unknown as Exports;
    this.#entropy();
    const beganS = Math.floor((Date.now() - now()) / 1000);
    const texts = [tenant, source].map((text) => text.replaceAll("\0", ""));
    this.#check(this.#wasm.panecast_host_new(this.#write(texts.join("\0")), BigInt(beganS)));
  }

  /** Draws a link for so many joiners and seconds. */
  openLink(uses: number, lastsS: number): { text: string; id: string; door: number } {
    this.#entropy();
    const door = this.#check(this.#wasm.panecast_host_link(uses, lastsS, this.#micros()));
    const [text = "", id = ""] = this.#text().split("\0");
    return { text, id, door };
  }

  /** Opens the door of a link that somebody else has drawn; fails if the text is none. */
  takeLink(text: string, uses: number, lastsS: number): { id: string; door: number } {
    const door = this.#check(this.#wasm.panecast_host_take_link(this.#write(text), uses, lastsS, this.#micros()));
    return { id: this.#text(), door };
  }

  /** Whether the camera's picture of now is to be encoded, and how. */
  filmWants(): { keyframe: boolean; bitrate: number | undefined } | undefined {
    const wants = Number(this.#wasm.panecast_film_wants(this.#micros()));
    if (wants < 0) return undefined;
    const bitrate = Math.floor(wants / 2);
    return { keyframe: wants % 2 === 1, bitrate: bitrate === 0 ? undefined : bitrate };
  }

  filmUnit(unit: FilmUnit): void {
    const at = this.#wasm.panecast_host_input(unit.data.length);
    if (at === 0) throw new HostError("a picture has too many bytes");
    new Uint8Array(this.#wasm.memory.buffer, at, unit.data.length).set(unit.data);
    const { bt709, fullRange } = unit.colour;
    const flags = (unit.keyframe ? 1 : 0) + (bt709 ? 2 : 0) + (fullRange ? 4 : 0);
    const timestamp = BigInt(Math.max(0, Math.round(unit.timestampUs)));
    const { codec, width, height } = unit;
    this.#check(this.#wasm.panecast_film_unit(codec, width, height, flags, timestamp, this.#micros()));
  }

  /** The camera gave a picture, whether or not it is of use. */
  cameraGave(): void {
    this.#wasm.panecast_camera_gave(this.#micros());
  }

  /** The operating system has taken the camera away, or gives it back. */
  cameraBlocked(blocked: boolean): void {
    this.#wasm.panecast_camera_blocked(blocked ? 1 : 0, this.#micros());
  }

  /** A picture that was wanted will not come. */
  filmLost(): void {
    this.#wasm.panecast_film_lost();
  }

  /** Draws a link to which the keys from now on belong. */
  linkForKeys(): string {
    this.#entropy();
    this.#check(this.#wasm.panecast_host_link_for_keys());
    return this.#text();
  }

  /** The relay has opened a key of this number: gives the whole key. */
  openKey(number: number): string {
    this.#entropy();
    this.#check(this.#wasm.panecast_host_key(number, this.#micros()));
    return this.#text();
  }

  close(door: number): void {
    this.#wasm.panecast_host_close(door);
  }

  came(joiner: number, door: number): void {
    this.#wasm.panecast_host_came(joiner, door, this.#micros());
  }

  cameBack(joiner: number): void {
    this.#entropy();
    this.#wasm.panecast_host_came_back(joiner, this.#micros());
  }

  received(joiner: number, bytes: Uint8Array): void {
    this.#entropy();
    const at = this.#wasm.panecast_host_input(bytes.length);
    // No joiner has so much to say.
    if (at === 0) return this.dismiss(joiner);
    new Uint8Array(this.#wasm.memory.buffer, at, bytes.length).set(bytes);
    this.#wasm.panecast_host_received(joiner, this.#micros());
  }

  away(joiner: number): void {
    this.#entropy();
    this.#wasm.panecast_host_away(joiner, this.#micros());
  }

  behind(joiner: number, behind: boolean): void {
    this.#wasm.panecast_host_behind(joiner, behind ? 1 : 0);
  }

  cut(): void {
    this.#entropy();
    this.#wasm.panecast_host_cut(this.#micros());
  }

  /** The person's word; false where nothing was allowed. */
  answer(joiner: number, allow: boolean, purpose: Purpose): boolean {
    this.#entropy();
    return this.#wasm.panecast_host_answer(joiner, allow ? 1 : 0, PURPOSES[purpose], this.#micros()) >= 0;
  }

  dismiss(joiner: number): void {
    this.#entropy();
    this.#wasm.panecast_host_dismiss(joiner);
  }

  /** Whether a picture is of use now; with `news`, there is one that has not been pushed. */
  wants(news: boolean): boolean {
    return this.#wasm.panecast_host_wants(news ? 1 : 0, this.#micros()) === 1;
  }

  /** Whether the source is to be asked for its picture of now, changed or not. */
  get needsPicture(): boolean {
    return this.#wasm.panecast_host_needs_picture() === 1;
  }

  /** Pushes a picture: `rgba` has rows without padding. */
  push(rgba: Uint8Array | Uint8ClampedArray, width: number, height: number): void {
    const at = this.#wasm.panecast_host_frame(width, height);
    if (at === 0) throw new HostError(`a picture of ${width} × ${height} is too large to be shown`);
    new Uint8Array(this.#wasm.memory.buffer, at, width * height * 4).set(rgba);
    this.#check(this.#wasm.panecast_host_push(this.#micros()));
    this.#pushed = { width, height };
  }

  /** The picture that was pushed last; undefined if there is none, or it is forgotten. */
  lastPicture(): Pixels | undefined {
    if (this.#pushed === undefined) return undefined;
    const { width, height } = this.#pushed;
    // It lies where a next one of its size would be written.
    const at = this.#wasm.panecast_host_frame(width, height);
    return { data: new Uint8Array(this.#wasm.memory.buffer, at, width * height * 4).slice(), width, height };
  }

  pause(paused: boolean): void {
    this.#pushed = undefined;
    this.#wasm.panecast_host_pause(paused ? 1 : 0, this.#micros());
  }

  end(reason: EndReason): void {
    this.#pushed = undefined;
    this.#entropy();
    this.#wasm.panecast_host_end(this.#write(reason), this.#micros());
  }

  tick(): void {
    this.#entropy();
    this.#wasm.panecast_host_tick(this.#micros());
  }

  /** Milliseconds until {@link tick} and {@link poll} have something to do; undefined: not until something happens. */
  get nextTurn(): number | undefined {
    const us = Number(this.#wasm.panecast_host_next_turn(this.#micros()));
    return us < 0 ? undefined : Math.ceil(us / 1000);
  }

  poll(): HostTold | undefined {
    const code = this.#wasm.panecast_host_poll(this.#micros());
    const subject = this.#wasm.panecast_host_subject() >>> 0;
    switch (code) {
      case 1:
        return { kind: "send", bytes: this.#told() };
      case 2:
        return { kind: "admit", joiner: subject };
      case 3:
        return { kind: "close", door: subject };
      case 4:
        return { kind: "dismiss", joiner: subject, reason: this.#reason() };
      case 5:
        return { kind: "ask", joiner: subject, who: this.#text() };
      case 6:
        return { kind: "left", joiner: subject, reason: this.#reason() };
      case 7: {
        const name = this.#text();
        return { kind: "state", state: STATES.find((state) => state === name) ?? "stalled" };
      }
      case 8:
        return { kind: "ended", reason: this.#reason() };
      default:
        return undefined;
    }
  }

  /** Bytes of WebAssembly memory. */
  get memoryBytes(): number {
    return this.#wasm.memory.buffer.byteLength;
  }

  #reason(): EndReason {
    const name = this.#text();
    return END_REASONS.find((reason) => reason === name) ?? "failed";
  }

  #check(result: number): number {
    if (result < 0) throw new HostError(this.#text());
    return result;
  }

  #micros(): bigint {
    return BigInt(Math.round(this.now() * 1000));
  }

  #entropy(): void {
    const at = this.#wasm.panecast_host_input(ENTROPY_BYTES);
    crypto.getRandomValues(new Uint8Array(this.#wasm.memory.buffer as ArrayBuffer, at, ENTROPY_BYTES));
    this.#wasm.panecast_host_entropy(ENTROPY_BYTES);
  }

  #write(text: string): number {
    const bytes = new TextEncoder().encode(text);
    const at = this.#wasm.panecast_host_input(bytes.length);
    new Uint8Array(this.#wasm.memory.buffer, at, bytes.length).set(bytes);
    return bytes.length;
  }

  #told(): Uint8Array<ArrayBuffer> {
    const { memory, panecast_host_told, panecast_host_told_len } = this.#wasm;
    return new Uint8Array(memory.buffer as ArrayBuffer, panecast_host_told(), panecast_host_told_len()).slice();
  }

  #text(): string {
    return new TextDecoder().decode(this.#told());
  }
}
