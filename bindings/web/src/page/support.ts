// What a browser must have to show anything at all.

/** A module of one function that adds two vectors: valid only where WebAssembly has SIMD. */
const SIMD_MODULE = new Uint8Array([
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98,
  11,
]);

/** Names what is missing, for the person who sees the page; undefined if nothing is. */
export function missingFeature(): string | undefined {
  if (typeof Worker === "undefined") return "web workers";
  if (typeof WebSocket === "undefined") return "WebSocket";
  if (
    typeof OffscreenCanvas === "undefined" ||
    !("transferControlToOffscreen" in HTMLCanvasElement.prototype)
  ) {
    return "OffscreenCanvas";
  }
  if (typeof WebAssembly === "undefined" || !WebAssembly.validate(SIMD_MODULE))
    return "WebAssembly with SIMD";
  return undefined;
}
