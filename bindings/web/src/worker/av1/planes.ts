// What decoders of films have in common: a temporal unit in, the planes of one picture out.

/** What a unit is coded with, by the stream's numbers less one. All but AV1 come from cameras alone. */
export const CODECS = ["av1", "h264", "vp9", "vp8"] as const;
export type Codec = (typeof CODECS)[number];

/** Names for people. */
export const CODEC_NAMES: Record<Codec, string> = { av1: "AV1", h264: "H.264", vp9: "VP9", vp8: "VP8" };

/** A film that somebody else encodes. */
export interface Film {
  codec: Codec;
  /** What its planes are taken for. */
  colour: Colour;
}

/** How planes become colours. */
export interface Colour {
  /** By the weights of BT.709, else BT.601. */
  bt709: boolean;
  /** Luma from 0 to 255, else from 16 to 235. */
  fullRange: boolean;
}

export interface PlaneRequest {
  /** Units of one surface depend on each other; 0 is for stills, which depend on nothing. */
  surface: number;
  /** Whether it needs nothing from before. */
  keyframe: boolean;
  /** Of a film that somebody else encodes; all others are AV1. */
  film?: Film | undefined;
  width: number;
  height: number;
  /** Colour of full resolution (4:4:4), else of half of it (4:2:0). */
  fullChroma: boolean;
  /** One temporal unit; the request's own bytes. */
  data: Uint8Array<ArrayBuffer>;
}

/** One decoder for each surface. A request is made after the one before it was answered. */
export interface PlaneSource {
  /** The planes Y, U, V, rows without padding; good until the next call. Fails with an {@link Av1Error}. */
  decode(request: PlaneRequest): Promise<Uint8Array>;
  /** Forgets the surfaces that are not among `alive`; that of the stills stays for the next one. */
  keep(alive: ReadonlySet<number>): void;
  /** Forgets all surfaces; a request that is not answered yet fails or is answered in vain. */
  reset(): void;
}

/** Why there are no planes. */
export type Av1Trouble =
  /** This decoder is of no use here: none, not exact, silent. Another one may be. */
  | "unusable"
  /** The decoder lacks what the unit builds on, or the unit is not sound. */
  | "broken"
  /** Nothing here decodes this codec. */
  | "absent";

export class Av1Error extends Error {
  constructor(
    readonly trouble: Av1Trouble,
    message: string,
  ) {
    super(message);
  }
}

/** The surface of the stills. */
export const STILLS = 0;

/** Most surfaces that live at once, whatever a stream asks for: a browser gives each its own decoder. */
export const MOST_SURFACES = 64;

export interface PlaneLayout {
  offset: number;
  stride: number;
  rows: number;
}

/** Where Y, U and V lie, and the bytes in all. */
export function layoutOf(request: Pick<PlaneRequest, "width" | "height" | "fullChroma">): {
  planes: PlaneLayout[];
  bytes: number;
} {
  const half = (side: number): number => (request.fullChroma ? side : Math.ceil(side / 2));
  const sizes: [number, number][] = [
    [request.width, request.height],
    [half(request.width), half(request.height)],
    [half(request.width), half(request.height)],
  ];
  let bytes = 0;
  const planes = sizes.map(([stride, rows]) => {
    const plane = { offset: bytes, stride, rows };
    bytes += stride * rows;
    return plane;
  });
  return { planes, bytes };
}
