import assert from "node:assert/strict";
import { test } from "node:test";
import { isTenantName, tenantOfQuery, tenantQuery } from "../../src/page/tenant.ts";

test("a link carries a tenant's name in one form, as the other programs write it", () => {
  for (const [name, query] of [
    ["default", ""],
    ["shop", "?tenant=shop"],
    ["Shop-1_a.b~c", "?tenant=Shop-1_a.b~c"],
    ["a&b=c#d?e/f%g", "?tenant=a%26b%3Dc%23d%3Fe%2Ff%25g"],
    ["zwei Läden+1", "?tenant=zwei%20L%C3%A4den%2B1"],
    [`'(!*)"<>`, "?tenant=%27%28%21%2A%29%22%3C%3E"],
  ] as const) {
    assert.equal(tenantQuery(name), query);
    assert.equal(tenantOfQuery(query), name);
  }
  assert.equal(tenantOfQuery("?codecs=vp8"), "default");
  assert.equal(tenantOfQuery("?codecs=vp8&tenant=a+b"), "a b");
});

test("names that no tenant has lead nowhere", () => {
  const long = "x".repeat(256);
  for (const bad of ["?tenant=", "?tenant=a&tenant=b", "?tenant=%ff", "?tenant=a%00b", "?tenant=a%0Ab", "?tenant=%C2%85", `?tenant=${long}`]) {
    assert.equal(tenantOfQuery(bad), undefined, bad);
  }
  assert.ok(isTenantName("é".repeat(127)) && !isTenantName("é".repeat(128)));
});
