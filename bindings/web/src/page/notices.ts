// Shows a description of the session: status button, key form, card, banner, announcements.

import type { Action, Description, Notice } from "./description.ts";
import { byId } from "./elements.ts";

const ACTION_TEXT: Record<Action, string> = {
  reconnect: "Try now",
  "new-key": "Enter another key",
  "new-link": "Send another link",
  save: "Save the last picture",
  reload: "Reload the page",
  cancel: "Cancel",
  resume: "Show it again",
  back: "Back to your visitors",
};

export class Notices {
  readonly #status = byId("status", HTMLButtonElement);
  readonly #entry = byId("entry", HTMLElement);
  readonly #announcer = byId("announcer", HTMLElement);
  #announced = "";
  #asked: string | undefined;

  constructor(
    private readonly act: (action: Action) => void,
    private readonly focusEntry: () => void,
  ) {}

  show(description: Description): void {
    const { tone, label, form, card, banner, dim } = description;
    document.body.dataset["tone"] = tone;
    document.body.classList.toggle("dim", dim);
    this.#status.hidden = tone === "none" && form !== undefined;
    byId("status-label", HTMLElement).textContent = label;

    this.#entry.hidden = form === undefined;
    if (form === undefined) {
      this.#asked = undefined;
    } else if (this.#asked !== (form.error ?? "")) {
      this.#asked = form.error ?? "";
      this.error("key", form.error);
      this.focusEntry();
    }
    this.#notice("card", card);
    this.#notice("banner", banner);

    const notice = card ?? banner;
    // The seconds of a countdown change the text, and are not worth a word: the title is.
    const words = form !== undefined ? "" : notice !== undefined ? notice.title : label;
    if (words !== this.#announced) {
      this.#announced = words;
      this.#announcer.textContent = words;
    }
  }

  /** Says what is wrong with a field of the form. */
  error(field: "key" | "name", message: string | undefined): void {
    byId(`${field}-error`, HTMLElement).textContent = message ?? "";
    const input = byId(field, HTMLInputElement);
    if (message === undefined) input.removeAttribute("aria-invalid");
    else input.setAttribute("aria-invalid", "true");
  }

  #notice(id: "card" | "banner", notice: Notice | undefined): void {
    const element = byId(id, HTMLElement);
    element.hidden = notice === undefined;
    if (notice === undefined) return;
    byId(`${id}-title`, HTMLElement).textContent = notice.title;
    byId(`${id}-text`, HTMLElement).textContent = notice.text;
    const spinner = element.querySelector<HTMLElement>(".spinner");
    if (spinner !== null) spinner.hidden = !notice.busy;
    const actions = byId(`${id}-actions`, HTMLElement);
    // Buttons that stay the same stay in place, so that the one with the focus keeps it.
    const wanted = notice.actions.join(" ");
    if (actions.dataset["actions"] === wanted) return;
    actions.dataset["actions"] = wanted;
    actions.replaceChildren(...notice.actions.map((action, i) => this.#button(action, i === 0)));
  }

  #button(action: Action, first: boolean): HTMLButtonElement {
    const button = document.createElement("button");
    button.type = "button";
    button.className = first ? "primary" : "secondary";
    button.textContent = ACTION_TEXT[action];
    button.addEventListener("click", () => this.act(action));
    return button;
  }
}
