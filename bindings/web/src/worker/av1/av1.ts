// Which AV1 decoder the page uses: the browser's own where it is there and exact, else ours as WebAssembly, which is
// loaded only then.

import { BrowserAv1 } from "./browser.ts";
import { Av1Error, CODEC_NAMES, type PlaneRequest, type PlaneSource } from "./planes.ts";
import { selfTest } from "./self-test.ts";

/** Who decodes AV1. */
export type Av1Decoder = "none yet" | "browser" | "module";

export interface Av1Choices {
  /** The browser's decoder; undefined where there is none. */
  browser(): PlaneSource | undefined;
  /** Our own; fails where it cannot be loaded. */
  module(): Promise<PlaneSource>;
}

/** Who decodes what of a stream: AV1, and films of other codecs, which the browser alone can decode. */
export class Av1 implements PlaneSource {
  #films: PlaneSource | undefined;
  #source: PlaneSource | undefined;
  #choice: Promise<PlaneSource> | undefined;
  #decoder: Av1Decoder = "none yet";
  #module: Promise<PlaneSource> | undefined;
  /** Why the browser's own is not used. */
  #reason = "";

  constructor(private readonly choices: Av1Choices) {}

  get decoder(): Av1Decoder {
    return this.#decoder;
  }

  get reason(): string {
    return this.#reason;
  }

  /** Chooses ahead of the first unit. */
  prepare(): void {
    this.#chosen().catch(() => undefined); // The first unit says what is wrong.
  }

  async decode(request: PlaneRequest): Promise<Uint8Array> {
    if (request.film !== undefined && request.film.codec !== "av1") return this.#film(request);
    const source = this.#source ?? (await this.#chosen());
    try {
      return await source.decode(request);
    } catch (e) {
      if (this.#decoder !== "browser" || !(e instanceof Av1Error) || e.trouble !== "unusable") throw e;
      // From now on ours. A keyframe can be had at once, anything else needs a fresh snapshot.
      const module = await this.#useModule(e.message);
      if (request.keyframe) return module.decode(request);
      throw new Av1Error("broken", e.message);
    }
  }

  keep(alive: ReadonlySet<number>): void {
    this.#source?.keep(alive);
    this.#films?.keep(alive);
  }

  reset(): void {
    this.#source?.reset();
    this.#films?.reset();
  }

  async #film(request: PlaneRequest): Promise<Uint8Array> {
    const name = CODEC_NAMES[request.film?.codec ?? "av1"];
    this.#films ??= this.choices.browser();
    if (this.#films === undefined) throw new Av1Error("absent", `it has no ${name} decoder`);
    try {
      return await this.#films.decode(request);
    } catch (e) {
      if (e instanceof Av1Error && e.trouble === "unusable" && request.keyframe) {
        throw new Av1Error("absent", e.message);
      }
      throw e;
    }
  }

  #chosen(): Promise<PlaneSource> {
    this.#choice ??= this.#choose().catch((e: unknown) => {
      this.#choice = undefined; // A network that failed may be back at the next unit.
      throw e;
    });
    return this.#choice;
  }

  async #choose(): Promise<PlaneSource> {
    const browser = this.choices.browser();
    if (browser === undefined) return this.#useModule("this browser shows no AV1 decoder to this page");
    try {
      await selfTest(browser);
    } catch (e) {
      browser.reset();
      return this.#useModule(e instanceof Error ? e.message : String(e));
    }
    this.#decoder = "browser";
    return (this.#source = browser);
  }

  async #useModule(reason: string): Promise<PlaneSource> {
    this.#reason = reason;
    this.#source?.reset();
    this.#module ??= this.choices.module();
    let module: PlaneSource;
    try {
      module = await this.#module;
    } catch (e) {
      this.#module = undefined;
      const cause = e instanceof Error ? e.message : String(e);
      throw new Av1Error("unusable", `${reason}, and the page's own could not be loaded (${cause})`);
    }
    this.#decoder = "module";
    return (this.#source = module);
  }
}

/** The decoders of a real browser. `module` loads ours. */
export function browserChoices(
  allowed: "any" | "module",
  module: () => Promise<PlaneSource>,
): Av1Choices {
  return {
    browser: () => (allowed === "any" && BrowserAv1.present ? new BrowserAv1() : undefined),
    module,
  };
}
