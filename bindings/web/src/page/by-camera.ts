// What the page says otherwise where a phone's camera was asked for by a link: there is no key, and no screen.

import type { Status } from "../messages.ts";
import type { EndReason, RefusalKind, StreamState } from "../protocol.ts";
import { NEW_KEY, type Action, type Description, type Notice } from "./description.ts";

interface Words {
  title: string;
  text: string;
}

const NEW_LINK = "Send a new link.";

const USED = { title: "This link was used already", text: `It works once. ${NEW_LINK}` };

const ENDINGS: Partial<Record<EndReason, Words>> = {
  "sharer-stopped": { title: "They stopped their camera", text: "The picture was cleared." },
  declined: { title: "They declined", text: `Nothing was shown. Talk to them before you send another link.` },
  "no-answer": { title: "They did not answer", text: `The question stood for two minutes. ${NEW_LINK}` },
  dismissed: { title: "They ended it", text: "The picture was cleared." },
  "source-ended": { title: "The camera is gone", text: `The phone has taken it back. This was the last picture. ${NEW_LINK}` },
  "source-failed": { title: "The camera cannot be shown any more", text: NEW_LINK },
  "wrong-key": USED,
  expired: { title: "This link is too old", text: NEW_LINK },
  spent: USED,
};

const REFUSALS: Partial<Record<RefusalKind, Words>> = {
  declined: ENDINGS.declined!,
  "wrong-key": USED,
  spent: USED,
  unavailable: { title: "The phone is not there any more", text: `Its page may have been closed. ${NEW_LINK}` },
};

const ASKED = {
  title: "Waiting for their answer…",
  text: "The phone asks them. The picture appears here as soon as they allow it.",
};

/** While a picture is still to be seen, and before there is one. */
const STATES: Partial<Record<StreamState, Words>> = {
  paused: { title: "They paused their camera", text: "The picture is hidden. It comes back when they go on." },
  stalled: { title: "The camera gives no picture", text: "The phone may be busy, or its page in the background. Ask them to look at it." },
  blocked: { title: "The phone lets nothing be seen", text: "Another app has the camera, or it was switched off. Ask them to look at the phone." },
};

/** `said` is what would be said of the same state if it were by a key. */
export function describeByCamera(status: Status, said: Description): Description {
  const { link, stream } = status;
  const over =
    link.phase === "ended" ? ENDINGS[link.reason] : link.phase === "refused" ? REFUSALS[link.refusal.kind] : undefined;
  if (over !== undefined) {
    const actions: Action[] = status.picture === "none" ? ["new-link"] : ["new-link", "save"];
    const label = link.phase === "ended" ? "Ended" : "Refused";
    return { ...said, label, form: undefined, card: { ...over, actions, busy: false } };
  }
  if (link.phase === "knocking" && !status.sealed) {
    return { ...said, card: said.card && { ...said.card, title: "Reaching the phone…", text: "The link was opened." } };
  }
  const there = (link.phase === "knocking" || link.phase === "joined") && !status.visitorLost;
  if (there && status.consent !== "allowed" && said.card !== undefined) return { ...said, card: { ...said.card, ...ASKED } };
  const state = stream === undefined || !there ? undefined : STATES[stream.state];
  return { ...said, card: of(said.card, state), banner: of(said.banner, state) };
}

function of(notice: Notice | undefined, words: Words | undefined): Notice | undefined {
  if (notice === undefined) return undefined;
  const actions = notice.actions.map((action): Action => (action === "new-key" ? "new-link" : action));
  const { title, text } = words ?? notice;
  const plain = (said: string): string =>
    said.replace(NEW_KEY, NEW_LINK).replace(/visitor's (app|screen)/, "phone's camera").replace(/\b[Tt]he visitor's connection/, "The phone's connection");
  return { ...notice, actions, title: plain(title), text: plain(text) };
}
