// Keyboard shortcuts. They keep out of the way of text fields, dialogs and the browser's own combinations.

import type { DrawTool } from "./drawing.ts";

export type Shortcut =
  | "fullscreen"
  | "fit"
  | "actual"
  | "in"
  | "out"
  | "save"
  | "mark"
  | "details"
  | "help"
  | "rest"
  | "clear"
  | "lay-down"
  | DrawTool;

const KEYS: Readonly<Record<string, Shortcut>> = {
  f: "fullscreen",
  "0": "fit",
  "1": "actual",
  "+": "in",
  "=": "in",
  "-": "out",
  s: "save",
  x: "mark",
  d: "details",
  "?": "help",
  p: "rest",
  l: "laser",
  e: "pen",
  h: "highlight",
  a: "arrow",
  c: "clear",
  Escape: "lay-down",
};

export interface Press {
  key: string;
  ctrlKey: boolean;
  altKey: boolean;
  metaKey: boolean;
  repeat: boolean;
  /** The tag name of what has the focus, lower case, and whether it takes text. */
  target: { tag: string; editable: boolean };
  dialogOpen: boolean;
}

/** The shortcut that a key press means, if any. */
export function shortcutOf(press: Press): Shortcut | undefined {
  if (press.ctrlKey || press.altKey || press.metaKey || press.dialogOpen) return undefined;
  if (press.target.editable || ["input", "textarea", "select"].includes(press.target.tag)) return undefined;
  const shortcut = KEYS[press.key.length === 1 ? press.key.toLowerCase() : press.key];
  // A key that is held down zooms on, but does nothing else twice.
  return press.repeat && shortcut !== "in" && shortcut !== "out" ? undefined : shortcut;
}
