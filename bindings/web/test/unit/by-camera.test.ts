import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_SESSION, type Status } from "../../src/messages.ts";
import { describe } from "../../src/page/description.ts";
import { END_REASONS, STATES, type RefusalKind } from "../../src/protocol.ts";

const NOW = 1_700_000_000_000;
const CAMERA: Status = { ...NO_SESSION, way: "link", link: { phase: "joined" }, sealed: true, consent: "allowed" };

/** All that a person reads. */
function words(status: Status): string {
  const { card, banner, form } = describe(status, NOW);
  return [card?.title, card?.text, banner?.title, banner?.text, form?.error, ...(card?.actions ?? [])].filter(Boolean).join(" | ");
}

test("of a camera nothing is said about keys or screens", () => {
  const links: Status["link"][] = [
    { phase: "connecting", attempt: 1 },
    { phase: "knocking" },
    { phase: "joined" },
    { phase: "retrying", attempt: 2, at: NOW, joinedBefore: true },
    ...END_REASONS.map((reason) => ({ phase: "ended" as const, reason })),
    ...(["wrong-key", "unavailable", "spent", "declined", "full", "not-allowed"] as RefusalKind[]).map((kind) => ({
      phase: "refused" as const,
      refusal: { kind, message: "it says so" },
    })),
  ];
  const states = [undefined, ...STATES.map((state) => ({ state, source: "Camera" }))];
  for (const link of links) {
    for (const stream of states) {
      for (const picture of ["none", "current"] as const) {
        for (const [consent, sealed] of [["none", false], ["asked", true], ["allowed", true]] as const) {
          const said = words({ ...CAMERA, link, stream, picture, consent, sealed });
          assert.doesNotMatch(said, /\bkey\b|new-key|screen\b/, `${JSON.stringify({ link, stream, picture, consent })}: ${said}`);
        }
      }
    }
  }
});

test("a camera that stalls or is taken away is told as that", () => {
  for (const picture of ["none", "current"] as const) {
    const told = (state: "stalled" | "blocked"): string =>
      words({ ...CAMERA, picture, stream: { state, source: "Camera" } });
    assert.match(told("stalled"), /The camera gives no picture/);
    assert.match(told("blocked"), /The phone lets nothing be seen/);
  }
  assert.match(words({ ...CAMERA, link: { phase: "refused", refusal: { kind: "spent", message: "" } } }), /used already/);
});
