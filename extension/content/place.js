/** Where on the page a picture is drawn: rectangles in CSS pixels of the viewport. */

globalThis.fakeweb ??= {};

fakeweb.place ??= (() => {
  /** @typedef {{left: number, top: number, width: number, height: number}} Rect */
  /** @typedef {{element: Element, part: string}} Spot */

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

  /** @param {CSSStyleDeclaration} style @param {string} name */
  const px = (style, name) => parseFloat(style.getPropertyValue(name)) || 0;

  /**
   * Return the border box of an element or pseudo-element.
   *
   * @param {Spot} spot
   * @returns {Rect}
   */
  function rectOf({ element, part }) {
    const whole = element.getBoundingClientRect();
    return part ? pseudoRect(element, part, whole) : whole;
  }

  /**
   * Browsers tell no rectangle of a pseudo-element; it follows from its style where it is positioned or a block.
   *
   * @param {Element} element
   * @param {string} part
   * @param {Rect} whole
   * @returns {Rect}
   */
  function pseudoRect(element, part, whole) {
    const style = getComputedStyle(element, part);
    let [width, height] = [parseFloat(style.width), parseFloat(style.height)];
    if (!(width > 0 && height > 0)) return whole;
    if (style.boxSizing !== "border-box") {
      for (const kind of ["padding", "border"]) {
        const end = kind === "border" ? "-width" : "";
        width += px(style, `${kind}-left${end}`) + px(style, `${kind}-right${end}`);
        height += px(style, `${kind}-top${end}`) + px(style, `${kind}-bottom${end}`);
      }
    }
    const lifted = style.position === "absolute" || style.position === "fixed";
    let holder = element;
    const holds = (/** @type {Element} */ e) => getComputedStyle(e).position !== "static" || getComputedStyle(e).transform !== "none";
    while (lifted && !holds(holder)) {
      const above = parentOf(holder);
      if (!above || above === document.documentElement) break;
      holder = above;
    }
    const box = holder.getBoundingClientRect();
    const own = getComputedStyle(holder);
    const scale = holder instanceof HTMLElement && holder.offsetWidth ? box.width / holder.offsetWidth : 1;
    const inner = lifted ? 0 : 1; // positioned ones reckon from the padding box, others from the content box
    const left = px(own, "border-left-width") + inner * px(own, "padding-left") + px(style, "margin-left") + px(style, "left");
    const top = px(own, "border-top-width") + inner * px(own, "padding-top") + px(style, "margin-top") + px(style, "top");
    const rect = { left: box.left + left * scale, top: box.top + top * scale, width: width * scale, height: height * scale };
    if (part !== "::after" || lifted) return rect;
    const content = document.createRange(); // it stands below all else
    content.selectNodeContents(element);
    const { bottom, height: taken } = content.getBoundingClientRect();
    return taken ? { ...rect, top: bottom + px(style, "margin-top") * scale } : rect;
  }

  /**
   * Return the box inside border and padding of what is drawn as a whole, inside the border where it is a background.
   *
   * @param {Spot} spot
   * @param {string} kind
   * @returns {Rect}
   */
  function boxOf(spot, kind) {
    const { left, top, width, height } = rectOf(spot);
    if (kind === "svg") return { left, top, width, height };
    const style = getComputedStyle(spot.element, spot.part || null);
    const side = (/** @type {string} */ name) =>
      px(style, `border-${name}-width`) + (kind === "background" ? 0 : px(style, `padding-${name}`));
    const [l, t, r, b] = [side("left"), side("top"), side("right"), side("bottom")];
    return { left: left + l, top: top + t, width: Math.max(0, width - l - r), height: Math.max(0, height - t - b) };
  }

  /**
   * Return the part of a picture that scrolling and clipping ancestors leave to see.
   *
   * @param {Spot} spot
   * @param {Map<Element, any>} known What was found about ancestors since the page was last changed.
   * @returns {Rect}
   */
  function visibleOf(spot, known = new Map()) {
    const { element, part } = spot;
    const seen = rectOf(spot);
    if (!(element.checkVisibility?.({ opacityProperty: true, visibilityProperty: true }) ?? true)) {
      return { ...seen, width: 0, height: 0 };
    }
    const clip = part ? clipBelow(element, known) : getComputedStyle(element).position === "fixed" ? null : clipAbove(element, known);
    return clip ? intersect(seen, clip) : seen;
  }

  /** Return what an element and all above it leave of its content, null where that is everything. @param {Element} element @param {Map<Element, any>} known @returns {Rect | null} */
  function clipBelow(element, known) {
    const found = known.get(element);
    if (found !== undefined) return found;
    const style = getComputedStyle(element);
    const clips = element !== document.body && `${style.overflowX}${style.overflowY}`.replace(/visible/g, "") !== "";
    const above = style.position === "fixed" ? null : clipAbove(element, known);
    const own = clips ? element.getBoundingClientRect() : null;
    const both = own && above ? intersect(own, above) : (own ?? above);
    known.set(element, both);
    return both;
  }

  /** @param {Element} element @param {Map<Element, any>} known @returns {Rect | null} */
  function clipAbove(element, known) {
    const parent = parentOf(element);
    return parent && parent !== document.documentElement ? clipBelow(parent, known) : null;
  }

  /** Return what an element hangs in on the screen: the slot it was given to, its parent, or its shadow tree's host. @param {Element} element @returns {Element | null} */
  function parentOf(element) {
    const root = element.getRootNode();
    return element.assignedSlot ?? element.parentElement ?? (root instanceof ShadowRoot ? root.host : null);
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

  /**
   * Return where this frame begins in its tab, or null where a page of another origin stands between.
   *
   * @returns {{left: number, top: number} | null}
   */
  function frameOrigin() {
    let [left, top] = [0, 0];
    for (let view = /** @type {Window} */ (window); view !== view.top; view = view.parent) {
      let frame = null;
      try {
        frame = view.frameElement;
      } catch {
        // another origin
      }
      if (!frame) return null;
      const { left: x, top: y } = frame.getBoundingClientRect();
      left += x + frame.clientLeft;
      top += y + frame.clientTop;
    }
    return { left, top };
  }

  return { backgroundIn, boxOf, frameOrigin, intersect, liftOf, parentOf, rectOf, visibleOf };
})();
