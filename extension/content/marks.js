/**
 * What is drawn over the page: a frame and a badge on pictures that look manipulated, a quiet question mark on
 * uncertain ones, the mesh while the pointer is on a picture, and one card that explains.
 *
 * All of it lives in closed shadow trees, so that neither the page's styles nor its scripts reach it, and is made without
 * markup, styles or pictures that a page's content security policy could forbid. One such tree hangs on the page, and
 * one in each dialog, popover or fullscreen element with a marked picture, as a popover of its own: browsers draw these
 * above everything else, and let nothing outside of a modal dialog be clicked.
 */

globalThis.fakeweb ??= {};

fakeweb.marks ??= (() => {
  const { place } = fakeweb;
  const CAVEAT = "This is the estimate of a program and can be wrong. It is not proof.";
  const SMALL_PX = 200; // pictures below get a smaller badge
  const CSS = `
    :host { all: initial !important; position: absolute !important; left: 0 !important; top: 0 !important;
      width: 0 !important; height: 0 !important; z-index: 2147483647 !important; pointer-events: none !important;
      display: block !important; contain: layout style !important; overflow: visible !important; }
    * { box-sizing: border-box; font: 14px/1.4 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
    .clip { position: absolute; overflow: hidden; }
    .inner { position: absolute; }
    .frame { position: absolute; inset: 0; border: 4px solid var(--tone); box-shadow: inset 0 0 0 1px #14141a99; }
    canvas { position: absolute; opacity: 0; transition: opacity 120ms; }
    .lit canvas { opacity: 1; }
    button { all: unset; box-sizing: border-box; position: absolute; pointer-events: auto; cursor: pointer;
      font: 600 13px/1.35 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; white-space: nowrap; }
    button * { font: inherit; }
    button:focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px #14141a; }
    .badge { background: #14141a; color: #f8f8fa; padding: 4px 9px 4px 0; border-radius: 4px; display: flex; gap: 7px;
      align-items: center; box-shadow: 0 1px 4px #0007; overflow: hidden; }
    .badge::before { content: "!"; background: var(--tone); color: #14141a; font-weight: 800; padding: 4px 8px;
      margin: -4px 0; }
    .short .words, .bare .words, .bare .percent { display: none; }
    .bare .badge { padding-right: 0; gap: 0; }
    .small .badge { font-size: 11px; line-height: 15px; padding: 1px 5px 1px 0; gap: 5px; }
    .small .badge::before { padding: 1px 5px; margin: -1px 0; }
    .small.bare .badge { padding-right: 0; gap: 0; }
    .small .frame { border-width: 3px; }
    .doubt { width: 24px; height: 24px; border-radius: 50%; background: #14141ab3; color: #ced0d6; text-align: center;
      line-height: 22px; border: 1px dashed #ced0d6; }
    .card { position: absolute; width: 300px; max-width: calc(100vw - 24px); background: #fff; color: #1b1c22; padding: 13px 15px 12px;
      border-radius: 9px; box-shadow: 0 6px 28px #0006, 0 0 0 1px #0002; border-top: 4px solid var(--tone); }
    .card { max-height: min(560px, calc(100vh - 24px)); overflow: hidden auto; overflow-wrap: anywhere; }
    .card[hidden] { display: none; }
    .card.pinned { pointer-events: auto; }
    .card p { margin: 5px 0 0; }
    .card .title { font-weight: 700; font-size: 15px; margin: 0; padding-right: 22px; }
    .card .quiet { color: #5b6472; font-size: 12.5px; border-top: 1px solid #e5e7eb; padding-top: 7px; margin-top: 9px; }
    .scale { margin: 9px 0 2px; height: 8px; border-radius: 4px; background: #e5e7eb; overflow: hidden; }
    .scale div { height: 100%; background: var(--tone); border-radius: 4px; }
    .said { display: flex; justify-content: space-between; font-size: 12.5px; color: #5b6472; }
    .close { right: 6px; top: 5px; width: 26px; height: 26px; text-align: center; color: #5b6472; font-size: 18px;
      line-height: 24px; border-radius: 5px; }
    .close:hover { background: #eceef1; }
    .card:not(.pinned) .close { display: none; }
    @media (prefers-color-scheme: dark) {
      .card { background: #22242b; color: #f1f2f4; box-shadow: 0 6px 28px #000a, 0 0 0 1px #fff3; }
      .card .quiet, .said, .close { color: #b3b9c4; }
      .card .quiet { border-color: #3b3f49; }
      .scale { background: #3b3f49; }
      .close:hover { background: #34373f; }
    }
    @media (prefers-reduced-motion: reduce) { canvas { transition: none; } }
    @media print { :host { display: none !important; } }
  `;

  /**
   * @param {string} name
   * @param {string} className
   * @param {string} [text]
   */
  function make(name, className, text) {
    const element = document.createElement(name);
    if (className) element.className = className;
    if (text !== undefined) element.textContent = text;
    return element;
  }

  /** The element over the page, or over one dialog, that holds marks. */
  class Sheet {
    /** @param {Element | null} lift */
    constructor(lift) {
      this._lift = lift;
      this._host = document.createElement("fakeweb-marks");
      this.root = this._host.attachShadow({ mode: "closed" });
      try {
        const sheet = new CSSStyleSheet(); // where a page forbids style elements
        sheet.replaceSync(CSS);
        this.root.adoptedStyleSheets = [sheet];
      } catch {
        this.root.append(make("style", "", CSS)); // Firefox, which lets extensions' style elements pass
      }
      if (!lift) return;
      this._host.popover = "manual";
      // a dialog that is closed and opened at once comes to lie above it
      for (const name of ["close", "toggle"]) lift.addEventListener(name, () => this.rest());
    }

    /** Put it where it belongs, on top of what is there; return where its marks' coordinates begin. */
    hold() {
      const parent = this._lift ?? document.documentElement;
      if (this._host.parentNode !== parent) parent.append(this._host);
      if (this._lift && !this._host.matches(":popover-open")) this._host.showPopover();
      return this._host.getBoundingClientRect();
    }

    /** Step down, so that it comes to lie on top again when its dialog is opened anew. */
    rest() {
      if (this._lift && this._host.matches(":popover-open")) this._host.hidePopover();
    }

    remove() {
      this._host.remove();
    }
  }

  class Layer {
    /** @param {(mark: any) => Promise<string | null>} drawingOf Gives a mark's overlay as a data address. */
    constructor(drawingOf) {
      this._drawingOf = drawingOf;
      /** @type {Map<Element, any>} */
      this._marks = new Map();
      this._hovered = null;
      this._pinned = null;
      this._due = false;
      this._point = null;
      /** @type {Map<Element | null, Sheet>} One for the page (null), one for each dialog. */
      this._sheets = new Map();
      this._card = make("div", "card");
      this._card.setAttribute("role", "status");
      this._card.hidden = true;
      this._stop = new AbortController();
      this._sizes = new ResizeObserver(() => this.arrange());
      this._watch();
    }

    /**
     * Mark a picture; what was there before is replaced.
     *
     * @param {Element} element
     * @param {{url: string, kind: string}} picture
     * @param {any} finding
     */
    put(element, picture, finding) {
      this.remove(element);
      const kind = finding.label === "fake" ? "fake" : "other";
      const clip = make("div", `clip ${kind}`);
      const inner = clip.appendChild(make("div", "inner"));
      if (finding.label === "fake") inner.append(make("div", "frame"));
      /** @type {any} */
      const mark = { element, picture, finding, kind, clip, inner, lift: null, button: null, fitted: "", canvas: null, asked: false, seen: null };
      mark.clip.style.setProperty("--tone", finding.tone);
      const fake = finding.label === "fake";
      if (fake || finding.label === "uncertain") {
        mark.button = mark.clip.appendChild(make("button", fake ? "badge" : "doubt"));
        const told = fake ? `${finding.title}, ${finding.percent} %. ${finding.rarity}` : `${finding.title}. ${finding.text}`;
        mark.button.title = `FakeWeb: ${told.trim()}`;
        mark.button.setAttribute("aria-label", `FakeWeb: ${finding.title}. Explain`);
        const words = [make("span", "words", "looks manipulated ·"), make("span", "percent", `${finding.percent} %`)];
        mark.button.append(...(fake ? words : ["?"]));
        mark.button.addEventListener("click", (/** @type {Event} */ event) => {
          event.preventDefault();
          event.stopPropagation();
          this.pin(this._pinned === mark ? null : mark);
        });
        mark.button.addEventListener("focus", () => this._hover(mark));
        mark.button.addEventListener("blur", () => this._hover(null));
      }
      this._marks.set(element, mark);
      this._sizes.observe(element);
      this.arrange();
      return mark;
    }

    /** @param {Element} element */
    remove(element) {
      const mark = this._marks.get(element);
      if (!mark) return;
      if (this._hovered === mark) this._hover(null);
      if (this._pinned === mark) this.pin(null);
      mark.clip.remove();
      this._sizes.unobserve(element);
      this._marks.delete(element);
    }

    /** Take everything away. */
    close() {
      this._stop.abort();
      this._sizes.disconnect();
      clearInterval(this._timer);
      for (const sheet of this._sheets.values()) sheet.remove();
      this._sheets.clear();
      this._marks.clear();
    }

    /** @param {Element} element */
    has(element) {
      return this._marks.has(element);
    }

    /** Scroll to the next picture that looks manipulated, below the last one shown; return how many there are. */
    next() {
      const fakes = [...this._marks.values()].filter((m) => m.finding.label === "fake" && m.seen);
      fakes.sort((a, b) => a.seen.top - b.seen.top || a.seen.left - b.seen.left);
      const at = fakes.indexOf(this._pinned);
      const mark = fakes[(at + 1) % fakes.length];
      if (mark) {
        mark.element.scrollIntoView({ block: "center", behavior: "instant" });
        this.pin(mark);
        this.arrange();
      }
      return fakes.length;
    }

    /**
     * Keep a mark's card open until it is closed, or close the one that is.
     *
     * @param {any} mark
     */
    pin(mark) {
      this._pinned = mark;
      this._light();
    }

    /** Say something about a picture in the card, without a mark. @param {Element} element @param {string} title @param {string} text */
    say(element, title, text) {
      const mark = this.put(element, { url: "", kind: "img" }, { label: "note", title, text, percent: null, rarity: "", tone: "#8b93a1" });
      this.pin(mark);
    }

    /** Bring all marks to where their pictures are, soon. */
    arrange() {
      if (this._due) return;
      this._due = true;
      requestAnimationFrame(() => {
        this._due = false;
        if (!this._stop.signal.aborted) this._arrange();
      });
    }

    _watch() {
      const soon = { capture: true, passive: true, signal: this._stop.signal };
      const arrange = () => this.arrange();
      for (const name of ["scroll", "load", "transitionend"]) document.addEventListener(name, arrange, soon);
      addEventListener("resize", arrange, soon);
      document.addEventListener("pointermove", (event) => this._move(event), soon);
      document.addEventListener("pointerleave", () => this._hover(null), soon);
      document.addEventListener(
        "keydown",
        (event) => {
          if (event.key === "Escape" && this._pinned) this.pin(null);
        },
        { capture: true, signal: this._stop.signal },
      );
      this._timer = setInterval(() => this._marks.size && this.arrange(), 500); // animations, fonts, whatever moves
    }

    /** @param {PointerEvent} event */
    _move({ clientX: x, clientY: y, target }) {
      const over = target instanceof Element ? place.liftOf(target) : null;
      const under = [...this._marks.values()].filter(({ lift, seen }) => {
        return lift === over && seen && x >= seen.left && y >= seen.top && x < seen.left + seen.width && y < seen.top + seen.height;
      });
      under.sort((a, b) => a.seen.width * a.seen.height - b.seen.width * b.seen.height);
      this._hover(under[0] ?? null);
    }

    /** @param {any} mark */
    _hover(mark) {
      if (mark === this._hovered) return;
      this._hovered = mark;
      this._light();
    }

    _light() {
      const shown = this._hovered ?? this._pinned;
      for (const mark of this._marks.values()) mark.clip.classList.toggle("lit", mark === shown);
      const explained = this._pinned ?? (shown?.finding.label === "fake" ? shown : null);
      this._explain(explained);
      if (shown?.finding.label === "fake") void this._draw(shown);
    }

    /** @param {any} mark */
    _explain(mark) {
      this._explained = mark;
      this._card.hidden = mark === null;
      if (mark === null) return;
      const { finding } = mark;
      const parts = [make("p", "title", finding.title)];
      if (finding.percent !== null && (finding.label === "fake" || finding.label === "uncertain")) {
        const scale = make("div", "scale");
        scale.appendChild(make("div", "")).style.width = `${finding.percent}%`;
        const said = make("div", "said");
        said.append(make("span", "", "how suspicious"), make("span", "", `${finding.percent} of 100`));
        parts.push(scale, said);
      }
      parts.push(make("p", "", finding.text));
      if (finding.rarity) parts.push(make("p", "", finding.rarity));
      for (const line of finding.origin ?? []) parts.push(make("p", "quiet", line));
      if (finding.label !== "note") parts.push(make("p", "quiet", finding.note ? `${CAVEAT} ${finding.note}` : CAVEAT));
      const close = make("button", "close", "×");
      close.setAttribute("aria-label", "Close");
      close.addEventListener("click", () => this.pin(null));
      this._card.replaceChildren(...parts, close);
      this._card.classList.toggle("pinned", mark === this._pinned);
      this._card.style.setProperty("--tone", finding.tone);
      this._arrange();
    }

    /** Fetch the mesh of a mark, once. @param {any} mark */
    async _draw(mark) {
      if (mark.asked) return;
      mark.asked = true;
      const address = await this._drawingOf(mark);
      if (address === null || !this._marks.has(mark.element)) {
        mark.asked = false;
        return;
      }
      const [head, base64] = address.split(",", 2);
      const bytes = Uint8Array.from(atob(base64), (letter) => letter.charCodeAt(0));
      const bitmap = await createImageBitmap(new Blob([bytes], { type: head.slice(5).split(";")[0] }));
      const canvas = /** @type {HTMLCanvasElement} */ (make("canvas", ""));
      canvas.width = bitmap.width;
      canvas.height = bitmap.height;
      canvas.getContext("2d")?.drawImage(bitmap, 0, 0);
      mark.canvas = canvas;
      mark.inner.prepend(canvas);
      this._arrange();
    }

    _arrange() {
      for (const mark of [...this._marks.values()]) {
        if (mark.element.isConnected) this._see(mark);
        else this.remove(mark.element);
      }
      const marks = [...this._marks.values()];
      for (const [lift, sheet] of this._sheets) {
        if (!lift?.isConnected && lift !== null) {
          sheet.remove();
          this._sheets.delete(lift);
        } else if (!marks.some((mark) => mark.lift === lift && mark.seen)) sheet.rest();
      }
      for (const mark of marks) if (mark.seen) this._place(mark, this._sheet(mark.lift).hold());
      if (this._explained) this._placeCard(this._explained);
    }

    /** @param {Element | null} lift */
    _sheet(lift) {
      let sheet = this._sheets.get(lift);
      if (!sheet) this._sheets.set(lift, (sheet = new Sheet(lift)));
      return sheet;
    }

    /** Find out where a mark's picture is to be seen, and above what it was lifted. @param {any} mark */
    _see(mark) {
      const seen = place.visibleOf(mark.element);
      const hidden = seen.width < 8 || seen.height < 8;
      mark.seen = hidden ? null : seen;
      mark.clip.style.display = hidden ? "none" : "";
      if (hidden) return;
      mark.lift = place.liftOf(mark.element);
      const { root } = this._sheet(mark.lift);
      if (mark.clip.parentNode !== root) root.prepend(mark.clip);
    }

    /** @param {any} mark @param {DOMRect} origin */
    _place(mark, origin) {
      const { seen } = mark;
      const whole = mark.element.getBoundingClientRect();
      move(mark.clip, seen, origin);
      move(mark.inner, whole, seen);
      if (mark.button) {
        const gap = this._fit(mark);
        mark.button.style.left = `${Math.max(0, whole.left - seen.left) + gap}px`;
        // at the foot of what can be seen: faces mostly are above
        mark.button.style.bottom = `${Math.max(0, seen.top + seen.height - whole.bottom) + gap}px`;
      }
      if (mark.canvas) this._placeMesh(mark, whole);
    }

    /**
     * Let a badge say as much as its picture has room for: words and number, the number, or its sign alone.
     *
     * @param {any} mark
     * @returns {number} How far from the border it stands, in pixels.
     */
    _fit(mark) {
      const { width, height } = mark.seen;
      const small = Math.min(width, height) < SMALL_PX;
      const gap = small ? 4 : 10;
      if (mark.fitted !== `${width} ${height}`) {
        mark.fitted = `${width} ${height}`;
        for (const form of ["", "short", "bare"]) {
          mark.clip.className = `clip ${mark.kind} ${form} ${small ? "small" : ""}`;
          if (mark.button.offsetWidth + 2 * gap <= width) break;
        }
        mark.clip.classList.toggle("lit", mark === (this._hovered ?? this._pinned));
      }
      return gap;
    }

    /** @param {any} mark @param {DOMRect} whole */
    _placeMesh(mark, whole) {
      const { canvas, element, picture } = mark;
      const box = place.boxOf(element);
      const style = getComputedStyle(element);
      if (picture.kind === "img") {
        canvas.style.objectFit = style.objectFit;
        canvas.style.objectPosition = style.objectPosition;
        move(canvas, box, whole);
        return;
      }
      const size = mark.size ?? { width: canvas.width, height: canvas.height };
      const tile = place.backgroundIn(box, size, style.backgroundSize, style.backgroundPosition);
      canvas.style.objectFit = "fill";
      move(canvas, tile, whole);
      // a background ends where its element ends
      canvas.style.clipPath = `inset(${Math.max(0, whole.top - tile.top)}px ${Math.max(0, tile.left + tile.width - whole.right)}px
        ${Math.max(0, tile.top + tile.height - whole.bottom)}px ${Math.max(0, whole.left - tile.left)}px)`;
    }

    /** Beside the picture, below or above it, or inside where there is no room. @param {any} mark */
    _placeCard(mark) {
      const { lift, seen } = mark;
      this._card.style.visibility = seen ? "" : "hidden";
      if (!seen) return;
      const sheet = this._sheet(lift);
      if (this._card.parentNode !== sheet.root) sheet.root.append(this._card);
      const origin = sheet.hold();
      const { width, height } = this._card.getBoundingClientRect();
      const gap = 8;
      const spots = [
        { left: seen.left + seen.width + gap, top: seen.top },
        { left: seen.left - width - gap, top: seen.top },
        { left: seen.left, top: seen.top + seen.height + gap },
        { left: seen.left, top: seen.top - height - gap },
      ];
      const fits = (/** @type {{left: number, top: number}} */ s) =>
        s.left >= 0 && s.top >= 0 && s.left + width <= innerWidth && s.top + height <= innerHeight;
      const spot = spots.find(fits) ?? {
        left: seen.left + 12,
        top: Math.min(seen.top + seen.height, innerHeight) - height - 12,
      };
      const left = Math.min(Math.max(gap, spot.left), Math.max(gap, innerWidth - width - gap));
      this._card.style.left = `${left - origin.left}px`;
      this._card.style.top = `${Math.max(gap, spot.top) - origin.top}px`;
    }
  }

  /**
   * @param {HTMLElement} element
   * @param {{left: number, top: number, width: number, height: number}} rect
   * @param {{left: number, top: number}} origin
   */
  function move(element, rect, origin) {
    element.style.left = `${rect.left - origin.left}px`;
    element.style.top = `${rect.top - origin.top}px`;
    element.style.width = `${rect.width}px`;
    element.style.height = `${rect.height}px`;
  }

  return { Layer };
})();
