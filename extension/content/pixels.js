/**
 * Reads pictures from what the page shows, where their files are only for the reader: out of the page's own memory where the
 * browser allows it, otherwise from the screen. Nothing is asked of any site for it.
 */

globalThis.fakeweb ??= {};

fakeweb.pixels ??= (() => {
  const { place } = fakeweb;
  const MOST_SIDE = 2048;
  const LEAST_BYTES_PER_PIXEL = 0.1; // as PNG; drawings and empty canvases take less
  const BETWEEN_MS = 700; // browsers allow two pictures of the screen a second
  const REFUSED_MS = 5_000;
  const MOST_MOVING_MS = 10_000; // between looks at a picture that never stands still

  /**
   * Return the pixels of an element as a PNG's data address; null where the browser keeps them from scripts, an empty text
   * where they are hardly a photograph.
   *
   * @param {Element} element
   * @returns {Promise<string | null>}
   */
  async function drawn(element) {
    if (!(element instanceof HTMLImageElement || element instanceof HTMLCanvasElement || element instanceof SVGImageElement)) return null;
    try {
      const bitmap = await createImageBitmap(element, wanted(element));
      const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
      bitmap.close();
      const blob = await canvas.convertToBlob({ type: "image/png" });
      return blob.size < LEAST_BYTES_PER_PIXEL * canvas.width * canvas.height ? "" : await dataUrl(blob);
    } catch {
      return null; // from another origin, or gone
    }
  }

  /** Say how large the pixels are wanted: as they are, within bounds; of drawings as the screen shows them. @param {Element} element */
  function wanted(element) {
    if (element instanceof SVGImageElement) return {};
    const isImage = element instanceof HTMLImageElement;
    let { width, height } = isImage ? { width: element.naturalWidth, height: element.naturalHeight } : /** @type {HTMLCanvasElement} */ (element);
    const isDrawing = isImage && /^data:image\/svg|\.svgz?([?#]|$)/i.test(element.currentSrc);
    const shown = isDrawing ? (element.clientWidth * devicePixelRatio) / width : 1;
    const scale = Math.min(Math.max(1, shown), MOST_SIDE / Math.max(width, height));
    if (scale === 1 && !isDrawing) return {};
    return { resizeWidth: Math.round(width * scale), resizeHeight: Math.round(height * scale), resizeQuality: /** @type {const} */ ("high") };
  }

  /** @param {Blob} blob @returns {Promise<string>} */
  function dataUrl(blob) {
    return new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(/** @type {string} */ (reader.result));
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(blob);
    });
  }

  /** Pictures that wait to be read from the screen, all in sight at once. */
  class Screen {
    /**
     * @param {number} minSide Least shorter side of what can be seen of a picture.
     * @param {(boxes: any[], width: number) => Promise<{pictures?: string[]} | null>} shoot Cuts boxes out of what the tab shows.
     * @param {(on: boolean) => void} hush Takes our own card out of the way.
     */
    constructor(minSide, shoot, hush) {
      this._minSide = minSide;
      this._shoot = shoot;
      this._hush = hush;
      /** @type {Map<any, {resolve: (url: string | null) => void, tries: number, next: number}>} */
      this._waiting = new Map();
      this._busy = false;
      this._next = 0;
      /** @type {ReturnType<typeof setTimeout> | null} */
      this._timer = null;
    }

    /**
     * Return a picture's pixels as a data address, once it is to be seen; null where it is given up.
     *
     * @param {any} spot
     * @returns {Promise<string | null>}
     */
    read(spot) {
      this._waiting.get(spot)?.resolve(null);
      return new Promise((resolve) => {
        this._waiting.set(spot, { resolve, tries: 0, next: 0 });
        this.look();
      });
    }

    /** Read what is in sight now that it may be allowed. */
    again() {
      this._next = 0;
      if (this._timer !== null) clearTimeout(this._timer);
      this._timer = null;
      this.look();
    }

    /** Give up what waits. */
    clear() {
      for (const { resolve } of this._waiting.values()) resolve(null);
      this._waiting.clear();
      if (this._timer !== null) clearTimeout(this._timer);
      this._timer = null;
    }

    /** Read what is in sight, soon. */
    look() {
      if (this._timer !== null || this._busy || this._waiting.size === 0) return;
      this._timer = setTimeout(() => {
        this._timer = null;
        void this._look();
      }, Math.max(50, this._next - performance.now()));
    }

    async _look() {
      const origin = document.visibilityState === "visible" && (visualViewport?.scale ?? 1) === 1 ? place.frameOrigin() : null;
      const inSight = origin === null ? [] : this._inSight(origin);
      if (origin === null || inSight.length === 0) return; // the next scan asks again
      this._busy = true;
      this._next = performance.now() + BETWEEN_MS;
      this._hush(true);
      await frames(2);
      const boxes = inSight.map(([spot]) => this._boxOf(spot, origin));
      const shot = await this._shoot(boxes, /** @type {Window} */ (window.top).innerWidth);
      this._hush(false);
      this._busy = false;
      if (shot?.pictures) this._take(inSight, boxes, shot.pictures);
      else this._next = performance.now() + REFUSED_MS; // not allowed now
      this.look();
    }

    /** Give out what was read, but not of pictures that have moved meanwhile. @param {[any, any][]} inSight @param {any[]} boxes @param {string[]} pictures */
    _take(inSight, boxes, pictures) {
      const now = place.frameOrigin();
      for (const [at, [spot, entry]] of inSight.entries()) {
        if (now !== null && spot.element.isConnected && same(boxes[at], this._boxOf(spot, now))) {
          this._waiting.delete(spot);
          entry.resolve(pictures[at] ?? null);
        } else {
          entry.tries += 1;
          entry.next = performance.now() + Math.min(MOST_MOVING_MS, BETWEEN_MS * 2 ** entry.tries);
        }
      }
    }

    /** @param {{left: number, top: number}} origin @returns {[any, any][]} */
    _inSight(origin) {
      const found = [];
      for (const [spot, entry] of this._waiting) {
        if (!spot.element.isConnected) {
          this._waiting.delete(spot);
          entry.resolve(null);
          continue;
        }
        if (performance.now() < entry.next) continue;
        const seen = this._boxOf(spot, origin);
        const whole = place.rectOf(spot);
        const share = (seen.width * seen.height) / Math.max(1, whole.width * whole.height);
        const view = (seen.width * seen.height) / Math.max(1, innerWidth * innerHeight);
        if (Math.min(seen.width, seen.height) >= this._minSide && (share > 0.9 || view > 0.6)) found.push(/** @type {[any, any]} */ ([spot, entry]));
      }
      return found;
    }

    /** The part of a picture that can be seen, in coordinates of the tab. @param {any} spot @param {{left: number, top: number}} origin */
    _boxOf(spot, { left, top }) {
      const seen = place.intersect(place.visibleOf(spot), { left: 0, top: 0, width: innerWidth, height: innerHeight });
      const { innerWidth: width, innerHeight: height } = /** @type {Window} */ (window.top);
      return place.intersect({ ...seen, left: seen.left + left, top: seen.top + top }, { left: 0, top: 0, width, height });
    }
  }

  /** @param {any} a @param {any} b */
  function same(a, b) {
    return ["left", "top", "width", "height"].every((side) => Math.abs(a[side] - b[side]) < 1);
  }

  /** @param {number} count */
  async function frames(count) {
    for (; count > 0; count -= 1) await new Promise((next) => requestAnimationFrame(next));
  }

  return { Screen, dataUrl, drawn };
})();
