// What the person points at and draws: shown here at once on a canvas of its own, and told to the visitor's side.

import type { Mark, Point, Tool } from "../worker/seat.ts";

export type DrawTool = "laser" | Tool;

/** The messages take no more points than this; a longer line goes on in the next. */
const MOST_POINTS = 512;

/** Points are gathered this long: some thirty messages a second. */
const GATHER_MS = 33;

/** Seen on light and on dark. */
export const COLOURS: Record<Tool, number> = { pen: 0xe5383b, highlight: 0xffd60a, arrow: 0xe5383b };

interface Line {
  line: number;
  tool: Tool;
  points: Point[];
  /** How many of them were sent. */
  sent: number;
}

/** The lines as they stand, and what of them is still to be sent. No canvas, no clock. */
export class Strokes {
  readonly lines: Line[] = [];
  laser: Point | undefined;
  #last = 0;
  #laserSent: Point | undefined;

  begin(tool: Tool, at: Point): void {
    this.lines.push({ line: ++this.#last, tool, points: [at], sent: 0 });
  }

  /** The newest line goes on; an arrow has a beginning and an end alone. */
  extend(at: Point): void {
    const line = this.lines.at(-1);
    const before = line?.points.at(-1);
    if (line === undefined || (before?.[0] === at[0] && before[1] === at[1])) return;
    if (line.tool === "arrow") line.points.splice(1, 1, at);
    else line.points.push(at);
  }

  clear(): void {
    this.lines.length = 0;
  }

  /** What the other side does not know yet. An arrow goes out when it is finished: it cannot be taken back. */
  take(finished: boolean): Mark[] {
    const marks: Mark[] = [];
    if (this.laser !== this.#laserSent) {
      this.#laserSent = this.laser;
      marks.push({ kind: "pointer", at: this.laser });
    }
    for (const l of this.lines) {
      if (l.tool === "arrow" && !finished) continue;
      while (l.sent < l.points.length) {
        const points = l.points.slice(l.sent, l.sent + MOST_POINTS);
        l.sent += points.length;
        marks.push({ kind: "line", line: l.line, tool: l.tool, colour: COLOURS[l.tool], points });
      }
    }
    return marks;
  }
}

export class Drawing {
  readonly #strokes = new Strokes();
  readonly #context: CanvasRenderingContext2D;
  #tool: DrawTool | undefined;
  #pressed = false;
  #timer: ReturnType<typeof setTimeout> | undefined;

  constructor(
    private readonly canvas: HTMLCanvasElement,
    private readonly send: (mark: Mark) => void,
  ) {
    const context = canvas.getContext("2d");
    if (context === null) throw new Error("this browser gives no 2D canvas");
    this.#context = context;
    canvas.addEventListener("pointerdown", (e) => this.#down(e));
    canvas.addEventListener("pointermove", (e) => this.#move(e));
    canvas.addEventListener("pointerup", () => this.#up());
    canvas.addEventListener("pointercancel", () => this.#up());
  }

  get tool(): DrawTool | undefined {
    return this.#tool;
  }

  /** Takes a tool into the hand, or lays it down. */
  choose(tool: DrawTool | undefined): void {
    this.#up();
    this.#tool = tool;
    this.canvas.classList.toggle("drawing", tool !== undefined);
  }

  resize(width: number, height: number): void {
    this.canvas.width = width;
    this.canvas.height = height;
    this.#strokes.clear();
    this.#paint();
  }

  /** All lines go, here and there. */
  clear(): void {
    this.#strokes.clear();
    this.#paint();
    this.send({ kind: "clear" });
  }

  /** Forgets all, without a word: the session is another one. */
  forget(): void {
    this.choose(undefined);
    this.#strokes.clear();
    this.#strokes.laser = undefined;
    this.#strokes.take(true);
    this.#paint();
  }

  #at(e: PointerEvent): Point {
    const box = this.canvas.getBoundingClientRect();
    const x = Math.floor(((e.clientX - box.left) / box.width) * this.canvas.width);
    const y = Math.floor(((e.clientY - box.top) / box.height) * this.canvas.height);
    return [Math.max(0, Math.min(this.canvas.width - 1, x)), Math.max(0, Math.min(this.canvas.height - 1, y))];
  }

  #down(e: PointerEvent): void {
    if (this.#tool === undefined || e.button !== 0) return;
    e.preventDefault();
    // Else a drag of the picture would begin below.
    e.stopPropagation();
    this.canvas.setPointerCapture(e.pointerId);
    this.#pressed = true;
    if (this.#tool === "laser") this.#strokes.laser = this.#at(e);
    else this.#strokes.begin(this.#tool, this.#at(e));
    this.#changed();
  }

  #move(e: PointerEvent): void {
    if (!this.#pressed) return;
    e.stopPropagation();
    const events = e.getCoalescedEvents?.() ?? [];
    for (const each of events.length > 0 ? events : [e]) {
      if (this.#tool === "laser") this.#strokes.laser = this.#at(each);
      else this.#strokes.extend(this.#at(each));
    }
    this.#changed();
  }

  #up(): void {
    if (!this.#pressed) return;
    this.#pressed = false;
    this.#strokes.laser = undefined;
    this.#flush();
    this.#paint();
  }

  #changed(): void {
    this.#paint();
    this.#timer ??= setTimeout(() => this.#flush(), GATHER_MS);
  }

  #flush(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const mark of this.#strokes.take(!this.#pressed)) this.send(mark);
  }

  #paint(): void {
    const [c, { width, height }] = [this.#context, this.canvas];
    c.clearRect(0, 0, width, height);
    c.lineCap = c.lineJoin = "round";
    for (const { tool, points } of this.#strokes.lines) {
      c.globalAlpha = tool === "highlight" ? 0.4 : 1;
      c.strokeStyle = `#${COLOURS[tool].toString(16).padStart(6, "0")}`;
      c.lineWidth = tool === "highlight" ? 18 : 4;
      c.beginPath();
      const [first, ...rest] = points;
      if (first === undefined) continue;
      c.moveTo(...first);
      for (const p of rest.length > 0 ? rest : [first]) c.lineTo(...p);
      const [from, to] = [points.at(-2), points.at(-1)];
      if (tool === "arrow" && from !== undefined && to !== undefined) {
        const angle = Math.atan2(to[1] - from[1], to[0] - from[0]);
        for (const turn of [2.6, -2.6]) {
          c.moveTo(...to);
          c.lineTo(to[0] + 20 * Math.cos(angle + turn), to[1] + 20 * Math.sin(angle + turn));
        }
      }
      c.stroke();
    }
    c.globalAlpha = 1;
    const { laser } = this.#strokes;
    if (laser === undefined) return;
    c.fillStyle = "rgb(255 40 40 / 35%)";
    c.beginPath();
    c.arc(...laser, 14, 0, 2 * Math.PI);
    c.fill();
    c.fillStyle = "#ff1f1f";
    c.beginPath();
    c.arc(...laser, 6, 0, 2 * Math.PI);
    c.fill();
  }
}
