// What the page that shows a screen says about it: one place turns its state into words, and is tested without a browser.

import type { EndReason, RefusalKind } from "../protocol.ts";
import type { ShowStatus } from "../sharer/messages.ts";
import type { Tone } from "./description.ts";

export interface ShowText {
  tone: Tone;
  /** A word or two for the status; empty before anything is shown. */
  label: string;
  /** Something is shown, or about to be. */
  live: boolean;
  /** In the middle, once it is over. */
  card: { title: string; text: string } | undefined;
  /** Over the lower edge, while something is amiss. */
  banner: { title: string; text: string } | undefined;
}

export function showText(status: ShowStatus, begun: boolean, now: number): ShowText {
  const plain = { live: begun, card: undefined, banner: undefined };
  if (!begun) return { ...plain, tone: "none", label: "" };
  const { link, people, paused, ended, failed } = status;
  if (failed !== undefined) {
    const card = { title: "Your screen cannot be shown", text: `${failed} Try again; nothing is shown now.` };
    return { ...plain, live: false, tone: "bad", label: "Failed", card };
  }
  if (ended !== undefined) return { ...plain, live: false, tone: "none", label: "Ended", card: endedText(ended) };
  switch (link.phase) {
    case "refused":
      return { ...plain, live: false, tone: "bad", label: "Refused", card: refusedText(link.refusal.kind, link.refusal.message) };
    case "off":
    case "connecting":
      return { ...plain, tone: "busy", label: "Connecting" };
    case "retrying": {
      const seconds = Math.ceil((link.at - now) / 1000);
      const next = seconds > 0 ? `Next attempt in ${seconds} s.` : "Trying again…";
      const banner = link.hadRoom
        ? { title: "Connection lost", text: `Others see the last picture. ${next}` }
        : { title: "The relay cannot be reached", text: next };
      return { ...plain, tone: "warn", label: link.hadRoom ? "Reconnecting" : "No relay", banner };
    }
    case "open": {
      if (paused) return { ...plain, tone: "calm", label: "Paused" };
      const there = people.filter((person) => !person.away).length;
      if (there === 0) return { ...plain, tone: "busy", label: "Waiting for somebody" };
      return { ...plain, tone: "good", label: there === 1 ? "Shown to 1 person" : `Shown to ${there} people` };
    }
  }
}

function endedText(reason: EndReason): { title: string; text: string } {
  switch (reason) {
    case "sharer-stopped":
      return { title: "You stopped showing", text: "Nobody sees your screen any more, and the link no longer works." };
    case "source-ended":
    case "source-failed":
      return { title: "What you showed is gone", text: "Choose something else to show. You get a new link then." };
    default:
      return { title: "It is over", text: "Nobody sees your screen any more. Show it again for a new link." };
  }
}

function refusedText(kind: RefusalKind, message: string): { title: string; text: string } {
  switch (kind) {
    case "full":
      return { title: "The relay is full", text: "Try again in a few minutes." };
    case "version":
      return { title: "Page and relay are of different versions", text: "Reload this page, then try again." };
    case "not-allowed":
      return { title: "You may not show a screen here", text: "Ask whoever runs this relay to let you in." };
    default:
      return { title: "The relay refuses", text: `It says: ${message}. Try again, or ask whoever runs it.` };
  }
}
