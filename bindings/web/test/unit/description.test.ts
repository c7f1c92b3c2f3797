import assert from "node:assert/strict";
import { test } from "node:test";
import { NO_SESSION, type Link, type Status } from "../../src/messages.ts";
import { agoText, bytesText, describe, rateText } from "../../src/page/description.ts";
import { END_REASONS, type RefusalKind, type StreamState } from "../../src/protocol.ts";

const NOW = 1_000_000;

const status = (link: Link, change: Partial<Status> = {}): Status => ({
  ...NO_SESSION,
  link,
  ...change,
});
const joined = (change: Partial<Status> = {}): Status => status({ phase: "joined" }, { sealed: true, consent: "allowed", ...change });
const stream = (state: StreamState): Status["stream"] => ({ state, source: "Screen 1" });
const told = (s: Status) => describe(s, NOW);

test("without a key the page asks for one", () => {
  const { form, card, banner, label } = told(status({ phase: "off" }));
  assert.deepEqual(
    { form, card, banner, label },
    { form: { error: undefined }, card: undefined, banner: undefined, label: "Not connected" },
  );
});

test("before the first picture the page says what it waits for", () => {
  const titles = [
    status({ phase: "knocking" }),
    joined({ consent: "asked" }),
    joined({ stream: stream("live") }),
    joined({ stream: stream("paused") }),
    joined({ stream: stream("stalled") }),
    joined({ stream: stream("blocked") }),
    joined({ stream: stream("secure") }),
    joined({ visitorLost: true }),
  ].map((s) => told(s).card?.title);
  assert.deepEqual(titles, [
    "Checking the key…",
    "Waiting for the visitor's answer…",
    "Receiving the first picture…",
    "The visitor paused",
    "The visitor's screen does not answer",
    "The visitor's device lets nothing be captured",
    "What is on the visitor's screen must not be captured",
    "The visitor's connection was cut",
  ]);
});

test("a picture that follows the screen is not covered and not dimmed", () => {
  for (const [state, label] of [
    ["live", "Live"],
    ["idle", "Live, unchanged"],
  ] as const) {
    const said = told(joined({ picture: "current", stream: stream(state) }));
    assert.deepEqual(
      [said.label, said.dim, said.card, said.banner, said.tone],
      [label, false, undefined, undefined, "good"],
    );
  }
});

test("a picture that does not follow the screen says so", () => {
  const cases: [Status, string][] = [
    [joined({ picture: "current", stream: stream("live"), resting: true }), "Paused by you"],
    [joined({ picture: "current", stream: stream("blocked") }), "Blocked"],
    [joined({ picture: "current", stream: stream("stalled") }), "Stalled"],
    [joined({ picture: "current", stream: stream("live"), visitorLost: true }), "Visitor lost"],
    [joined({ picture: "stale", stream: stream("live") }), "Refreshing"],
    [joined({ picture: "current", stream: stream("idle"), resyncing: true }), "Refreshing"],
    [
      status({ phase: "retrying", attempt: 1, at: NOW, joinedBefore: true }, { picture: "stale" }),
      "Reconnecting",
    ],
  ];
  for (const [s, label] of cases) {
    const said = told(s);
    assert.equal(said.label, label);
    assert.ok(said.dim, label);
    assert.notEqual(said.tone, "good", label);
  }
});

test("a picture that the visitor hides is not offered dimmed", () => {
  for (const state of ["paused", "secure"] as const) {
    const said = told(joined({ picture: "current", stream: stream(state), blanked: true }));
    assert.deepEqual([said.banner, said.dim, said.card?.busy], [undefined, false, false]);
  }
});

test("a cut is told apart from a relay that was never reached, and counts down", () => {
  const link = { phase: "retrying", attempt: 3, at: NOW + 2400, joinedBefore: false } as const;
  const never = told(status(link));
  assert.equal(never.card?.title, "The relay cannot be reached");
  assert.equal(never.card?.text, "Next attempt in 3 s.");
  const cut = told(status({ ...link, joinedBefore: true }, { picture: "stale" }));
  assert.equal(cut.banner?.title, "Connection lost");
  assert.deepEqual(cut.banner?.actions, ["reconnect"]);
  assert.equal(told(status({ ...link, at: NOW - 1 })).card?.text, "Trying again…");
});

test("a wrong key leads back to the form", () => {
  const refused = (kind: RefusalKind) =>
    told(status({ phase: "refused", refusal: { kind, message: "the room is full" } }));
  assert.match(refused("wrong-key").form?.error ?? "", /does not work/);
  assert.match(refused("too-many-tries").form?.error ?? "", /Wait ten minutes/);
  for (const reason of ["wrong-key", "expired", "spent"] as const)
    assert.match(told(status({ phase: "ended", reason })).form?.error ?? "", /new key/);
  assert.equal(refused("full").form, undefined);
  assert.equal(refused("full").card?.text, "The room is full.");
});

test("each end has its own words, and offers the last picture only where it was kept", () => {
  const reasons = END_REASONS.filter((r) => !["wrong-key", "expired", "spent"].includes(r));
  const titles = reasons.map((reason) => told(status({ phase: "ended", reason })).card?.title);
  assert.equal(new Set(titles).size, reasons.length);
  const ended = { phase: "ended", reason: "source-ended" } as const;
  assert.deepEqual(told(status(ended, { picture: "stale" })).card?.actions, ["new-key", "save"]);
  assert.deepEqual(told(status(ended)).card?.actions, ["new-key"]);
});

test("a failure says what happened and offers a way on", () => {
  const { card } = told(status({ phase: "failed", message: "It broke." }));
  assert.equal(card?.text, "It broke.");
  assert.deepEqual(card?.actions, ["reload", "new-key"]);
});

test("times and amounts read well", () => {
  assert.deepEqual([0, 999, 1000, 59_999, 60_000, 3_599_000, 3_660_000, -5].map(agoText), [
    "just now",
    "just now",
    "1 s ago",
    "59 s ago",
    "1 min 0 s ago",
    "59 min 59 s ago",
    "1 h 1 min ago",
    "just now",
  ]);
  assert.deepEqual([0, 1.234, 512.4, 25_600].map(rateText), [
    "0 kbit/s",
    "1.2 kbit/s",
    "512 kbit/s",
    "25.6 Mbit/s",
  ]);
  assert.deepEqual([0, 999, 1500, 2_500_000, 7.25e9].map(bytesText), [
    "0 B",
    "999 B",
    "1.5 kB",
    "2.5 MB",
    "7.25 GB",
  ]);
});

test("where a visitor was asked with a pass nobody is told of keys", () => {
  const asked = (link: Link, change: Partial<Status> = {}): Status => status(link, { way: "visitor", ...change });
  const all = [
    ...END_REASONS.map((reason) => asked({ phase: "ended", reason })),
    ...(["wrong-key", "full", "version", "bad-message", "too-many-tries", "declined", "unavailable", "not-allowed"] as const).map(
      (kind) => asked({ phase: "refused", refusal: { kind, message: "no" } }),
    ),
    asked({ phase: "connecting", attempt: 1 }),
    asked({ phase: "knocking" }),
    asked({ phase: "joined" }, { sealed: true, consent: "asked", askedAt: NOW }),
    asked({ phase: "retrying", attempt: 1, at: NOW, joinedBefore: false }),
    asked({ phase: "failed", message: "no" }),
  ];
  for (const s of all) {
    const { form, card, banner } = told(s);
    assert.equal(form, undefined);
    const text = JSON.stringify([card, banner]);
    assert.doesNotMatch(text, /\bkey/i);
    assert.ok((card?.actions.length ?? 0) > 0, text);
  }
});

test("the agent sees how long the visitor may take", () => {
  const waits = (ago: number): string | undefined =>
    told(status({ phase: "joined" }, { way: "visitor", sealed: true, consent: "asked", askedAt: NOW - ago })).card?.text;
  assert.match(waits(0) ?? "", /2:00 left/);
  assert.match(waits(55_500) ?? "", /1:05 left/);
  assert.match(waits(500_000) ?? "", /0:00 left/);
});
