/**
 * Finds the pictures of a page, in whatever way it shows them: `<img>` in every form, CSS backgrounds and `content`, also of
 * `::before` and `::after`, posters, canvases, `<image>` of SVG, `<object>`, `<embed>`, buttons; in shadow trees, closed ones
 * too where the browser opens them to extensions.
 *
 * Scripts that a browser puts into pages cannot be modules; each of the files here puts one part into `fakeweb`, which
 * lives in the extension's own world and is out of the page's reach.
 */

globalThis.fakeweb ??= {};

fakeweb.find ??= (() => {
  /**
   * Where a picture stands: an element or one of its pseudo-elements. There is one object for each such place.
   *
   * @typedef {{element: Element, part: "" | "::before" | "::after"}} Spot
   */
  /** @typedef {"img" | "background" | "canvas" | "poster" | "svg"} Kind How it lies in its box. */
  /**
   * @typedef {object} Picture
   * @property {Spot} spot
   * @property {string} url Its address; of a canvas one that only we use.
   * @property {Kind} kind
   * @property {boolean} known Whether its size is known to be large enough.
   */

  const URL_IN_CSS = /url\((?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^)"']*))\)(?:\s+(?:type\("[^"]*"\)\s+)?([\d.]+)(dppx|x|dpi))?/g;
  const IMAGE_NAME = /\.(?:jpe?g|png|webp|avif|gif|bmp|jfif)$/i;
  /** Elements that may carry a shadow tree, besides custom ones. */
  const HOSTS = new Set("article aside blockquote body div footer h1 h2 h3 h4 h5 h6 header main nav p section span".split(" "));
  const openAny = globalThis.chrome?.dom?.openOrClosedShadowRoot;

  /** @type {WeakMap<Element, Record<string, Spot>>} */
  const spots = new WeakMap();
  /** @type {WeakMap<Element, {number: number, looks: number, next: number}>} */
  const canvases = new WeakMap();
  const PAUSES_MS = [4_000, 15_000, 60_000, 240_000];
  let canvasCount = 0;

  /** @param {Element} element @param {Spot["part"]} part @returns {Spot} */
  function spotOf(element, part = "") {
    let all = spots.get(element);
    if (!all) spots.set(element, (all = {}));
    return (all[part] ??= { element, part });
  }

  /**
   * Return the address of the first photograph in a computed `background-image` or `content`, or null. Of a set for
   * several densities it is the one that a screen of this density shows.
   *
   * @param {string} css
   * @param {number} density
   * @returns {string | null}
   */
  function urlInCss(css, density = globalThis.devicePixelRatio ?? 1) {
    const found = [...css.matchAll(URL_IN_CSS)].map(([, a, b, c, number, unit]) => ({
      url: (a ?? b ?? c ?? "").replace(/\\(.)/g, "$1").trim(),
      density: number === undefined ? null : unit === "dpi" ? Number(number) / 96 : Number(number),
    }));
    const first = found.find(({ url }) => url !== "");
    if (!first) return null;
    if (first.density === null) return first.url;
    const set = found.filter((f) => f.density !== null && f.url !== "").sort((a, b) => Number(a.density) - Number(b.density));
    return (set.find((f) => Number(f.density) >= density) ?? set[set.length - 1]).url;
  }

  /** Tell whether an address may lead to a picture; whether a drawing holds a photograph is seen when it is read. @param {string} url */
  function mayHoldAPhotograph(url) {
    if (/^data:image\/svg/i.test(url)) return holdsARaster(url);
    if (/^data:/i.test(url)) return /^data:image\//i.test(url);
    return /^(https?|blob):/i.test(url);
  }

  /** Tell whether a drawing as data address has a photograph in it: as data, since pictures load nothing else. @param {string} url */
  function holdsARaster(url) {
    const [head, ...rest] = url.split(",");
    try {
      const text = /;base64/i.test(head) ? atob(rest.join(",")) : decodeURIComponent(rest.join(","));
      return /href\s*=\s*["']\s*data:image\/(?!svg)/i.test(text);
    } catch {
      return false;
    }
  }

  /**
   * Return the pictures that an element shows at this moment and that are large enough.
   *
   * @param {Element} element
   * @param {number} minSide Shorter side on the screen and of the picture itself, in CSS pixels.
   * @returns {Picture[]}
   */
  function picturesOf(element, minSide) {
    if (element instanceof SVGElement) return element.localName === "image" ? ofSvg(element, minSide) : [];
    if (!(element instanceof HTMLElement)) return [];
    if (Math.min(element.offsetWidth, element.offsetHeight) < minSide) return [];
    const style = getComputedStyle(element);
    /** @type {Picture[]} */
    const found = [];
    const add = (/** @type {string | null | undefined} */ url, /** @type {Kind} */ kind, known = false, /** @type {Spot["part"]} */ part = "") => {
      if (url && mayHoldAPhotograph(url)) found.push({ spot: spotOf(element, part), url, kind, known });
    };
    if (style.content.includes("url(")) {
      add(urlInCss(style.content), "img");
    } else if (element instanceof HTMLImageElement) {
      const large = Math.min(element.naturalWidth, element.naturalHeight) >= minSide;
      if (large && element.complete && Math.min(element.clientWidth, element.clientHeight) >= minSide) {
        add(element.currentSrc || element.src, "img", true);
      }
    } else if (element instanceof HTMLVideoElement) {
      if (element.poster && element.paused && element.played.length === 0) add(element.poster, "poster");
    } else if (element instanceof HTMLCanvasElement) {
      if (Math.min(element.width, element.height) >= minSide) found.push({ spot: spotOf(element), url: canvasUrl(element), kind: "canvas", known: true });
    } else if (element instanceof HTMLObjectElement) {
      if (isPicture(element.data, element.type)) add(element.data, "img");
    } else if (element instanceof HTMLEmbedElement) {
      if (isPicture(element.src, element.type)) add(element.src, "img");
    } else if (element instanceof HTMLInputElement && element.type === "image") {
      add(element.src, "img");
    }
    if (found.length === 0 && style.backgroundImage !== "none") add(urlInCss(style.backgroundImage), "background");
    for (const part of /** @type {const} */ (["::before", "::after"])) {
      const pseudo = getComputedStyle(element, part);
      if (pseudo.content === "none" || pseudo.content === "normal" || pseudo.display === "none") continue;
      if (pseudo.content.includes("url(")) add(urlInCss(pseudo.content), "img", false, part);
      else if (pseudo.backgroundImage !== "none") add(urlInCss(pseudo.backgroundImage), "background", false, part);
    }
    return found;
  }

  /** @param {SVGElement} element @param {number} minSide @returns {Picture[]} */
  function ofSvg(element, minSide) {
    const href = element.getAttribute("href") ?? element.getAttributeNS("http://www.w3.org/1999/xlink", "href");
    const { width, height } = element.getBoundingClientRect();
    if (!href || Math.min(width, height) < minSide) return [];
    try {
      const { href: url } = new URL(href, element.baseURI);
      return mayHoldAPhotograph(url) ? [{ spot: spotOf(element), url, kind: "svg", known: false }] : [];
    } catch {
      return [];
    }
  }

  /** @param {string} url @param {string} type What the page says it is. */
  function isPicture(url, type) {
    return type ? /^image\//i.test(type) : /^data:image\//i.test(url) || IMAGE_NAME.test(url.split(/[?#]/, 1)[0]);
  }

  /** Return an address for what a canvas shows now. It changes when it is time for another look: some are films. @param {Element} canvas */
  function canvasUrl(canvas) {
    let known = canvases.get(canvas);
    if (!known) canvases.set(canvas, (known = { number: (canvasCount += 1), looks: 0, next: performance.now() + PAUSES_MS[0] }));
    if (performance.now() >= known.next) {
      known.looks += 1;
      known.next = performance.now() + (PAUSES_MS[known.looks] ?? Infinity);
    }
    return `canvas:${known.number}:${known.looks}`;
  }

  /**
   * Return the size of a picture that the page has loaded already; zeros where it cannot be told.
   *
   * @param {string} url
   * @returns {Promise<{width: number, height: number}>}
   */
  async function sizeOf(url) {
    const probe = new Image();
    probe.src = url;
    try {
      await probe.decode();
    } catch {
      // zeros
    }
    return { width: probe.naturalWidth, height: probe.naturalHeight };
  }

  /** @param {Element} element @returns {ShadowRoot | null} */
  function shadowOf(element) {
    if (element.shadowRoot) return element.shadowRoot;
    if (!(element instanceof HTMLElement) || !(element.localName.includes("-") || HOSTS.has(element.localName))) return null;
    if (element.localName === "fakeweb-marks") return null;
    return openAny ? openAny(element) : (/** @type {any} */ (element).openOrClosedShadowRoot ?? null);
  }

  /**
   * Give every element below a root, also in shadow trees.
   *
   * @param {Document | ShadowRoot} root
   * @param {(shadow: ShadowRoot) => void} enter Called for each shadow tree.
   * @returns {Generator<Element>}
   */
  function* elements(root, enter = () => {}) {
    for (const element of root.querySelectorAll("*")) {
      yield element;
      const shadow = shadowOf(element);
      if (!shadow) continue;
      enter(shadow);
      yield* elements(shadow, enter);
    }
  }

  return { elements, mayHoldAPhotograph, picturesOf, sizeOf, spotOf, urlInCss };
})();
