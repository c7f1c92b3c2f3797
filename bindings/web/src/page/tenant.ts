// A tenant's name in a link's query, as protocol/src/tenant.rs has it: `?tenant=NAME` where it is not the default one.

import { DEFAULT_TENANT } from "../protocol.ts";

/** Most bytes of a tenant's name. */
const MOST_BYTES = 255;

export function isTenantName(name: string): boolean {
  const { length } = new TextEncoder().encode(name);
  return length >= 1 && length <= MOST_BYTES && !/\p{Cc}/u.test(name);
}

/** The tenant that an address leads to, by its query; undefined if it names none that can be, or two. */
export function tenantOfQuery(search: string): string | undefined {
  const named = new URLSearchParams(search).getAll("tenant");
  if (named.length > 1) return undefined;
  const name = named[0] ?? DEFAULT_TENANT;
  // What was no UTF-8 has become this character.
  return isTenantName(name) && !name.includes("\ufffd") ? name : undefined;
}

/** The query of a link into a tenant; one name has one form. */
export function tenantQuery(tenant: string): string {
  if (tenant === DEFAULT_TENANT) return "";
  const hex = (c: string): string => `%${c.charCodeAt(0).toString(16).toUpperCase()}`;
  return `?tenant=${encodeURIComponent(tenant).replace(/[!'()*]/g, hex)}`;
}
