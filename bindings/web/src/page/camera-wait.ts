// Waits at the relay until a phone has opened its link.

import { DEFAULT_TENANT, PROTOCOL_VERSION } from "../protocol.ts";
import { backoffMs } from "../worker/backoff.ts";
import type { Socket, Surroundings } from "../worker/link.ts";

export interface WaitEvents {
  /** The phone is there. */
  there(): void;
  /** The relay does not let this page wait. */
  refused(message: string): void;
}

export class CameraWait {
  #socket: Socket | undefined;
  #cancelTimer: (() => void) | undefined;
  #over = false;
  #attempt = 0;

  constructor(
    private readonly around: Surroundings,
    private readonly id: string,
    private readonly tenant: string,
    private readonly events: WaitEvents,
  ) {
    this.#connect();
  }

  stop(): void {
    this.#over = true;
    this.#cancelTimer?.();
    this.#socket?.close();
  }

  #connect(): void {
    if (this.#over) return;
    this.#attempt += 1;
    const { tenant } = this;
    const hello = { type: "hello", protocol: PROTOCOL_VERSION, ...(tenant !== DEFAULT_TENANT && { tenant }) };
    const watch = { type: "watch", door: { link: { id: this.id } } };
    const socket = this.around.connect({
      open: () => {
        socket.send(JSON.stringify(hello));
        socket.send(JSON.stringify(watch));
      },
      text: (text) => {
        if (!this.#over && socket === this.#socket) this.#hear(text);
      },
      binary: () => undefined,
      closed: () => {
        if (this.#over || socket !== this.#socket) return;
        this.#cancelTimer = this.around.after(backoffMs(this.#attempt, this.around.random()), () => this.#connect());
      },
    });
    this.#socket = socket;
  }

  #hear(text: string): void {
    let said: { type?: unknown; message?: unknown };
    try {
      said = JSON.parse(text) as typeof said;
    } catch {
      return;
    }
    switch (said.type) {
      case "available":
        this.stop();
        this.events.there();
        break;
      case "unavailable":
        this.#attempt = 1;
        break;
      case "refused":
        this.stop();
        this.events.refused(typeof said.message === "string" ? said.message.slice(0, 400) : "it does not say why");
        break;
    }
  }
}
