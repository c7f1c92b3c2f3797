// The visitor's side of sealed sessions: the library's own sharing end as a process, behind the real relay or a stand-in.

import { spawn, type ChildProcess } from "node:child_process";
import { EventEmitter } from "node:events";
import { WebSocket } from "ws";
import { program, until, type Cleanup } from "./harness.ts";

/** What the sharing end tells, by its letter; see bindings/web/decoder/examples/host.rs. */
export interface Told {
  letter: string;
  viewer: number;
  payload: Buffer;
}

/** The sharing end. */
export class Sharer extends EventEmitter<{ told: [Told] }> {
  readonly told: Told[] = [];
  readonly #child: ChildProcess;
  #rest = Buffer.alloc(0);

  constructor(cleanup: Cleanup) {
    super();
    this.#child = spawn(program("PANECAST_WEB_HOST"), { stdio: ["pipe", "pipe", "inherit"] });
    this.#child.stdout?.on("data", (bytes: Buffer) => this.#read(bytes));
    // Its end is what a closed input means.
    this.#child.stdin?.on("error", () => undefined);
    cleanup.add(async () => this.#child.kill());
  }

  #read(bytes: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, bytes]);
    while (this.#rest.length >= 4 && this.#rest.length >= 4 + this.#rest.readUInt32LE(0)) {
      const frame = this.#rest.subarray(4, 4 + this.#rest.readUInt32LE(0));
      this.#rest = this.#rest.subarray(4 + frame.length);
      const told = {
        letter: String.fromCharCode(frame[0]!),
        viewer: frame.readUInt32LE(1),
        payload: Buffer.from(frame.subarray(5)),
      };
      this.told.push(told);
      this.emit("told", told);
    }
  }

  tell(letter: string, viewer = 0, payload: Uint8Array | string = ""): void {
    const body = Buffer.from(payload);
    const head = Buffer.alloc(9);
    head.writeUInt32LE(body.length + 5, 0);
    head.write(letter, 4, "latin1");
    head.writeUInt32LE(viewer, 5);
    this.#child.stdin?.write(Buffer.concat([head, body]));
  }

  all(letter: string): Told[] {
    return this.told.filter((t) => t.letter === letter);
  }

  /** Waits for something that it tells, and whose text fits. */
  async tells(letter: string, pattern = /^/): Promise<string> {
    return until(`${letter} ${pattern} from the sharing end`, () =>
      this.all(letter)
        .map((t) => t.payload.toString("utf8"))
        .find((text) => pattern.test(text)),
    );
  }
}

/** A visitor at a real relay, who answers when the test says so. */
export class Visitor {
  readonly sharer: Sharer;
  #socket: WebSocket | undefined;
  #room: { room: string; secret: string } | undefined;
  #over = false;
  key = "";

  private constructor(
    cleanup: Cleanup,
    private readonly url: string,
    private readonly stream: Buffer,
    private readonly allows: boolean | undefined,
  ) {
    this.sharer = new Sharer(cleanup);
    this.sharer.on("told", (told) => this.#told(told));
    cleanup.add(async () => {
      // Between two connections only a timer is there, and it would go on for ever.
      this.#over = true;
      this.#socket?.terminate();
    });
  }

  /** Opens a key. `allows`: the answer to whoever asks, undefined for none. */
  static async share(cleanup: Cleanup, url: string, stream: Buffer, allows?: boolean): Promise<Visitor> {
    const visitor = new Visitor(cleanup, url, stream, allows);
    await visitor.#connect();
    visitor.key = await visitor.sharer.tells("K");
    return visitor;
  }

  async #connect(): Promise<void> {
    if (this.#over) return;
    const socket = new WebSocket(this.url.replace("http:", "ws:") + "ws/host");
    this.#socket = socket;
    socket.on("message", (data, binary) => {
      if (binary) this.#bytes(data as Buffer);
      else this.#text(JSON.parse(String(data)) as Record<string, unknown>);
    });
    socket.on("close", () => {
      if (this.#over) return;
      this.sharer.tell("x");
      setTimeout(() => void this.#connect(), 200);
    });
    socket.on("error", () => undefined);
    socket.on("open", () => {
      const resume = this.#room && { resume: this.#room };
      this.#say({ type: "hello", protocol: 3, ...resume });
    });
  }

  #say(message: object): void {
    if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(JSON.stringify(message));
  }

  #text(m: Record<string, unknown>): void {
    const joiner = m["joiner"] as number;
    switch (m["type"]) {
      case "room":
        if (this.#room === undefined) this.#say({ type: "open", door: { key: {} } });
        this.#room = { room: m["room"] as string, secret: m["secret"] as string };
        break;
      case "opened": {
        const number = Buffer.alloc(2);
        number.writeUInt16LE(Number((m["door"] as { key: { number: string } }).key.number));
        this.sharer.tell("k", 0, number);
        break;
      }
      case "came":
        if (m["resumed"] === true) this.sharer.tell("b", joiner);
        else {
          const door = Buffer.alloc(4);
          door.writeUInt32LE(Number((m["door"] as { key: { number: string } }).key.number));
          this.sharer.tell("c", joiner, door);
        }
        break;
      case "left":
        this.sharer.tell("w", joiner);
        break;
    }
  }

  #bytes(bytes: Buffer): void {
    this.sharer.tell("r", bytes.readUInt32LE(0), bytes.subarray(4));
  }

  #told({ letter, viewer, payload }: Told): void {
    switch (letter) {
      case "S": {
        const parcel = Buffer.alloc(4);
        parcel.writeUInt32LE(viewer);
        if (this.#socket?.readyState === WebSocket.OPEN) this.#socket.send(Buffer.concat([parcel, payload]));
        break;
      }
      case "A":
        this.#say({ type: "admit", joiner: viewer });
        break;
      case "D":
        this.#say({ type: "dismiss", joiner: viewer, reason: "dismissed" });
        break;
      case "Q":
        if (this.allows === true) this.sharer.tell("a", viewer, "Test clip");
        else if (this.allows === false) this.sharer.tell("n", viewer);
        break;
      case "J":
      case "R":
        this.sharer.tell("t", 0, Buffer.from("\0Test clip"));
        this.sharer.tell("p", viewer, this.stream);
        break;
      case "E":
        this.#over = true;
        this.#say({ type: "end", reason: "host-stopped" });
        break;
    }
  }

  /** The picture's state, by its number. */
  state(code: number): void {
    this.sharer.tell("t", 0, Buffer.concat([Buffer.from([code]), Buffer.from("Test clip")]));
  }

  /** The visitor stops. */
  stop(): void {
    this.sharer.tell("e", 0, Buffer.from([0]));
  }
}
