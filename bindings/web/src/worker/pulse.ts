// Notices a line that went dead without closing: a relay that says nothing for a while is asked whether it is there.

/** So long nothing may come before the relay is asked. */
export const ASK_AFTER_MS = 5_000;

/** So long its answer may take. */
export const ANSWER_WITHIN_MS = 6_000;

/**
 * An answer waits behind what is already on a thin line, so whoever was given up on and comes back is given twice as long,
 * so many times at most.
 */
const MOST_DOUBLINGS = 3;

/** A connection that held so long is as good as any. */
const STEADY_MS = 60_000;

/** What a pulse is about. */
export interface Heart {
  /** Asks for an answer. */
  ask(): void;
  /** Bytes that wait to be sent: while they go out, somebody takes them. */
  waiting(): number;
  /** Nobody is there. */
  silent(): void;
}

interface Clock {
  after(ms: number, run: () => void): () => void;
  now(): number;
}

export class Pulse {
  #heart: Heart | undefined;
  #cancel: (() => void) | undefined;
  #heardAt = 0;
  /** It was asked and has not answered. */
  #asks = false;
  #beganAt = 0;
  #silences = 0;

  constructor(private readonly clock: Clock) {}

  /** A connection stands. */
  begin(heart: Heart): void {
    this.end();
    this.#heart = heart;
    this.#beganAt = this.#heardAt = this.clock.now();
    this.#listen();
  }

  /** Something came. */
  heard(): void {
    this.#heardAt = this.clock.now();
    if (this.#asks) this.#listen();
  }

  /** The connection is gone, or somebody else's. */
  end(): void {
    this.#cancel?.();
    this.#cancel = undefined;
    this.#asks = false;
    this.#heart = undefined;
  }

  #listen(): void {
    this.#cancel?.();
    this.#asks = false;
    const ms = Math.max(0, this.#heardAt + ASK_AFTER_MS - this.clock.now());
    this.#cancel = this.clock.after(ms, () => {
      if (this.clock.now() - this.#heardAt < ASK_AFTER_MS) this.#listen();
      else this.#ask();
    });
  }

  #ask(): void {
    const heart = this.#heart;
    if (heart === undefined) return;
    heart.ask();
    const asked = heart.waiting();
    this.#asks = true;
    const steady = this.clock.now() - this.#beganAt >= STEADY_MS;
    const doublings = steady ? 0 : Math.min(this.#silences, MOST_DOUBLINGS);
    this.#cancel = this.clock.after(ANSWER_WITHIN_MS * 2 ** doublings, () => {
      if (heart.waiting() < asked) this.#ask();
      else {
        this.#silences = steady ? 1 : this.#silences + 1;
        this.end();
        heart.silent();
      }
    });
  }
}
