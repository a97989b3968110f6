/** Watches a page while its tab is on: asks about every picture that comes, and marks what was found. */

globalThis.fakeweb ??= {};

fakeweb.page ??= (() => {
  const { find, marks } = fakeweb;
  const LEAST_BETWEEN_SCANS_MS = 700;
  const MOST_BYTES = 20 * 1024 * 1024;

  class Page {
    constructor() {
      this._fresh = true;
      this._on = false;
      this._minSide = 80;
      this._showUncertain = true;
      /** @type {Map<string, Promise<any>>} What was asked, under the picture's address. */
      this._asked = new Map();
      /** @type {WeakMap<Element, string>} The address an element was last looked at with. */
      this._shown = new WeakMap();
      /** @type {WeakSet<Node>} */
      this._watched = new WeakSet();
      this._scanned = 0;
      /** @type {ReturnType<typeof setTimeout> | null} */
      this._timer = null;
      /** @type {any} */
      this._layer = null;
      this._stop = new AbortController();
      this._changes = new MutationObserver(() => this._scanSoon());
      chrome.runtime.onMessage.addListener((message, _sender, respond) => this._told(message, respond));
    }

    /** Ask whether this tab is on, and act on it. */
    async wake() {
      const fresh = this._fresh;
      this._fresh = false;
      const said = await send({ type: "hello", fresh });
      if (!said) return;
      this._minSide = said.minSide;
      this._showUncertain = said.showUncertain;
      if (said.on && !this._on) this._begin();
      if (!said.on && this._on) this._end();
    }

    get layer() {
      this._layer ??= new marks.Layer((/** @type {any} */ mark) => this._drawing(mark));
      return this._layer;
    }

    _begin() {
      this._on = true;
      this._stop = new AbortController();
      const options = { capture: true, passive: true, signal: this._stop.signal };
      document.addEventListener("load", () => this._scanSoon(), options); // lazy pictures, srcset, style sheets
      for (const name of ["scroll", "transitionend"]) document.addEventListener(name, () => this._scanSoon(), options);
      addEventListener("resize", () => this._scanSoon(), options);
      this._watch(document);
      this._scan();
    }

    _end() {
      this._on = false;
      this._stop.abort();
      this._changes.disconnect();
      if (this._timer !== null) clearTimeout(this._timer);
      this._timer = null;
      this._layer?.close();
      this._layer = null;
      this._asked.clear();
      this._shown = new WeakMap();
      this._watched = new WeakSet();
    }

    /** @param {Document | ShadowRoot} root */
    _watch(root) {
      if (this._watched.has(root)) return;
      this._watched.add(root);
      this._changes.observe(root, {
        subtree: true,
        childList: true,
        attributes: true,
        attributeFilter: ["src", "srcset", "sizes", "style", "class", "hidden", "open"],
      });
    }

    _scanSoon() {
      if (!this._on || this._timer !== null) return;
      const wait = Math.max(60, this._scanned + LEAST_BETWEEN_SCANS_MS - performance.now());
      this._timer = setTimeout(() => {
        this._timer = null;
        if (this._on) this._scan();
      }, wait);
    }

    /** Look at every element; ask about new pictures, those nearest to the window first. */
    _scan() {
      this._scanned = performance.now();
      /** @type {{element: Element, picture: any, away: number}[]} */
      const fresh = [];
      find.walk(
        document,
        (/** @type {Element} */ element) => {
          const picture = find.pictureOf(element, this._minSide);
          if (picture === null) {
            if (this._shown.delete(element)) this._layer?.remove(element);
          } else if (this._shown.get(element) !== picture.url) {
            const { top, bottom } = element.getBoundingClientRect();
            fresh.push({ element, picture, away: Math.max(0, top - innerHeight, -bottom) });
          }
        },
        (/** @type {ShadowRoot} */ shadow) => this._watch(shadow),
      );
      fresh.sort((a, b) => a.away - b.away);
      for (const { element, picture } of fresh) {
        this._shown.set(element, picture.url);
        this._layer?.remove(element);
        void this._look(element, picture);
      }
    }

    /** @param {Element} element @param {{url: string, kind: string}} picture */
    async _look(element, picture) {
      let size = null;
      if (picture.kind === "background") {
        size = await find.sizeOf(picture.url);
        if (size.width && Math.min(size.width, size.height) < this._minSide) return;
      }
      let asked = this._asked.get(picture.url);
      if (asked === undefined) {
        asked = ask(picture.url);
        this._asked.set(picture.url, asked);
      }
      const said = await asked;
      if (!this._on || this._shown.get(element) !== picture.url || said?.state !== "done") return;
      const { label } = said.finding;
      if (label === "fake" || (label === "uncertain" && this._showUncertain)) {
        const mark = this.layer.put(element, picture, said.finding);
        if (size?.width) mark.size = size;
      }
    }

    /** Ask again about what could not be answered. */
    async _retry() {
      for (const [url, asked] of [...this._asked]) {
        const said = await asked;
        if (said?.state !== "done" && said?.again !== false) this._asked.delete(url);
      }
      find.walk(
        document,
        (/** @type {Element} */ element) => {
          const url = this._shown.get(element);
          if (url !== undefined && !this._asked.has(url)) this._shown.delete(element);
        },
        () => {},
      );
      if (this._on) this._scan();
    }

    /**
     * Show what was found about the picture that was picked in the context menu.
     *
     * @param {{url: string, waiting?: boolean, finding?: any, message?: string}} message
     */
    _show({ url, waiting, finding, message }) {
      const element = this._showing(url);
      if (!element) return;
      if (waiting) this.layer.say(element, "Looking at this picture …", "");
      else if (finding) this.layer.pin(this.layer.put(element, { url, kind: "img" }, finding));
      else this.layer.say(element, "This picture could not be checked", message ?? "");
    }

    /** @param {string} url @returns {Element | null} */
    _showing(url) {
      /** @type {Element[]} */
      const found = [];
      find.walk(
        document,
        (/** @type {Element} */ element) => {
          if (element instanceof HTMLImageElement && [element.currentSrc, element.src].includes(url)) found.push(element);
        },
        () => {},
      );
      const isInSight = (/** @type {Element} */ element) => {
        const { top, bottom, width } = element.getBoundingClientRect();
        return width > 0 && bottom > 0 && top < innerHeight;
      };
      return found.find(isInSight) ?? found[0] ?? null;
    }

    /** @param {any} mark @returns {Promise<string | null>} */
    async _drawing(mark) {
      const said = await send({ type: "overlay", url: await readable(mark.picture.url), sha256: mark.finding.sha256 });
      return said?.drawing ?? null;
    }

    /** @param {any} message @param {(answer: unknown) => void} respond */
    _told(message, respond) {
      if (message.type === "stop") this._end();
      else if (message.type === "retry") void this._retry();
      else if (message.type === "next") respond(this._layer?.next() ?? 0);
      else if (message.type === "show") this._show(message);
      else if (message.type === "read") {
        readable(message.url).then(respond, () => respond(null));
        return true;
      }
      return false;
    }
  }

  /** @param {string} url */
  async function ask(url) {
    let address;
    try {
      address = await readable(url);
    } catch {
      return { state: "failed", again: false };
    }
    return await send({ type: "check", url: address });
  }

  /** Return an address that the extension's own process can read: what lies in this page's memory is copied. @param {string} url */
  async function readable(url) {
    if (!url.startsWith("blob:")) return url;
    const blob = await (await fetch(url)).blob();
    if (blob.size > MOST_BYTES) throw new Error("too large");
    return await new Promise((resolve, reject) => {
      const reader = new FileReader();
      reader.onload = () => resolve(/** @type {string} */ (reader.result));
      reader.onerror = () => reject(reader.error);
      reader.readAsDataURL(blob);
    });
  }

  /** @param {object} message */
  async function send(message) {
    try {
      return await chrome.runtime.sendMessage(message);
    } catch {
      return null; // the extension was updated or taken away
    }
  }

  return new Page();
})();

void fakeweb.page.wake();
