// What the camera's page says, for each state it can be in.

import type { CameraStatus } from "../camera/messages.ts";
import type { EndReason } from "../protocol.ts";

export interface CameraText {
  /** A card in the middle; without one the camera is shown. */
  card?: { title: string; text: string; asks?: boolean; busy?: boolean };
  /** A line above the picture. */
  label: string;
  tone: "good" | "calm" | "warn" | "bad";
}

function overText(reason: EndReason | undefined, who: string): { title: string; text: string } {
  const done = "The link is used up: ask for a new one if the camera is needed again.";
  switch (reason) {
    case "declined":
      return { title: "You said no", text: "Nothing was shown, and your camera was not used. You can close this page." };
    case "sharer-stopped":
      return { title: "You stopped", text: `Your camera is off. ${done}` };
    case "source-ended":
    case "source-failed":
      return { title: "The camera went away", text: `The phone has taken the camera back. ${done}` };
    case "no-answer":
      return { title: "Too late", text: "There was no answer within two minutes, so nothing was shown. Ask for a new link." };
    case "lost":
      return { title: "Connection lost", text: `${who} did not come back. Your camera is off. ${done}` };
    case "tampered":
    case "wrong-key":
      return { title: "Stopped for your safety", text: "Something between the two of you changed what was sent. Ask for a new link." };
    default:
      return { title: `${who === "" ? "The other side" : who} has left`, text: `Your camera is off. ${done}` };
  }
}

/** What a person reads. */
export function cameraText(status: CameraStatus): CameraText {
  const { phase, who, link } = status;
  if (phase === "failed") {
    return {
      label: "Not connected",
      tone: "bad",
      card: { title: "This does not work", text: status.failed ?? "Open the link again, or ask for a new one." },
    };
  }
  if (phase === "ended") return { label: "Camera off", tone: "calm", card: overText(status.ended, who) };
  const cut = link.phase === "retrying" || link.phase === "connecting";
  if (phase === "waiting") {
    return cut
      ? {
          label: "Connecting",
          tone: "calm",
          card: { title: "Connecting", text: "Stay on this page. It goes on by itself.", busy: true },
        }
      : {
          label: "Waiting",
          tone: "calm",
          card: {
            title: "Waiting for your agent",
            text: status.long
              ? "Nobody has come. A link works for half an hour: if it is older, ask for a new one. Your camera is off."
              : "Whoever sent you the link is told that you opened it. Your camera is off until you allow it.",
            busy: true,
          },
        };
  }
  if (phase === "asked") {
    return {
      label: "Camera off",
      tone: "calm",
      card: {
        title: `${who} asks to see your camera`,
        text: "If you allow it, they see what your camera shows, and no more: no sound, and nothing else on this phone. You can pause or stop at any time.",
        asks: true,
      },
    };
  }
  if (cut) return { label: "Connection lost, trying again", tone: "warn" };
  if (status.paused) return { label: `Paused: ${who} sees nothing`, tone: "warn" };
  if (status.camera === "blocked") return { label: "The camera was taken away", tone: "warn" };
  if (status.camera === "stalled") return { label: "The camera gives no picture", tone: "warn" };
  if (status.away) return { label: `${who} was cut off; waiting`, tone: "warn" };
  return { label: `${who} sees this`, tone: "good" };
}
