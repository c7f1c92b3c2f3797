// One page's share: the room, the doors, who is there, and the pictures that go out.

import { relayEnding, type EndReason, type Purpose, type RelayToHost } from "../protocol.ts";
import type { Credentials, Surroundings } from "../worker/link.ts";
import { Host, HostError, type HostTold } from "./host.ts";
import { HostLink, type HostLinkEvents, type HostLinkState } from "./host-link.ts";
import { NOT_SHOWN, type Doors, type FromSharer, type Person, type ShowProbe, type ShowStatus } from "./messages.ts";
import { PixelReader, type Picture } from "./pixels.ts";

/** Where the browser has no stream of frames, so long after a picture the next is asked for. */
const PULL_MS = 66;

export interface Shown {
  source: string;
  purpose: Purpose;
  doors: Doors;
  /** Frames come by {@link Show.frame}; otherwise they are asked for. */
  pushed: boolean;
}

export class Show implements HostLinkEvents {
  readonly #host: Host;
  readonly #link: HostLink;
  readonly #reader = new PixelReader();
  #status: ShowStatus = NOT_SHOWN;
  /** The link's door, if it is one by itself. */
  #linkDoor: { id: string; door: number; untilMs: number } | undefined;
  #keyNumber: string | undefined;
  #people = new Map<number, Person>();
  #admitted = new Set<number>();

  /** The newest picture stays, for those who come when nothing changes. */
  #held: Picture | undefined;
  /** It has not been pushed. */
  #news = false;
  #reading = false;
  #asked = false;
  /** Whether the last question had a picture for an answer. */
  #answered = true;
  #pulledAt = 0;
  /** Counts what ends the use of pictures that are being read. */
  #epoch = 0;
  #cancelTurn: (() => void) | undefined;
  #figures = { pictures: 0, sentBytes: 0, workMs: 0 };

  constructor(
    module: WebAssembly.Module,
    private readonly around: Surroundings,
    private readonly shown: Shown,
    who: Credentials & { tenant: string },
    private readonly post: (message: FromSharer) => void,
  ) {
    const began = performance.now();
    this.#host = new Host(module, who.tenant, shown.source, () => performance.now() - began);
    this.#link = new HostLink(around, this, who);
    if (shown.doors.withKey) this.#update({ text: this.#host.linkForKeys() });
    else this.#newLink();
    this.#link.start();
  }

  /** The newest frame; it is closed here. */
  frame(frame: Picture): void {
    if (this.#over) {
      frame.close();
      return;
    }
    this.#held?.close();
    this.#held = frame;
    this.#news = true;
    this.#pump();
  }

  /** The answer to a question for a picture. */
  picture(picture: ImageBitmap | undefined): void {
    this.#asked = false;
    this.#answered = picture !== undefined;
    this.#pulledAt = this.around.now();
    if (picture === undefined) this.#pump();
    else this.frame(picture);
  }

  pause(on: boolean): void {
    if (this.#over || on === this.#status.paused) return;
    const held = this.shown.pushed ? this.#held : undefined;
    if (held !== undefined) this.#held = undefined;
    this.#forget();
    // Unread, it is what the screen shows now, and the browser tells it no second time where nothing changes.
    [this.#held, this.#news] = [held, held !== undefined];
    this.#host.pause(on);
    this.#update({ paused: on });
    this.#pump();
  }

  dismiss(joiner: number): void {
    this.#host.dismiss(joiner);
    this.#pump();
  }

  reconnect(): void {
    this.#link.reconnect();
  }

  end(reason: EndReason): void {
    if (this.#over) return;
    this.#forget();
    this.#host.end(reason);
    this.#pump();
    this.#link.say({ type: "end", reason: relayEnding(reason) });
    this.#link.stop();
    this.#people.clear();
    this.#update({ ended: reason, text: undefined, key: undefined, people: [] });
    this.#cancelTurn?.();
  }

  async probe(): Promise<ShowProbe | undefined> {
    const last = this.#host.lastPicture();
    if (last === undefined) return undefined;
    const { width, height, data } = last;
    // A screen is opaque.
    for (let i = 3; i < data.length; i += 4) data[i] = 255;
    const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data as Uint8Array<ArrayBuffer>));
    const sha256 = Array.from(digest, (b) => b.toString(16).padStart(2, "0")).join("");
    return { width, height, sha256, ...this.#figures, memoryBytes: this.#host.memoryBytes };
  }

  get #over(): boolean {
    return this.#status.ended !== undefined || this.#status.failed !== undefined;
  }

  // What the link tells.

  changed(link: HostLinkState): void {
    this.#update({ link });
  }

  room(): void {
    this.#keyNumber = undefined;
    if (this.shown.doors.withKey) this.#link.say({ type: "open", door: { key: {} } });
    else this.#openLink();
    this.#pump();
  }

  roomLost(): void {
    this.#host.cut();
    for (const joiner of this.#people.keys()) this.#host.dismiss(joiner);
    this.#pump();
    this.#admitted.clear();
    this.#people.clear();
    this.#tellPeople();
  }

  cut(): void {
    this.#host.cut();
    for (const [joiner, person] of this.#people) this.#people.set(joiner, { ...person, away: true });
    this.#tellPeople();
    this.#pump();
  }

  binary(joiner: number, bytes: Uint8Array): void {
    this.#host.received(joiner, bytes);
    this.#pump();
  }

  said(message: RelayToHost): void {
    switch (message.type) {
      case "opened":
        if ("key" in message.door) this.#showKey(message.door.key.number);
        break;
      case "not-opened":
        this.#fail(`The relay opens no way in: ${message.message}.`);
        break;
      case "closed":
        if ("key" in message.door) this.#keyClosed(Number(message.door.key.number));
        else if ("link" in message.door && message.door.link.id === this.#linkDoor?.id) {
          this.#host.close(this.#linkDoor.door);
          this.#newLink();
          this.#openLink();
        }
        break;
      case "came":
        this.#came(message);
        break;
      case "left":
        this.#host.away(message.joiner);
        this.#mark(message.joiner, true);
        break;
      case "behind":
      case "ready":
        this.#host.behind(message.joiner, message.type === "behind");
        break;
      case "room":
      case "refused":
      case "going-away":
        break;
    }
    this.#pump();
  }

  #came({ joiner, door, resumed }: Extract<RelayToHost, { type: "came" }>): void {
    if (resumed) {
      this.#host.cameBack(joiner);
      return;
    }
    if (door === undefined) return;
    if ("key" in door) this.#host.came(joiner, Number(door.key.number));
    else if ("link" in door && door.link.id === this.#linkDoor?.id) this.#host.came(joiner, this.#linkDoor.door);
  }

  #newLink(): void {
    const { uses, lastsS } = this.shown.doors;
    const { text, id, door } = this.#host.openLink(uses, lastsS);
    this.#linkDoor = { id, door, untilMs: this.around.now() + lastsS * 1000 };
    this.#update({ text });
  }

  #openLink(): void {
    if (this.#linkDoor === undefined) return;
    const left = Math.ceil((this.#linkDoor.untilMs - this.around.now()) / 1000);
    this.#link.say({ type: "open", door: { link: { id: this.#linkDoor.id, lifetime_s: Math.max(1, left) } } });
  }

  #showKey(number: string): void {
    try {
      const key = this.#host.openKey(Number(number));
      this.#keyNumber = number;
      this.#update({ key });
    } catch (e) {
      this.#fail(e instanceof HostError ? e.message : String(e));
    }
  }

  /** One key is open at a time; the next is for the next one. */
  #keyClosed(door: number): void {
    this.#host.close(door);
    if (this.#keyNumber === undefined || Number(this.#keyNumber) !== door) return;
    this.#keyNumber = undefined;
    this.#update({ key: undefined });
    this.#link.say({ type: "open", door: { key: {} } });
  }

  // What the host wants.

  #pump(): void {
    try {
      const started = performance.now();
      for (let told = this.#host.poll(); told !== undefined; told = this.#host.poll()) this.#hear(told);
      this.#figures.workMs += performance.now() - started;
    } catch (e) {
      this.#fail(e instanceof Error ? e.message : String(e));
      return;
    }
    if (this.#over) return;
    void this.#show();
    this.#cancelTurn?.();
    const turn = this.#host.nextTurn;
    this.#cancelTurn =
      turn === undefined
        ? undefined
        : this.around.after(Math.max(1, turn), () => {
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
        // One that is back has never been sent away.
        if (!this.#admitted.has(told.joiner)) this.#link.say({ type: "admit", joiner: told.joiner });
        this.#admitted.add(told.joiner);
        this.#mark(told.joiner, false);
        break;
      case "close": {
        const number = String(told.door).padStart(4, "0");
        this.#link.say({ type: "close", door: { key: { number } } });
        this.#keyClosed(told.door);
        break;
      }
      case "dismiss":
        if (this.#admitted.has(told.joiner)) {
          this.#link.say({ type: "dismiss", joiner: told.joiner, reason: relayEnding(told.reason) });
        } else this.#link.say({ type: "refuse", joiner: told.joiner, reason: "wrong-key" });
        break;
      case "ask":
        // Whoever was given the link, and the key where one is needed, was meant to see it.
        this.#people.set(told.joiner, { joiner: told.joiner, who: told.who, away: false });
        if (!this.#host.answer(told.joiner, true, this.shown.purpose)) this.#people.delete(told.joiner);
        this.#tellPeople();
        break;
      case "left":
        this.#admitted.delete(told.joiner);
        this.#people.delete(told.joiner);
        this.#tellPeople();
        break;
      case "state":
        this.#update({ state: told.state });
        break;
      case "ended":
        break;
    }
  }

  /** Pushes the newest picture where one is wanted, or asks for one. */
  async #show(): Promise<void> {
    if (this.#reading || this.#over || this.#status.paused) return;
    const picture = this.#held;
    if (picture === undefined || (!this.shown.pushed && !this.#news)) {
      this.#pull();
      return;
    }
    if (!this.#host.wants(this.#news)) return;
    const epoch = this.#epoch;
    this.#reading = true;
    this.#news = false;
    // A newer one may come while this one is read.
    this.#held = undefined;
    const started = performance.now();
    try {
      const { data, width, height } = await this.#reader.read(picture);
      if (epoch === this.#epoch && !this.#over) {
        this.#host.push(data, width, height);
        this.#figures.pictures += 1;
      }
    } catch (e) {
      if (epoch === this.#epoch) this.#fail(e instanceof Error ? e.message : String(e));
    } finally {
      this.#figures.workMs += performance.now() - started;
      this.#reading = false;
    }
    const current = epoch === this.#epoch;
    if (this.#held === undefined && !this.#over && (current || this.shown.pushed)) {
      this.#held = picture;
      this.#news = !current;
    } else picture.close();
    this.#pump();
  }

  #pull(): void {
    if (this.#asked) return;
    const now = this.#host.needsPicture;
    if (!now && (this.shown.pushed || !this.#host.wants(true))) return;
    // One that had nothing to give is not asked over and over.
    const wait = now && this.#answered ? 0 : this.#pulledAt + PULL_MS - this.around.now();
    this.#asked = true;
    this.around.after(Math.max(0, wait), () => {
      if (!this.#over) this.post({ type: "picture", changed: !this.#host.needsPicture });
    });
  }

  /** What was captured is kept nowhere here. */
  #forget(): void {
    this.#epoch += 1;
    this.#held?.close();
    this.#held = undefined;
    this.#news = false;
    this.#reader.forget();
  }

  #mark(joiner: number, away: boolean): void {
    const person = this.#people.get(joiner);
    if (person === undefined) return;
    this.#people.set(joiner, { ...person, away });
    this.#tellPeople();
  }

  #tellPeople(): void {
    this.#update({ people: [...this.#people.values()] });
  }

  #fail(message: string): void {
    if (this.#over) return;
    this.#forget();
    this.#update({ failed: message, text: undefined, key: undefined, people: [] });
    this.#link.say({ type: "end", reason: relayEnding("failed") });
    this.#link.stop();
    this.#cancelTurn?.();
  }

  #update(change: Partial<ShowStatus>): void {
    this.#status = { ...this.#status, ...change };
    this.post({ type: "status", status: this.#status });
  }
}
