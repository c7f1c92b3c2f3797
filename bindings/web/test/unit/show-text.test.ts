import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_SESSION, type Link, type Status } from "../../src/messages.ts";
import { seeText } from "../../src/page/see-text.ts";
import { showText } from "../../src/page/show-text.ts";
import { END_REASONS, STATES, type RefusalKind } from "../../src/protocol.ts";
import { NOT_SHOWN, type ShowStatus } from "../../src/sharer/messages.ts";

const REFUSALS: RefusalKind[] = ["wrong-key", "full", "version", "bad-message", "too-many-tries", "declined", "unavailable", "not-allowed"];
const person = (joiner: number, away = false) => ({ joiner, who: "Bo", away });
const shown = (change: Partial<ShowStatus>) => showText({ ...NOT_SHOWN, ...change }, true, 1000);
const seen = (change: Partial<Status>, withKey = false) => seeText({ ...NO_SESSION, ...change }, withKey, 1000);

test("before anything is chosen there is the form alone", () => {
  const text = showText(NOT_SHOWN, false, 0);
  assert.deepEqual([text.live, text.card, text.banner, text.label], [false, undefined, undefined, ""]);
});

test("who shows is told how many see it", () => {
  const link = { phase: "open" } as const;
  assert.equal(shown({ link }).label, "Waiting for somebody");
  assert.equal(shown({ link, people: [person(1)] }).label, "Shown to 1 person");
  assert.equal(shown({ link, people: [person(1), person(2), person(3, true)] }).label, "Shown to 2 people");
  assert.equal(shown({ link, people: [person(1)], paused: true }).label, "Paused");
});

test("whatever ends a show has a title and says what to do", () => {
  for (const ended of END_REASONS) {
    const { live, card } = shown({ ended });
    assert.ok(!live && card !== undefined && card.title !== "" && card.text !== "", ended);
  }
  for (const kind of REFUSALS) {
    const { live, card } = shown({ link: { phase: "refused", refusal: { kind, message: "no" } } });
    assert.ok(!live && card !== undefined && card.text !== "", kind);
  }
  assert.match(shown({ failed: "It broke." }).card?.text ?? "", /It broke\. Try again/);
  const retrying = { phase: "retrying", attempt: 1, at: 3500 } as const;
  assert.match(shown({ link: { ...retrying, hadRoom: true } }).banner?.text ?? "", /in 3 s/);
  assert.match(shown({ link: { ...retrying, hadRoom: false } }).banner?.title ?? "", /cannot be reached/);
});

/** All statuses that somebody who is shown a screen may be in. */
function* statuses(): Generator<[string, Partial<Status>]> {
  const links: Link[] = [
    { phase: "off" },
    { phase: "connecting", attempt: 1 },
    { phase: "knocking" },
    { phase: "joined" },
    { phase: "retrying", attempt: 2, at: 2000, joinedBefore: true },
    { phase: "retrying", attempt: 2, at: 0, joinedBefore: false },
    { phase: "failed", message: "Reload the page." },
    ...END_REASONS.map((reason): Link => ({ phase: "ended", reason })),
    ...REFUSALS.map((kind): Link => ({ phase: "refused", refusal: { kind, message: "no" } })),
  ];
  for (const link of links)
    for (const picture of ["none", "stale", "current"] as const)
      for (const consent of ["none", "asked", "allowed"] as const)
        for (const state of [undefined, ...STATES])
          for (const visitorLost of [false, true]) {
            const stream = state && { state, source: "Ada's screen" };
            const name = `${JSON.stringify(link)} ${picture} ${consent} ${state} ${visitorLost}`;
            yield [name, { link, picture, consent, stream, visitorLost, sealed: consent !== "none" }];
          }
}

test("who is shown a screen is never called an agent or a visitor, and always told something", () => {
  for (const withKey of [false, true])
    for (const [name, status] of statuses()) {
      const told = seen(status, withKey);
      const words = JSON.stringify(told);
      assert.doesNotMatch(words, /visitor|agent|undefined/i, name);
      const says = told.form !== undefined || told.card !== undefined || told.banner !== undefined || told.label !== "";
      assert.ok(says, name);
      assert.ok(told.card === undefined || told.card.text !== "", name);
      // Over a picture that is shown there is no card while the session goes on.
      if (status.link?.phase === "joined" && status.picture === "current" && status.consent === "allowed")
        assert.equal(told.card, undefined, name);
    }
});

test("a link that lets in nobody and a wrong key are told apart by what the link needs", () => {
  for (const link of [
    { phase: "ended", reason: "wrong-key" },
    { phase: "ended", reason: "spent" },
    { phase: "refused", refusal: { kind: "wrong-key", message: "" } },
    { phase: "refused", refusal: { kind: "unavailable", message: "" } },
  ] as Link[]) {
    assert.match(seen({ link }).form?.error ?? "", /^This link does not work.*new link\.$/);
    assert.match(seen({ link }, true).form?.error ?? "", /^This key does not work with this link/);
  }
});
