// What a link of a help desk may bring behind the `#`, which browsers never send to a server:
// `#visitor=4711&visitor=4712&tenant=shop&token=eyJ…`.

export interface Fields {
  visitors: string[];
  tenant: string | undefined;
  token: string | undefined;
}

const NAMES = ["visitor", "tenant", "token"];

/** The fields of a fragment; undefined if it has none, as one that is a key. */
export function fieldsOfFragment(hash: string): Fields | undefined {
  const given = new URLSearchParams(hash.replace(/^#/, ""));
  if (!NAMES.some((name) => given.has(name))) return undefined;
  const visitors = given.getAll("visitor").map((visitor) => visitor.trim()).filter((visitor) => visitor !== "");
  return { visitors, tenant: given.get("tenant") ?? undefined, token: given.get("token") ?? undefined };
}
