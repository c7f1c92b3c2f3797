// Tabs as people with a keyboard or a screen reader know them: the arrow keys choose, Tab goes into the panel.

import { byId } from "./elements.ts";

export class Tabs<T extends string> {
  #chosen: T;

  /** Each name has a `tab-NAME` and a `by-NAME`; the first is chosen at the start. */
  constructor(
    private readonly names: readonly [T, ...T[]],
    private readonly changed: (name: T) => void,
  ) {
    this.#chosen = names[0];
    names.forEach((name, i) => {
      const tab = byId(`tab-${name}`, HTMLElement);
      tab.addEventListener("click", () => this.choose(name));
      tab.addEventListener("keydown", (e) => {
        const step = { ArrowLeft: -1, ArrowRight: 1 }[e.key];
        const next = step === undefined ? undefined : names[(i + step + names.length) % names.length];
        if (next === undefined) return;
        e.preventDefault();
        this.choose(next);
        byId(`tab-${next}`, HTMLElement).focus();
      });
    });
  }

  get chosen(): T {
    return this.#chosen;
  }

  choose(name: T): void {
    this.#chosen = name;
    for (const each of this.names) {
      const tab = byId(`tab-${each}`, HTMLElement);
      tab.setAttribute("aria-selected", String(each === name));
      tab.tabIndex = each === name ? 0 : -1;
      byId(`by-${each}`, HTMLElement).hidden = each !== name;
    }
    this.changed(name);
  }
}
