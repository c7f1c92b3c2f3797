// A relay that says what the test wants, where no real one would: hostile streams, states, refusals.

import { createServer, type Server } from "node:http";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { WebSocketServer, type WebSocket } from "ws";
import { Cleanup, pageFolder } from "./harness.ts";
import { Sharer } from "./host.ts";

const TYPES: Record<string, string> = {
  html: "text/html; charset=utf-8",
  js: "text/javascript; charset=utf-8",
  css: "text/css; charset=utf-8",
  svg: "image/svg+xml",
  wasm: "application/wasm",
};

// As the real relay sends it: a page that breaks it must not pass here.
const POLICY =
  "default-src 'self'; script-src 'self' 'wasm-unsafe-eval'; connect-src 'self' ws: wss:; worker-src 'self'; " +
  "img-src 'self' blob: data:; style-src 'self'; base-uri 'none'; frame-ancestors 'none'";

export interface Said {
  /** `hello` when pictures may begin, `resync`, `ack`. */
  type: "hello" | "resync" | "ack";
  sequence?: number;
}

const STATES = ["live", "idle", "paused", "stalled", "blocked", "secure"];
const ENDS: Record<string, number> = { "sharer-stopped": 0, "source-ended": 5 };

/** One agent's connection, and the sharing end behind it. */
export class Peer {
  readonly said: Said[] = [];
  /** It had a packet that starts over. */
  follows = false;

  constructor(
    private readonly socket: WebSocket,
    private readonly sharer: Sharer,
    readonly viewer: number,
  ) {}

  /** The relay's word, in clear. */
  say(message: object): void {
    this.text(JSON.stringify(message));
  }

  text(text: string): void {
    this.socket.send(text);
  }

  /** What is sealed for it. */
  sealed(bytes: Uint8Array): void {
    this.socket.send(bytes);
  }

  state(state: string): void {
    this.sharer.tell("t", 0, Buffer.concat([Buffer.from([STATES.indexOf(state)]), Buffer.from("Test clip")]));
  }

  end(reason: string): void {
    this.sharer.tell("e", 0, Buffer.from([ENDS[reason]!]));
  }

  /** Bytes of the stream: a packet of their own, which starts over where they begin with the stream header. */
  bytes(bytes: Uint8Array): void {
    const startsOver = Buffer.from(bytes.subarray(0, 4)).toString("latin1") === "PCST";
    this.sharer.tell(startsOver ? "p" : "s", startsOver ? this.viewer : 0, bytes);
  }

  close(): void {
    this.socket.terminate();
  }

  count(type: string): number {
    return this.said.filter((s) => s.type === type).length;
  }
}

export class StandIn {
  readonly peers: Peer[] = [];

  private constructor(
    private readonly server: Server,
    private readonly sockets: WebSocketServer,
    readonly url: string,
    readonly sharer: Sharer,
    /** As the visitor's app shows it. */
    readonly key: string,
    private readonly cleanup: Cleanup,
  ) {}

  /** The link with the key in its fragment. */
  get link(): string {
    return `${this.url}#${this.key.replaceAll(" ", "")}`;
  }

  /** Listens on a free port; `answer` is called with what each agent says within the seal. */
  static async start(answer: (peer: Peer, said: Said) => void): Promise<StandIn> {
    const folder = pageFolder();
    const server = createServer((request, response) => {
      const name = (request.url ?? "/").replace(/^\/|\?.*$/g, "") || "index.html";
      const type = TYPES[name.split(".").pop() ?? ""];
      if (name === "links.json") {
        // As a relay without a service that sends links.
        response.writeHead(200, { "content-type": "application/json" }).end(JSON.stringify({ url: null }));
        return;
      }
      const file =
        /^[\w.-]+$/.test(name) && type !== undefined
          ? readFile(join(folder, name))
          : Promise.reject(new Error(name));
      file.then(
        (bytes) =>
          response
            .writeHead(200, {
              "content-type": type,
              "content-security-policy": POLICY,
              "cache-control": "no-cache",
            })
            .end(bytes),
        () => response.writeHead(404).end(),
      );
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", ready));
    const address = server.address();
    if (address === null || typeof address === "string") throw new Error("no port");
    const sockets = new WebSocketServer({ server, path: "/ws/join" });
    const cleanup = new Cleanup();
    const sharer = new Sharer(cleanup);
    const door = Buffer.alloc(4);
    door.writeUInt32LE(4829);
    sharer.tell("k", 0, door.subarray(0, 2));
    const key = await sharer.tells("K");
    const standIn = new StandIn(server, sockets, `http://127.0.0.1:${address.port}/`, sharer, key, cleanup);
    const peerOf = (viewer: number): Peer | undefined => standIn.peers.findLast((p) => p.viewer === viewer);
    sharer.on("told", ({ letter, viewer, payload }) => {
      const peer = peerOf(viewer);
      const says = (said: Said): void => {
        peer?.said.push(said);
        if (peer !== undefined) answer(peer, said);
      };
      switch (letter) {
        case "S":
          if (peer !== undefined && payload[0] === 2) peer.follows = true;
          for (const p of viewer === 0 ? standIn.peers.filter((p) => p.follows) : [peer])
            p?.sealed(payload.subarray(1));
          break;
        case "A":
          peer?.say({ type: "joined", room: "r", joiner: viewer, token: "t" });
          break;
        case "Q":
          sharer.tell("a", viewer, "Test clip");
          break;
        case "J":
          says({ type: peer?.said.length === 0 ? "hello" : "resync" });
          break;
        case "R":
          says({ type: "hello" });
          break;
        case "P":
          says({ type: "ack", sequence: Number(payload.readBigUInt64LE(0)) });
          break;
      }
    });
    let viewers = 0;
    sockets.on("connection", (socket, request) => {
      let peer: Peer | undefined;
      const message = (data: unknown, binary: boolean): void => {
        if (binary) {
          if (peer !== undefined) sharer.tell("r", peer.viewer, data as Buffer);
          return;
        }
        const { type, resume } = JSON.parse(String(data)) as { type: string; resume?: { joiner: number } };
        if (type === "ping") {
          peer?.say({ type: "pong" });
          return;
        }
        peer = new Peer(socket, sharer, resume?.joiner ?? ++viewers);
        standIn.peers.push(peer);
        if (resume === undefined) sharer.tell("c", peer.viewer, door);
        else {
          sharer.tell("b", peer.viewer);
          peer.say({ type: "joined", room: "r", joiner: peer.viewer, token: "t" });
        }
      };
      socket.on("message", message);
      for (const entry of (request.headers["sec-websocket-protocol"] ?? "").split(", ")) {
        const [name, text = ""] = entry.split(".");
        if (name === "hello" || name === "proof") message(Buffer.from(text, "base64url"), name === "proof");
      }
    });
    return standIn;
  }

  get peer(): Peer {
    const last = this.peers.at(-1);
    if (last === undefined) throw new Error("no agent has come yet");
    return last;
  }

  async stop(): Promise<void> {
    for (const socket of this.sockets.clients) socket.terminate();
    this.sockets.close();
    this.server.closeAllConnections();
    await new Promise((closed) => this.server.close(closed));
    await this.cleanup.run();
  }
}
