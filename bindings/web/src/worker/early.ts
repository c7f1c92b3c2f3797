// First messages that go along with the request for a WebSocket, as entries of its sub-protocols: a round trip less.
// Browsers give up on a connection whose answer names no sub-protocol, so where something on the way keeps them out the
// messages go by the usual way.

/** The sub-protocol of all WebSockets of a relay. */
export const SUBPROTOCOL = "panecast";

/** Most bytes of all entries together. */
export const MOST_EARLY_BYTES = 4096;

/** First messages, as many as fit: what does not is left to be sent. */
export interface Early {
  protocols: string[];
  hello: boolean;
  proof: boolean;
}

export const NOTHING_EARLY: Early = { protocols: [], hello: false, proof: false };

export function early(hello: string, proof?: Uint8Array): Early {
  const protocols = [SUBPROTOCOL];
  let bytes = SUBPROTOCOL.length;
  const put = (name: string, message: Uint8Array): boolean => {
    const entry = `${name}.${base64url(message)}`;
    if (bytes + 2 + entry.length > MOST_EARLY_BYTES) return false;
    bytes += 2 + entry.length;
    protocols.push(entry);
    return true;
  };
  const withHello = put("hello", new TextEncoder().encode(hello));
  return { protocols, hello: withHello, proof: withHello && proof !== undefined && put("proof", proof) };
}

function base64url(bytes: Uint8Array): string {
  const text = btoa(String.fromCharCode(...bytes));
  return text.replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Whether the way to the relay lets sub-protocols pass. */
export class Way {
  #passes = false;
  #tried = false;

  /**
   * Whether attempt `attempt` (from 1) shall try: every other one until one has opened; then all but each fourth, as the
   * relay may be another by now.
   */
  tries(attempt: number): boolean {
    this.#tried = this.#passes ? attempt % 4 !== 0 : !this.#tried;
    return this.#tried;
  }

  /** The attempt has opened. */
  opened(): void {
    this.#passes ||= this.#tried;
  }
}
