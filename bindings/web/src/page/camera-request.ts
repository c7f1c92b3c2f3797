// The way in to a phone's camera: a link goes to the phone, and once it is opened there, this page asks.

import { surroundings } from "../worker/surroundings.ts";
import { drawLink, LINK_LASTS_MS, phoneNumber, sendLink, type CameraLink } from "./camera-link.ts";
import { CameraWait } from "./camera-wait.ts";
import { byId } from "./elements.ts";
import { tenantQuery } from "./tenant.ts";

/** What the page does for it. */
export interface CameraSurround {
  token(): string | undefined;
  /** Whose phones these are; undefined if what was typed is no name. */
  tenant(): string | undefined;
  /** Asks by the link. */
  join(link: string, who: string, tenant: string): void;
  say(text: string): void;
}

export class CameraRequest {
  readonly #phone = byId("phone", HTMLInputElement);
  readonly #name = byId("camera-name", HTMLInputElement);
  readonly #send = byId("camera-send", HTMLButtonElement);
  #service: string | undefined;
  #link: CameraLink | undefined;
  #wait: CameraWait | undefined;
  #until = 0;
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(
    private readonly nameSlot: string,
    private readonly surround: CameraSurround,
  ) {
    this.#name.value = localStorage.getItem(nameSlot) ?? "";
    byId("camera-form", HTMLFormElement).addEventListener("submit", (e) => {
      e.preventDefault();
      void this.#start(this.#service !== undefined);
    });
    byId("camera-copy-way", HTMLElement).addEventListener("click", () => void this.#start(false));
    byId("camera-cancel", HTMLElement).addEventListener("click", () => this.stop());
    byId("camera-copy", HTMLElement).addEventListener("click", () => void this.#copy());
    this.#phone.addEventListener("input", () => this.#error("phone", ""));
    this.#name.addEventListener("input", () => this.#error("camera-name", ""));
    void this.#findService();
  }

  focus(): void {
    (this.#service === undefined ? this.#name : this.#phone).focus();
  }

  /** Waits no more. */
  stop(): void {
    this.#wait?.stop();
    this.#wait = this.#link = undefined;
    clearInterval(this.#timer);
    this.#show(false);
  }

  /** The relay's operator may run no service: then the link is for the agent to pass on. */
  async #findService(): Promise<void> {
    try {
      const response = await fetch(new URL("links.json", document.baseURI));
      const { url } = (await response.json()) as { url?: unknown };
      if (typeof url === "string") this.#service = url;
    } catch {
      // An older relay has no such file.
    }
    byId("phone-part", HTMLElement).hidden = this.#service === undefined;
    byId("camera-copy-way", HTMLElement).hidden = this.#service === undefined;
    this.#send.textContent = this.#service === undefined ? "Make a link" : "Send the link";
  }

  async #start(sends: boolean): Promise<void> {
    const to = phoneNumber(this.#phone.value);
    if (sends && to === undefined) {
      this.#error("phone", "Type the number with its country, such as +49 151 23456789.");
      this.#phone.focus();
      return;
    }
    const who = this.#name.value.trim();
    if (who === "") {
      this.#error("camera-name", "Type your name: the person with the phone is told who asks.");
      this.#name.focus();
      return;
    }
    if (!window.isSecureContext) {
      this.#error("camera", "Cameras need https: open this page by its https:// address.");
      return;
    }
    const tenant = this.surround.tenant();
    if (tenant === undefined) {
      this.#error("camera", "No tenant has such a name. Correct it below.");
      return;
    }
    localStorage.setItem(this.nameSlot, who);
    this.#error("camera", "");
    this.#send.disabled = true;
    try {
      const link = await drawLink();
      const url = new URL(`camera${tenantQuery(tenant)}#${link.text}`, document.baseURI).href;
      const token = this.surround.token();
      if (sends && to !== undefined && this.#service !== undefined) {
        const answer = await sendLink(this.#service, { to, url, tenant, name: who, token });
        if (!answer.sent) {
          this.#error(answer.field === "phone" ? "phone" : "camera", answer.message);
          return;
        }
      }
      this.#link = link;
      this.#await(link, who, url, { tenant, to: sends ? to : undefined });
    } finally {
      this.#send.disabled = false;
    }
  }

  #await(link: CameraLink, who: string, url: string, { tenant, to }: { tenant: string; to: string | undefined }): void {
    const socket = new URL("ws/watch", document.baseURI);
    socket.protocol = socket.protocol === "https:" ? "wss:" : "ws:";
    socket.hash = socket.search = "";
    this.#wait = new CameraWait(surroundings(socket.href), link.id, tenant, {
      there: () => {
        if (this.#link !== link) return;
        this.stop();
        this.surround.join(link.text, who, tenant);
      },
      refused: (message) => {
        this.stop();
        this.#error("camera", `The relay does not let this page wait: ${message}. Try again.`);
      },
    });
    byId("camera-sent", HTMLElement).textContent =
      to === undefined ? "Send this link to the phone" : `Link sent to ${to}`;
    byId("camera-url", HTMLInputElement).value = url;
    byId("camera-link-part", HTMLElement).hidden = to !== undefined;
    this.#until = Date.now() + LINK_LASTS_MS;
    this.#timer = setInterval(() => this.#tick(), 1000);
    this.#tick();
    this.#show(true);
    this.surround.say(byId("camera-sent", HTMLElement).textContent ?? "");
  }

  #tick(): void {
    const minutes = Math.ceil((this.#until - Date.now()) / 60_000);
    byId("camera-left", HTMLElement).textContent =
      `Waiting for the phone to open it. It works once, for another ${minutes === 1 ? "minute" : `${minutes} minutes`}.`;
    if (minutes <= 0) {
      this.stop();
      this.#error("camera", "Nobody opened the link within half an hour. Send a new one.");
    }
  }

  #show(waits: boolean): void {
    byId("camera-form", HTMLElement).hidden = waits;
    byId("camera-waiting", HTMLElement).hidden = !waits;
    if (waits) byId("camera-cancel", HTMLElement).focus();
  }

  async #copy(): Promise<void> {
    const field = byId("camera-url", HTMLInputElement);
    try {
      await navigator.clipboard.writeText(field.value);
      this.surround.say("Link copied.");
    } catch {
      field.select();
      this.surround.say("Press Ctrl+C to copy the link.");
    }
  }

  #error(field: "phone" | "camera-name" | "camera", text: string): void {
    byId(`${field}-error`, HTMLElement).textContent = text;
  }
}
