import assert from "node:assert/strict";
import { test } from "node:test";
import { fieldsOfFragment } from "../../src/page/fragment.ts";

test("a link names visitors, a tenant and a token", () => {
  assert.deepEqual(fieldsOfFragment("#visitor=47%2011&visitor=+b+&token=eyJ.a.b&visitor="), {
    visitors: ["47 11", "b"],
    tenant: undefined,
    token: "eyJ.a.b",
  });
  assert.deepEqual(fieldsOfFragment("#tenant=shop"), { visitors: [], tenant: "shop", token: undefined });
});

test("a key is none", () => {
  for (const hash of ["", "#", "#482913507", "#482 913 507", "#visitors"]) assert.equal(fieldsOfFragment(hash), undefined);
});
