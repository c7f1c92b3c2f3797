// The key as people type it: nine digits in groups of three, with any spacing. What it means is the business of the
// WebAssembly core; the page only keeps obvious slips from being sent.

const LENGTH = 9;
const GROUP = 3;

/** The key in its written form, `482 913 507`; undefined if the text is none. */
export function parseKey(text: string): string | undefined {
  let digits = "";
  for (const c of text.trim()) {
    if (/^[\s\-\u2010-\u2015_./,]$/u.test(c)) continue;
    const digit = digitOf(c);
    if (digit === "") return undefined;
    digits += digit;
  }
  return digits.length === LENGTH ? written(digits) : undefined;
}

/** What a text field shows while a key is being typed: what is recognised so far, in groups. */
export function formatPartialKey(text: string): string {
  return written(Array.from(text, digitOf).join("").slice(0, LENGTH));
}

/** The key in a URL's fragment (`#482913507`); undefined if there is none. */
export function keyOfFragment(hash: string): string | undefined {
  const text = hash.replace(/^#/, "");
  try {
    return parseKey(decodeURIComponent(text));
  } catch {
    return parseKey(text);
  }
}

/** Keyboards of East Asia write digits at full width. */
function digitOf(c: string): string {
  const plain = c.normalize("NFKC");
  return /^[0-9]$/.test(plain) ? plain : "";
}

function written(digits: string): string {
  return (digits.match(new RegExp(`\\d{1,${GROUP}}`, "g")) ?? []).join(" ");
}
