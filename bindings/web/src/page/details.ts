// The figures panel.

import type { Stats } from "../messages.ts";
import { agoText, bytesText, rateText } from "./description.ts";
import { byId } from "./elements.ts";

/** Points of the graph: one minute, two a second. */
const POINTS = 120;
const AV1_NAMES = { "none yet": "none", browser: "the browser's", module: "the page's own" } as const;

const [GRAPH_WIDTH, GRAPH_HEIGHT] = [240, 48];

export class Details {
  readonly #panel = byId("details", HTMLElement);
  readonly #buttons = [byId("details-button", HTMLButtonElement), byId("status", HTMLButtonElement)];
  readonly #rates: number[] = [];

  constructor() {
    for (const button of this.#buttons) button.addEventListener("click", () => this.toggle());
  }

  get shown(): boolean {
    return !this.#panel.hidden;
  }

  toggle(shown = !this.shown): void {
    this.#panel.hidden = !shown;
    for (const button of this.#buttons) button.setAttribute("aria-expanded", String(shown));
  }

  clear(): void {
    this.#rates.length = 0;
  }

  update(stats: Stats, size: { width: number; height: number }, now: number): void {
    this.#rates.push(stats.kbits);
    if (this.#rates.length > POINTS) this.#rates.shift();
    if (!this.shown) return;
    text("d-fps", `${stats.fps.toFixed(1)} / s`);
    text("d-rate", rateText(stats.kbits));
    text("d-dirty", `${(stats.dirty * 100).toFixed(1)} %`);
    text("d-decode", `${stats.decodeMs.toFixed(1)} ms`);
    text("d-paint", `${stats.paintMs.toFixed(1)} ms`);
    text("d-size", size.width > 0 ? `${size.width} × ${size.height}` : "none");
    text("d-lossy", stats.lossyPixels > 0 ? `${stats.lossyPixels.toLocaleString("en")} pixels` : "nothing");
    text("d-av1", stats.av1Pictures > 0 ? AV1_NAMES[stats.av1] : "not needed yet");
    text("d-age", stats.paintedAt > 0 ? agoText(now - stats.paintedAt) : "none");
    text("d-sequence", String(stats.sequence));
    text("d-bytes", bytesText(stats.bytes));
    text("d-reconnects", String(stats.reconnects));
    text("d-resyncs", String(stats.resyncs));
    this.#draw();
  }

  #draw(): void {
    const most = Math.max(1, ...this.#rates);
    const points = this.#rates.map((rate, i) => {
      const x = GRAPH_WIDTH - ((this.#rates.length - 1 - i) * GRAPH_WIDTH) / (POINTS - 1);
      const y = GRAPH_HEIGHT - 1 - (rate / most) * (GRAPH_HEIGHT - 4);
      return `${x.toFixed(1)} ${y.toFixed(1)}`;
    });
    const line = points.length > 1 ? `M${points.join("L")}` : "";
    byId("graph-line", SVGPathElement).setAttribute("d", line);
    const first = points[0]?.split(" ")[0] ?? "0";
    const area = line === "" ? "" : `${line}L${GRAPH_WIDTH} ${GRAPH_HEIGHT}L${first} ${GRAPH_HEIGHT}Z`;
    byId("graph-area", SVGPathElement).setAttribute("d", area);
  }
}

function text(id: string, value: string): void {
  byId(id, HTMLElement).textContent = value;
}
