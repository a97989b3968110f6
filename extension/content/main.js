/** Watches a page while its tab is on: asks about every picture that comes, and marks what was found. */

globalThis.fakeweb ??= {};

fakeweb.page ??= (() => {
  const { find, marks, pixels, place } = fakeweb;
  const LEAST_BETWEEN_SCANS_MS = 700;
  const CANVAS_MS = 4_100;
  const LATE_MS = 6_000;
  const SLICE_MS = 6; // of work without letting the page have its turn
  const SMALL_PX = 24; // what is smaller is an icon, and not worth a word
  const MOST_BYTES = 20 * 1024 * 1024;

  class Page {
    constructor() {
      this._fresh = true;
      this._on = false;
      this._minSide = 80;
      this._showUncertain = true;
      /** @type {Map<string, Promise<any>>} What was asked, under the picture's address. */
      this._asked = new Map();
      /** @type {WeakMap<Element, any[]>} The pictures an element was last seen with. */
      this._shown = new WeakMap();
      /** @type {WeakSet<Node>} */
      this._watched = new WeakSet();
      this._scanned = 0;
      this._scanning = false;
      this._skipped = "";
      /** @type {ReturnType<typeof setTimeout> | null} */
      this._timer = null;
      /** @type {any} */
      this._layer = null;
      /** @type {any} */
      this._screen = null;
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

    get screen() {
      this._screen ??= new pixels.Screen(
        Math.min(this._minSide, 80),
        (/** @type {any} */ boxes, /** @type {number} */ width) => send({ type: "screen", boxes, width }),
        (/** @type {boolean} */ on) => this._layer?.hush(on),
      );
      return this._screen;
    }

    _begin() {
      this._on = true;
      this._stop = new AbortController();
      const options = { capture: true, passive: true, signal: this._stop.signal };
      document.addEventListener("load", (event) => this._loaded(event.target), options); // lazy pictures, srcset, style sheets
      for (const name of ["scroll", "transitionend", "play"]) document.addEventListener(name, () => this._scanSoon(), options);
      document.addEventListener("visibilitychange", () => this._scanSoon(), options);
      addEventListener("resize", () => this._scanSoon(), options);
      this._watch(document);
      void this._scan();
    }

    /** @param {EventTarget | null} target */
    _loaded(target) {
      if (target instanceof HTMLIFrameElement) void send({ type: "frame" });
      this._scanSoon();
    }

    _end() {
      this._on = false;
      this._stop.abort();
      this._changes.disconnect();
      if (this._timer !== null) clearTimeout(this._timer);
      this._timer = null;
      this._layer?.close();
      this._layer = null;
      this._screen?.clear();
      this._screen = null;
      this._asked.clear();
      this._skipped = "";
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
        attributeFilter: ["src", "srcset", "sizes", "style", "class", "hidden", "open", "poster", "data", "href"],
      });
    }

    /** @param {number} atLeast */
    _scanSoon(atLeast = 60) {
      if (!this._on || this._timer !== null) return;
      const wait = Math.max(atLeast, this._scanned + LEAST_BETWEEN_SCANS_MS - performance.now());
      this._timer = setTimeout(() => {
        this._timer = null;
        if (this._on) void this._scan();
      }, wait);
    }

    /** Look at every element, a little at a time; ask about new pictures, those nearest to the window first. */
    async _scan() {
      if (this._scanning) return this._scanSoon();
      this._scanning = true;
      try {
        await this._scanAll();
      } finally {
        this._scanning = false;
        this._scanned = performance.now();
      }
    }

    async _scanAll() {
      const { signal } = this._stop;
      /** @type {{picture: any, away: number}[]} */
      const fresh = [];
      const skipped = { small: 0, videos: 0, frames: /** @type {string[]} */ ([]) };
      const breathe = breather();
      let moves = false;
      for (const element of find.elements(document, (/** @type {ShadowRoot} */ shadow) => this._watch(shadow))) {
        const before = this._shown.get(element) ?? [];
        const now = find.picturesOf(element, this._minSide);
        moves ||= now[0]?.kind === "canvas";
        if (now.length || before.length) this._compare(element, before, now, fresh);
        if (now.length === 0 || element instanceof HTMLVideoElement) this._count(element, skipped);
        await breathe();
        if (signal.aborted) return;
      }
      fresh.sort((a, b) => a.away - b.away);
      for (const { picture } of fresh) {
        void this._look(picture);
        await breathe();
        if (signal.aborted) return;
      }
      this._screen?.look();
      if (moves) setTimeout(() => this._scanSoon(), CANVAS_MS);
      const said = JSON.stringify(skipped);
      if (said !== this._skipped) void send({ type: "skipped", skipped });
      this._skipped = said;
    }

    /** Compare what an element showed with what it shows. @param {Element} element @param {any[]} before @param {any[]} now @param {any[]} fresh */
    _compare(element, before, now, fresh) {
      for (const { spot } of before) if (!now.some((n) => n.spot === spot)) this._layer?.remove(spot);
      const isNew = (/** @type {any} */ n) => !before.some((b) => b.spot === n.spot && b.url === n.url);
      for (const picture of now.filter(isNew)) {
        const { top, bottom } = element.getBoundingClientRect();
        fresh.push({ picture, away: Math.max(0, top - innerHeight, -bottom) });
        if (picture.kind !== "canvas") this._layer?.remove(picture.spot); // of a canvas the last answer stays until the next
      }
      if (now.length) this._shown.set(element, now);
      else this._shown.delete(element);
    }

    /** Count what is not looked at, so that the popup can say so. @param {Element} element @param {any} skipped */
    _count(element, skipped) {
      if (!(element instanceof HTMLElement)) return;
      const side = () => Math.min(element.offsetWidth, element.offsetHeight);
      if (element instanceof HTMLImageElement) {
        if (element.complete && Math.min(side(), element.naturalWidth, element.naturalHeight) >= SMALL_PX) skipped.small += 1;
      } else if (element instanceof HTMLVideoElement) {
        if (side() >= this._minSide) skipped.videos += 1;
      } else if (element instanceof HTMLIFrameElement && /^https?:/i.test(element.src) && side() >= this._minSide) {
        const { origin } = new URL(element.src);
        if (origin !== location.origin && !skipped.frames.includes(origin)) skipped.frames.push(origin);
      }
    }

    /** Whether a place still shows a picture. @param {any} picture */
    _shows({ spot, url }) {
      return this._on && (this._shown.get(spot.element) ?? []).some((p) => p.spot === spot && p.url === url);
    }

    /** @param {any} picture */
    async _look(picture) {
      const { spot, url, kind } = picture;
      /** @type {{width: number, height: number} | null} */
      let size = null;
      if (!picture.known) {
        size = await find.sizeOf(url);
        if (size?.width && Math.min(size.width, size.height) < this._minSide) return;
      }
      let asked = this._asked.get(url);
      if (asked === undefined) {
        asked = kind === "canvas" ? Promise.resolve({ state: "failed", pixels: true, again: false }) : ask(url);
        this._asked.set(url, asked);
      }
      let said = await asked;
      let box = null;
      if (said?.pixels && this._shows(picture) && size?.width !== 0) ({ said, box } = await this._read(picture, said));
      if (!this._shows(picture) || said?.state !== "done") return;
      const { label } = said.finding;
      if (label !== "fake" && !(label === "uncertain" && this._showUncertain)) return this._layer?.remove(spot);
      const mark = this.layer.put(spot, { url: said.url ?? url, kind }, said.finding);
      mark.size = size?.width ? size : null;
      mark.box = box;
    }

    /**
     * Check a picture by the pixels that the page shows.
     *
     * @param {any} picture
     * @param {any} said What was said about its file.
     */
    async _read(picture, said) {
      const { spot, url, kind } = picture;
      let from = "page";
      let read = spot.part || (kind === "img" && getComputedStyle(spot.element).content.includes("url(")) ? null : await pixels.drawn(spot.element);
      let box = null;
      if (read === null) {
        from = "screen";
        read = await this.screen.read(spot);
        box = { whole: place.rectOf(spot), seen: place.visibleOf(spot) };
      }
      if (!read || !this._shows(picture)) return { said, box: null };
      return { said: { ...(await send({ type: "check", url: read, from, instead: url })), url: read }, box };
    }

    /** Ask again about what could not be answered. */
    async _retry() {
      for (const [url, asked] of [...this._asked]) {
        const said = await asked;
        if (said?.state !== "done" && said?.again !== false) this._asked.delete(url);
      }
      for (const element of find.elements(document)) {
        const left = this._shown.get(element)?.filter(({ url }) => this._asked.has(url));
        if (left) this._shown.set(element, left);
      }
      this._screen?.again();
      if (this._on) await this._scan();
    }

    /**
     * Show what was found about the picture that was picked in the context menu.
     *
     * @param {{url: string, waiting?: boolean, finding?: any, message?: string}} message
     */
    _show({ url, waiting, finding, message }) {
      const picture = this._showing(url);
      if (!picture) return;
      const { spot, kind } = picture;
      if (waiting) this.layer.say(spot, "Looking at this picture …", "");
      else if (finding) this.layer.pin(this.layer.put(spot, { url, kind }, finding));
      else this.layer.say(spot, "This picture could not be checked", message ? `Why: ${message}.` : "");
    }

    /** @param {string} url @returns {any} */
    _showing(url) {
      const found = [...find.elements(document)].flatMap((element) => find.picturesOf(element, 1)).filter((p) => p.url === url);
      const isInSight = (/** @type {any} */ { spot }) => {
        const { top, height, width } = place.rectOf(spot);
        return width > 0 && top + height > 0 && top < innerHeight;
      };
      return found.find(isInSight) ?? found[0] ?? null;
    }

    /** Read the picture that was picked in the context menu from what is shown. @param {string} url */
    async _pixelsOf(url) {
      const picture = this._showing(url);
      if (!picture) return null;
      const read = await pixels.drawn(picture.spot.element);
      if (read) return { url: read, from: "page" };
      const late = new Promise((resolve) => setTimeout(resolve, LATE_MS, null));
      return { url: await Promise.race([this.screen.read(picture.spot), late]), from: "screen" };
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
      else if (message.type === "read" || message.type === "pixels") {
        const read = message.type === "read" ? readable(message.url) : this._pixelsOf(message.url);
        read.then(respond, () => respond(null));
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
    return await pixels.dataUrl(blob);
  }

  /** Return a function that, waited for, lets others have their turn whenever a slice of time is used up. */
  function breather() {
    let until = performance.now() + SLICE_MS;
    return async () => {
      if (performance.now() < until) return;
      await new Promise((resolve) => setTimeout(resolve));
      until = performance.now() + SLICE_MS;
    };
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
