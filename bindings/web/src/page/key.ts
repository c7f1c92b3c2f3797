// The key as people type it: any case, with or without the hyphen, O for 0, I and L for 1.

const SYMBOLS = "0123456789ABCDEFGHJKMNPQRSTVWXYZ";
const LENGTH = 8;
const HALF = LENGTH / 2;

/** The key in its written form, `KJ4P-7TWX`; undefined if the text is none. */
export function parseKey(text: string): string | undefined {
  const symbols = symbolsOf(text);
  return symbols?.length === LENGTH ? written(symbols) : undefined;
}

/** What a text field shows while a key is being typed: what is recognised so far, with the hyphen in its place. */
export function formatPartialKey(text: string): string {
  const kept = Array.from(text, symbolOf).join("").slice(0, LENGTH);
  return kept.length > HALF ? written(kept) : kept;
}

/** The key in a URL's fragment (`#KJ4P-7TWX`); undefined if there is none. */
export function keyOfFragment(hash: string): string | undefined {
  const text = hash.replace(/^#/, "");
  try {
    return parseKey(decodeURIComponent(text));
  } catch {
    return parseKey(text);
  }
}

function symbolsOf(text: string): string | undefined {
  let out = "";
  for (const c of text.trim()) {
    if (isSeparator(c)) continue;
    const symbol = symbolOf(c);
    if (symbol === "") return undefined;
    out += symbol;
  }
  return out;
}

function symbolOf(c: string): string {
  const upper = c.toUpperCase();
  if (upper === "O") return "0";
  if (upper === "I" || upper === "L") return "1";
  return SYMBOLS.includes(upper) ? upper : "";
}

function isSeparator(c: string): boolean {
  return /^[\s\-\u2010-\u2015_.]$/u.test(c);
}

function written(symbols: string): string {
  return `${symbols.slice(0, HALF)}-${symbols.slice(HALF)}`;
}
