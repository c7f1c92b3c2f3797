// A relay that says what the test wants, where no real one would: hostile streams, states, refusals.

import { createServer, type Server } from "node:http";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { WebSocketServer, type WebSocket } from "ws";
import { pageFolder } from "./harness.ts";

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
  type: string;
  key?: string;
  protocol?: number;
  sequence?: number;
}

/** One agent's connection. */
export class Peer {
  readonly said: Said[] = [];

  constructor(private readonly socket: WebSocket) {}

  say(message: object): void {
    this.socket.send(JSON.stringify(message));
  }

  text(text: string): void {
    this.socket.send(text);
  }

  bytes(bytes: Uint8Array): void {
    this.socket.send(bytes);
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
  ) {}

  /** Listens on a free port; `answer` is called with each message of an agent. */
  static async start(answer: (peer: Peer, said: Said) => void): Promise<StandIn> {
    const folder = pageFolder();
    const server = createServer((request, response) => {
      const name = (request.url ?? "/").replace(/^\/|\?.*$/g, "") || "index.html";
      const type = TYPES[name.split(".").pop() ?? ""];
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
    const sockets = new WebSocketServer({ server, path: "/ws/agent" });
    const standIn = new StandIn(server, sockets, `http://127.0.0.1:${address.port}/`);
    sockets.on("connection", (socket) => {
      const peer = new Peer(socket);
      standIn.peers.push(peer);
      socket.on("message", (data) => {
        const said = JSON.parse(String(data)) as Said;
        peer.said.push(said);
        answer(peer, said);
      });
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
  }
}
