/** Where on the page a picture is drawn: rectangles in CSS pixels of the viewport. */

globalThis.fakeweb ??= {};

fakeweb.place ??= (() => {
  /** @typedef {{left: number, top: number, width: number, height: number}} Rect */

  /**
   * @param {Rect} a
   * @param {Rect} b
   * @returns {Rect}
   */
  function intersect(a, b) {
    const left = Math.max(a.left, b.left);
    const top = Math.max(a.top, b.top);
    const right = Math.min(a.left + a.width, b.left + b.width);
    const bottom = Math.min(a.top + a.height, b.top + b.height);
    return { left, top, width: Math.max(0, right - left), height: Math.max(0, bottom - top) };
  }

  /**
   * Return the box inside border and padding of an `<img>`, inside the border of anything else.
   *
   * @param {Element} element
   * @returns {Rect}
   */
  function boxOf(element) {
    const { left, top, width, height } = element.getBoundingClientRect();
    const style = getComputedStyle(element);
    const padded = element instanceof HTMLImageElement;
    const side = (/** @type {string} */ name) =>
      parseFloat(style.getPropertyValue(`border-${name}-width`)) +
      (padded ? parseFloat(style.getPropertyValue(`padding-${name}`)) : 0);
    const [l, t, r, b] = [side("left"), side("top"), side("right"), side("bottom")];
    return { left: left + l, top: top + t, width: Math.max(0, width - l - r), height: Math.max(0, height - t - b) };
  }

  /**
   * Return the part of an element that its scrolling and clipping ancestors leave to see.
   *
   * @param {Element} element
   * @returns {Rect}
   */
  function visibleOf(element) {
    /** @type {Rect} */
    let seen = element.getBoundingClientRect();
    if (!(element.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? true)) {
      return { ...seen, width: 0, height: 0 };
    }
    let isFixed = getComputedStyle(element).position === "fixed";
    for (let at = parentOf(element); at && at !== document.documentElement && !isFixed; at = parentOf(at)) {
      const style = getComputedStyle(at);
      if (at !== document.body && `${style.overflowX}${style.overflowY}`.replace(/visible/g, "") !== "") {
        seen = intersect(seen, at.getBoundingClientRect());
      }
      isFixed = style.position === "fixed";
    }
    return seen;
  }

  /** @param {Element} element @returns {Element | null} */
  function parentOf(element) {
    const root = element.getRootNode();
    return element.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
  }

  /**
   * Return the dialog, popover or fullscreen element that lifts an element above the page, or null.
   *
   * @param {Element} element
   * @returns {Element | null}
   */
  function liftOf(element) {
    /** @type {Element | null} */
    let at = element;
    while (at && !(at.matches(":modal, :popover-open") && at.localName !== "fakeweb-marks")) at = parentOf(at);
    return at === element && element instanceof HTMLImageElement ? null : at; // a picture holds nothing
  }

  /**
   * Return where the first tile of a CSS background lies.
   *
   * @param {Rect} box The element's padding box.
   * @param {{width: number, height: number}} picture
   * @param {string} size Computed `background-size`, of which the first layer counts.
   * @param {string} position Computed `background-position`.
   * @returns {Rect}
   */
  function backgroundIn(box, picture, size, position) {
    const { width, height } = backgroundSize(box, picture, size.split(",", 1)[0].trim());
    const [x = "0%", y = "50%"] = position.split(",", 1)[0].trim().split(/\s+/);
    return {
      left: box.left + length(x, box.width - width),
      top: box.top + length(y, box.height - height),
      width,
      height,
    };
  }

  /** @param {Rect} box @param {{width: number, height: number}} picture @param {string} size */
  function backgroundSize(box, picture, size) {
    const across = box.width / picture.width;
    const down = box.height / picture.height;
    const scaled = (/** @type {number} */ by) => ({ width: picture.width * by, height: picture.height * by });
    if (size === "cover") return scaled(Math.max(across, down));
    if (size === "contain") return scaled(Math.min(across, down));
    const [w = "auto", h = "auto"] = size.split(/\s+/);
    if (w === "auto" && h === "auto") return { width: picture.width, height: picture.height };
    if (h === "auto") return scaled(length(w, box.width) / picture.width);
    if (w === "auto") return scaled(length(h, box.height) / picture.height);
    return { width: length(w, box.width), height: length(h, box.height) };
  }

  /** A computed length: `12px` or a share of something. @param {string} text @param {number} whole */
  function length(text, whole) {
    return text.endsWith("%") ? (parseFloat(text) / 100) * whole : parseFloat(text) || 0;
  }

  return { backgroundIn, boxOf, intersect, liftOf, visibleOf };
})();
