/**
 * Finds the pictures of a page: `<img>` in every form (lazy, srcset, picture), CSS backgrounds, open shadow trees.
 *
 * Scripts that a browser puts into pages cannot be modules; each of the files here puts one part into `fakeweb`, which
 * lives in the extension's own world and is out of the page's reach.
 */

globalThis.fakeweb ??= {};

fakeweb.find ??= (() => {
  const URL_IN_CSS = /url\((?:"((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'|([^)"']*))\)/;

  /**
   * Return the address of the first picture in a computed `background-image`, or null.
   *
   * @param {string} css
   * @returns {string | null}
   */
  function urlInCss(css) {
    const found = URL_IN_CSS.exec(css);
    if (!found) return null;
    return (found[1] ?? found[2] ?? found[3] ?? "").replace(/\\(.)/g, "$1").trim() || null;
  }

  /** Drawings and what is no address of a picture are left alone. @param {string} url */
  function mayHoldAPhotograph(url) {
    if (/^data:/i.test(url)) return /^data:image\/(?!svg)/i.test(url);
    if (!/^(https?|blob):/i.test(url)) return false;
    return !/\.svg$/i.test(url.split(/[?#]/, 1)[0]);
  }

  /**
   * Return what picture an element shows at this moment, or null where it shows none of useful size.
   *
   * @param {Element} element
   * @param {number} minSide Shorter side on the screen and of the picture itself, in CSS pixels.
   * @returns {{url: string, kind: "img" | "background"} | null}
   */
  function pictureOf(element, minSide) {
    if (element instanceof HTMLImageElement) {
      if (!element.complete || Math.min(element.naturalWidth, element.naturalHeight) < minSide) return null;
      if (Math.min(element.clientWidth, element.clientHeight) < minSide) return null;
      const url = element.currentSrc || element.src;
      return mayHoldAPhotograph(url) ? { url, kind: "img" } : null;
    }
    if (!(element instanceof HTMLElement)) return null;
    if (Math.min(element.offsetWidth, element.offsetHeight) < minSide) return null;
    const css = getComputedStyle(element).backgroundImage;
    const url = css === "none" ? null : urlInCss(css);
    return url !== null && mayHoldAPhotograph(url) ? { url, kind: "background" } : null;
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

  /**
   * Visit every element below a root, also in open shadow trees.
   *
   * @param {Document | ShadowRoot} root
   * @param {(element: Element) => void} visit
   * @param {(shadow: ShadowRoot) => void} enter Called for each shadow tree.
   */
  function walk(root, visit, enter) {
    for (const element of root.querySelectorAll("*")) {
      visit(element);
      if (element.shadowRoot) {
        enter(element.shadowRoot);
        walk(element.shadowRoot, visit, enter);
      }
    }
  }

  return { mayHoldAPhotograph, pictureOf, sizeOf, urlInCss, walk };
})();
