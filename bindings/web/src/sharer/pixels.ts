// Pictures of the browser as rows of R, G, B, A.

/** What a page can be given of a screen or a camera. */
export type Picture = VideoFrame | ImageBitmap;

export interface Pixels {
  data: Uint8Array | Uint8ClampedArray;
  width: number;
  height: number;
}

interface CopyOptions {
  format: string;
  layout: { offset: number; stride: number }[];
}

/** Copies pictures out, into a buffer of its own that the next call writes over. */
export class PixelReader {
  #bytes = new Uint8Array(0);
  #canvas: OffscreenCanvas | undefined;
  #converts: Promise<boolean> | undefined;

  async read(picture: Picture): Promise<Pixels> {
    if (typeof VideoFrame !== "undefined" && picture instanceof VideoFrame) {
      this.#converts ??= converts();
      const { width, height } = picture.visibleRect ?? { width: picture.displayWidth, height: picture.displayHeight };
      // A frame that is shown in another size is drawn in that.
      const plain = width === picture.displayWidth && height === picture.displayHeight;
      if (plain && (await this.#converts)) {
        const size = width * height * 4;
        if (this.#bytes.length !== size) this.#bytes = new Uint8Array(size);
        const options: CopyOptions = { format: "RGBA", layout: [{ offset: 0, stride: width * 4 }] };
        await picture.copyTo(this.#bytes, options as VideoFrameCopyToOptions);
        return { data: this.#bytes, width, height };
      }
      return this.#draw(picture, picture.displayWidth, picture.displayHeight);
    }
    return this.#draw(picture, (picture as ImageBitmap).width, (picture as ImageBitmap).height);
  }

  /** Forgets what it has read. */
  forget(): void {
    this.#bytes = new Uint8Array(0);
    this.#canvas = undefined;
  }

  #draw(picture: Picture, width: number, height: number): Pixels {
    if (this.#canvas?.width !== width || this.#canvas.height !== height) {
      this.#canvas = new OffscreenCanvas(width, height);
    }
    const context = this.#canvas.getContext("2d", { alpha: false, willReadFrequently: true, colorSpace: "srgb" });
    if (context === null) throw new Error("the browser gives no canvas");
    context.drawImage(picture, 0, 0, width, height);
    return { data: context.getImageData(0, 0, width, height).data, width, height };
  }
}

/** Whether the browser converts frames while it copies them; older ones ignore what format is asked for. */
async function converts(): Promise<boolean> {
  try {
    const bgr = new Uint8Array([1, 2, 3, 255]);
    const frame = new VideoFrame(bgr, { format: "BGRX", codedWidth: 1, codedHeight: 1, timestamp: 0 });
    const rgb = new Uint8Array(4);
    const options: CopyOptions = { format: "RGBA", layout: [{ offset: 0, stride: 4 }] };
    await frame.copyTo(rgb, options as VideoFrameCopyToOptions);
    frame.close();
    return rgb[0] === 3 && rgb[2] === 1;
  } catch {
    return false;
  }
}
