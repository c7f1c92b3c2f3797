// The AV1 decoder of our own as WebAssembly. The ABI is documented in bindings/web/av1-decoder/src/exports.rs.

import { Av1Error, layoutOf, STILLS, type PlaneRequest, type PlaneSource } from "./planes.ts";

interface Exports {
  memory: WebAssembly.Memory;
  panecast_av1_new(): number;
  panecast_av1_free(s: number): void;
  panecast_av1_input(s: number, len: number): number;
  panecast_av1_decode(s: number, width: number, height: number, fullChroma: number): number;
  panecast_av1_planes(s: number): number;
  panecast_av1_planes_len(s: number): number;
  panecast_av1_error(s: number): number;
  panecast_av1_error_len(s: number): number;
}

export class ModuleAv1 implements PlaneSource {
  #wasm: Exports;
  readonly #surfaces = new Map<number, number>();

  constructor(private readonly module: WebAssembly.Module) {
    this.#wasm = instantiate(module);
  }

  async decode(request: PlaneRequest): Promise<Uint8Array> {
    return this.decodeNow(request);
  }

  decodeNow(request: PlaneRequest): Uint8Array {
    const wasm = this.#wasm;
    try {
      const surface = this.#surface(request);
      const input = wasm.panecast_av1_input(surface, request.data.length);
      if (input === 0) throw new Av1Error("broken", "an AV1 unit is too long");
      new Uint8Array(wasm.memory.buffer, input, request.data.length).set(request.data);
      const { width, height, fullChroma } = request;
      if (wasm.panecast_av1_decode(surface, width, height, fullChroma ? 1 : 0) < 0) {
        const [at, len] = [wasm.panecast_av1_error(surface), wasm.panecast_av1_error_len(surface)];
        const message = new TextDecoder().decode(new Uint8Array(wasm.memory.buffer, at, len).slice());
        this.#free(request.surface);
        throw new Av1Error("broken", message);
      }
      const at = wasm.panecast_av1_planes(surface);
      const len = wasm.panecast_av1_planes_len(surface);
      if (len !== layoutOf(request).bytes) throw new Av1Error("broken", "an AV1 picture lacks samples");
      return new Uint8Array(wasm.memory.buffer, at, len);
    } catch (e) {
      if (!(e instanceof WebAssembly.RuntimeError)) throw e;
      // After a trap nothing of the old instance may be used again.
      this.#surfaces.clear();
      this.#wasm = instantiate(this.module);
      throw new Av1Error("broken", `the AV1 decoder stopped: ${e.message}`);
    }
  }

  keep(alive: ReadonlySet<number>): void {
    for (const id of this.#surfaces.keys()) if (id !== STILLS && !alive.has(id)) this.#free(id);
  }

  reset(): void {
    for (const id of this.#surfaces.keys()) this.#free(id);
  }

  #surface(request: PlaneRequest): number {
    const had = this.#surfaces.get(request.surface);
    if (had !== undefined) return had;
    if (!request.keyframe)
      throw new Av1Error("broken", `surface ${request.surface} does not begin with a keyframe`);
    const made = this.#wasm.panecast_av1_new();
    if (made === 0) throw new Av1Error("broken", "the stream has too many surfaces");
    this.#surfaces.set(request.surface, made);
    return made;
  }

  #free(id: number): void {
    const surface = this.#surfaces.get(id);
    if (surface !== undefined) this.#wasm.panecast_av1_free(surface);
    this.#surfaces.delete(id);
  }
}

function instantiate(module: WebAssembly.Module): Exports {
  return new WebAssembly.Instance(module, {}).exports as unknown as Exports;
}
