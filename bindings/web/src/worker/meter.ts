// Figures of the stream: sums over a sliding window, and totals.

const WINDOW_MS = 2000;

interface Entry {
  at: number;
  bytes: number;
  updates: number;
  dirty: number;
  decodeMs: number;
  paintMs: number;
}

export interface Figures {
  fps: number;
  kbits: number;
  dirty: number;
  decodeMs: number;
  paintMs: number;
}

export class Meter {
  #entries: Entry[] = [];
  /** The last times measured, shown while nothing happens. */
  #decodeMs = 0;
  #paintMs = 0;

  /** Counts a message of `bytes` that took `decodeMs` to decode, at time `at`. */
  received(at: number, bytes: number, decodeMs: number): void {
    this.#entries.push({ at, bytes, updates: 0, dirty: 0, decodeMs, paintMs: 0 });
  }

  /** Counts an update that was painted. `dirty` is the share of the picture that changed. */
  painted(at: number, dirty: number, paintMs: number): void {
    this.#entries.push({ at, bytes: 0, updates: 1, dirty, decodeMs: 0, paintMs });
  }

  /** The figures of the last two seconds before `now`. */
  read(now: number): Figures {
    this.#entries = this.#entries.filter((e) => e.at > now - WINDOW_MS);
    let [bytes, messages, updates, dirty, decodeMs, paintMs] = [0, 0, 0, 0, 0, 0];
    for (const e of this.#entries) {
      bytes += e.bytes;
      messages += e.bytes > 0 ? 1 : 0;
      updates += e.updates;
      dirty += e.dirty;
      decodeMs += e.decodeMs;
      paintMs += e.paintMs;
    }
    if (messages > 0) this.#decodeMs = decodeMs / messages;
    if (updates > 0) this.#paintMs = paintMs / updates;
    return {
      fps: updates / (WINDOW_MS / 1000),
      kbits: (bytes * 8) / WINDOW_MS,
      dirty: updates > 0 ? dirty / updates : 0,
      decodeMs: this.#decodeMs,
      paintMs: this.#paintMs,
    };
  }
}
