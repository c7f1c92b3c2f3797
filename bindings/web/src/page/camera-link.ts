// A camera's link: drawn here, known to nobody but this page, whoever sends it, and the phone.

import { DEFAULT_TENANT } from "../protocol.ts";

/** How long the phone has to open it. */
export const LINK_LASTS_MS = 30 * 60 * 1000;

export interface CameraLink {
  /** What stands behind the `#`. */
  text: string;
  /** What the relay knows its door by. */
  id: string;
}

/** Crockford's base 32, as docs/sealing.md has it. */
const LETTERS = "0123456789abcdefghjkmnpqrstvwxyz";

export function linkText(bytes: Uint8Array): string {
  let [text, held, bits] = ["", 0, 0];
  for (const byte of bytes) {
    held = ((held << 8) | byte) & 0xfff;
    bits += 8;
    while (bits >= 5) {
      bits -= 5;
      text += LETTERS[(held >> bits) & 31];
    }
  }
  return bits > 0 ? text + LETTERS[(held << (5 - bits)) & 31] : text;
}

/** The id of a link's door: 16 bytes of HKDF-SHA-256 without salt, in hex. */
export async function doorId(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  const key = await crypto.subtle.importKey("raw", bytes, "HKDF", false, ["deriveBits"]);
  const info = new TextEncoder().encode("panecast link door");
  const how = { name: "HKDF", hash: "SHA-256", salt: new Uint8Array(0), info };
  const bits = new Uint8Array(await crypto.subtle.deriveBits(how, key, 128));
  return Array.from(bits, (b) => b.toString(16).padStart(2, "0")).join("");
}

export async function drawLink(): Promise<CameraLink> {
  const bytes = crypto.getRandomValues(new Uint8Array(16));
  return { text: linkText(bytes), id: await doorId(bytes) };
}

/** A number as E.164 writes it; undefined if it is none. */
export function phoneNumber(text: string): string | undefined {
  if (text.includes("(0)")) return undefined;
  const plain = text.trim().replace(/[\s\-./()]/g, "");
  return /^\+[1-9]\d{6,14}$/.test(plain) ? plain : undefined;
}

/** What a service that sends links is told and answers. */
export interface Asked {
  to: string;
  url: string;
  tenant: string;
  name: string;
  token: string | undefined;
}

export type Answer = { sent: true } | { sent: false; field: "phone" | "token" | "none"; message: string };

/** Has the service send a link; says what to do where it does not. */
export async function sendLink(service: string, asked: Asked): Promise<Answer> {
  const { to, url, tenant, name, token } = asked;
  let response: Response;
  try {
    response = await fetch(new URL("/links", service), {
      method: "POST",
      headers: { "Content-Type": "application/json", ...(token !== undefined && { Authorization: `Bearer ${token}` }) },
      body: JSON.stringify({ to, url, name, ...(tenant !== DEFAULT_TENANT && { tenant }) }),
      referrerPolicy: "no-referrer",
      credentials: "omit",
    });
  } catch {
    const message = "The service that sends links cannot be reached. Try again, or copy the link and send it yourself.";
    return { sent: false, field: "none", message };
  }
  if (response.ok) return { sent: true };
  const said = (await response.json().catch(() => ({}))) as { kind?: unknown };
  const because = (field: "phone" | "token" | "none", message: string): Answer => ({ sent: false, field, message });
  switch (said.kind) {
    case "bad-number":
    case "refused":
      return because("phone", "This number takes no messages. Check it: it begins with + and the country.");
    case "too-many":
      return because("phone", "Too many links went to this number, or from you. Wait an hour, or copy the link and send it yourself.");
    case "not-allowed":
      return because("token", "The service does not know you: give a valid token.");
    default:
      return because("none", "The link could not be sent. Try again, or copy the link and send it yourself.");
  }
}
