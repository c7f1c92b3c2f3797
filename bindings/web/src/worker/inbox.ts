// Messages that wait behind a packet whose planes are being decoded, in order and bounded.

/** More than the acknowledgements ever let through: two updates, each as large as a whole picture. */
const MOST_BYTES = 64 << 20;
const MOST_MESSAGES = 1024;

export class Inbox {
  #messages: Uint8Array[] = [];
  #bytes = 0;

  /** Takes a message, or says that there is no room for it. */
  put(message: Uint8Array): boolean {
    if (this.#messages.length >= MOST_MESSAGES || this.#bytes + message.length > MOST_BYTES) return false;
    this.#messages.push(message);
    this.#bytes += message.length;
    return true;
  }

  /** The oldest message. */
  take(): Uint8Array | undefined {
    const message = this.#messages.shift();
    this.#bytes -= message?.length ?? 0;
    return message;
  }

  clear(): void {
    this.#messages = [];
    this.#bytes = 0;
  }
}
