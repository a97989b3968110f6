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
  const CSS = `
    :host { all: initial !important; position: absolute !important; left: 0 !important; top: 0 !important;
      width: 0 !important; height: 0 !important; z-index: 2147483647 !important; pointer-events: none !important;
      display: block !important; contain: size layout style !important; overflow: visible !important; }
    :host(.hushed) .card { visibility: hidden !important; }
    * { box-sizing: border-box; font: 14px/1.4 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; }
    .clip { position: absolute; left: 0; top: 0; overflow: hidden; container-type: size; --gap: 10px; }
    .inner { position: absolute; left: 0; top: 0; }
    .frame { position: absolute; inset: 0; border: 4px solid var(--tone); box-shadow: inset 0 0 0 1px #14141a99; }
    canvas { position: absolute; left: 0; top: 0; opacity: 0; transition: opacity 120ms; }
    .lit canvas { opacity: 1; }
    button { all: unset; box-sizing: border-box; position: absolute; pointer-events: auto; cursor: pointer;
      font: 600 13px/1.35 system-ui, "Segoe UI", Roboto, "Noto Sans", sans-serif; white-space: nowrap; }
    button * { font: inherit; }
    button:focus-visible { outline: 3px solid #fff; box-shadow: 0 0 0 6px #14141a; }
    .badge { background: #14141a; color: #f8f8fa; padding: 4px 9px 4px 0; border-radius: 4px; display: flex; gap: 7px;
      align-items: center; box-shadow: 0 1px 4px #0007; overflow: hidden; }
    .badge::before { content: "!"; background: var(--tone); color: #14141a; font-weight: 800; padding: 4px 8px;
      margin: -4px 0; }
    .badge, .doubt { left: calc(var(--gap) + var(--left, 0px)); bottom: calc(var(--gap) + var(--foot, 0px)); }
    @container (max-width: 230px) { .words { display: none; } }
    @container (max-width: 199px) or (max-height: 199px) {
      .badge { --gap: 4px; font-size: 11px; line-height: 15px; padding: 1px 5px 1px 0; gap: 5px; }
      .badge::before { padding: 1px 5px; margin: -1px 0; }
      .doubt { --gap: 4px; }
      .frame { border-width: 3px; }
    }
    @container (max-width: 63px) { .percent { display: none; } .badge { padding-right: 0; gap: 0; } }
    .doubt { width: 24px; height: 24px; border-radius: 50%; background: #14141ab3; color: #ced0d6; text-align: center;
      line-height: 22px; border: 1px dashed #ced0d6; }
    .card { position: absolute; left: 0; top: 0; width: 300px; max-width: calc(100vw - 24px); background: #fff; color: #1b1c22; padding: 13px 15px 12px;
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

    /** Take the card out of sight while the screen is read. @param {boolean} on */
    hush(on) {
      this._host.classList.toggle("hushed", on);
    }

    remove() {
      this._host.remove();
    }
  }

  class Layer {
    /** @param {(mark: any) => Promise<string | null>} drawingOf Gives a mark's overlay as a data address. */
    constructor(drawingOf) {
      this._drawingOf = drawingOf;
      /** @type {Map<any, any>} Under the spot they stand on. */
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
     * @param {any} spot
     * @param {{url: string, kind: string}} picture
     * @param {any} finding
     */
    put(spot, picture, finding) {
      this.remove(spot);
      const kind = finding.label === "fake" ? "fake" : "other";
      const clip = make("div", `clip ${kind}`);
      const inner = clip.appendChild(make("div", "inner"));
      if (finding.label === "fake") inner.append(make("div", "frame"));
      /** @type {any} */
      const mark = { spot, picture, finding, kind, clip, inner, lift: null, button: null, canvas: null, asked: false, seen: null, size: null, box: null };
      mark.clip.style.setProperty("--tone", finding.tone);
      const fake = finding.label === "fake";
      if (fake || finding.label === "uncertain") {
        mark.button = mark.clip.appendChild(make("button", fake ? "badge" : "doubt"));
        const told = fake ? `${finding.title}, ${finding.percent} %. ${finding.rarity}` : `${finding.title}. ${finding.text}`;
        mark.button.title = `FakeWeb: ${told.trim()}`;
        mark.button.setAttribute("aria-label", `FakeWeb: ${finding.title}${fake ? `, ${finding.percent} %` : ""}. Explain`);
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
      this._marks.set(spot, mark);
      this._sizes.observe(spot.element);
      this.arrange();
      return mark;
    }

    /** @param {any} spot */
    remove(spot) {
      const mark = this._marks.get(spot);
      if (!mark) return;
      if (this._hovered === mark) this._hover(null);
      if (this._pinned === mark) this.pin(null);
      mark.clip.remove();
      this._marks.delete(spot);
      if (![...this._marks.values()].some((m) => m.spot.element === spot.element)) this._sizes.unobserve(spot.element);
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

    /** Scroll to the next picture that looks manipulated, below the last one shown; return how many there are. */
    next() {
      const known = new Map();
      const at = (/** @type {any} */ mark) => place.rectOf(mark.spot);
      const fakes = [...this._marks.values()].filter((m) => m.finding.label === "fake" && place.visibleOf(m.spot, known).width > 0);
      fakes.sort((a, b) => at(a).top - at(b).top || at(a).left - at(b).left);
      const mark = fakes[(fakes.indexOf(this._pinned) + 1) % fakes.length];
      if (mark) {
        mark.spot.element.scrollIntoView({ block: "center", behavior: "instant" });
        this.pin(mark);
        this._arrange();
        mark.button.focus({ preventScroll: true });
      }
      return fakes.length;
    }

    /** Take the card out of sight while the screen is read. @param {boolean} on */
    hush(on) {
      for (const sheet of this._sheets.values()) sheet.hush(on);
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

    /** Say something about a picture in the card, without a mark. @param {any} spot @param {string} title @param {string} text */
    say(spot, title, text) {
      const mark = this.put(spot, { url: "", kind: "img" }, { label: "note", title, text, percent: null, rarity: "", tone: "#8b93a1" });
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
      if (address === null || this._marks.get(mark.spot) !== mark) {
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

    /** Read where everything is, then move everything: reading after moving would lay the page out anew for each mark. */
    _arrange() {
      const known = new Map();
      for (const mark of [...this._marks.values()]) {
        if (!mark.spot.element.isConnected) this.remove(mark.spot);
        else this._see(mark, known);
      }
      const marks = [...this._marks.values()];
      for (const [lift, sheet] of this._sheets) {
        if (!lift?.isConnected && lift !== null) {
          sheet.remove();
          this._sheets.delete(lift);
        } else if (!marks.some((mark) => mark.lift === lift && mark.seen)) sheet.rest();
      }
      const origins = new Map();
      for (const { lift, seen } of marks) if (seen && !origins.has(lift)) origins.set(lift, this._sheet(lift).hold());
      for (const mark of marks) this._place(mark, origins.get(mark.lift));
      if (this._explained) this._placeCard(this._explained);
    }

    /** @param {Element | null} lift */
    _sheet(lift) {
      let sheet = this._sheets.get(lift);
      if (!sheet) this._sheets.set(lift, (sheet = new Sheet(lift)));
      return sheet;
    }

    /** Find out where a mark's picture is to be seen, and above what it was lifted. @param {any} mark @param {Map<Element, any>} known */
    _see(mark, known) {
      const { spot, picture, canvas } = mark;
      const whole = place.rectOf(spot);
      // far from the window it stays where it is: it comes along when the page is scrolled
      const away = whole.top > 2 * innerHeight || whole.top + whole.height < -innerHeight;
      mark.far = away && mark.seen !== null && Math.abs(mark.down - whole.top - scrollY) < 1;
      if (mark.far) return;
      mark.down = whole.top + scrollY;
      const seen = place.visibleOf(spot, known);
      mark.seen = seen.width < 8 || seen.height < 8 ? null : seen;
      mark.whole = whole;
      if (mark.seen === null) return;
      mark.lift = place.liftOf(spot.element);
      mark.mesh = canvas ? meshBox(mark, place.boxOf(spot, picture.kind)) : null;
    }

    /** @param {any} mark @param {DOMRect} origin */
    _place(mark, origin) {
      const { seen, whole, clip, inner, button, canvas, mesh } = mark;
      if (mark.far) return;
      set(clip, "display", seen ? "" : "none");
      if (!seen) return;
      const { root } = this._sheet(mark.lift);
      // in the order of the answers, for who goes by keyboard; the card stays on top
      if (clip.parentNode !== root) root.insertBefore(clip, this._card.parentNode === root ? this._card : null);
      move(clip, seen, origin);
      move(inner, whole, seen);
      if (button) {
        set(button, "--left", `${Math.max(0, whole.left - seen.left)}px`);
        set(button, "--foot", `${Math.max(0, seen.top + seen.height - whole.top - whole.height)}px`); // faces mostly are above
      }
      if (!canvas) return;
      for (const name of ["objectFit", "objectPosition", "clipPath"]) canvas.style[name] = mesh[name];
      move(canvas, mesh.box, whole);
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
      set(this._card, "transform", `translate(${left - origin.left}px, ${Math.max(gap, spot.top) - origin.top}px)`);
    }
  }

  /**
   * Say where the mesh over a picture lies, and how it fits in there.
   *
   * @param {any} mark
   * @param {any} box The element's box that holds the picture.
   */
  function meshBox({ spot, picture, canvas, size, box: shot, whole }, box) {
    if (shot) {
      // read from the screen: over the part that was to be seen then
      const [across, down] = [whole.width / shot.whole.width, whole.height / shot.whole.height];
      const left = whole.left + (shot.seen.left - shot.whole.left) * across;
      const top = whole.top + (shot.seen.top - shot.whole.top) * down;
      const seen = { left, top, width: shot.seen.width * across, height: shot.seen.height * down };
      return { box: seen, objectFit: "fill", objectPosition: "", clipPath: "" };
    }
    const style = getComputedStyle(spot.element, spot.part || null);
    if (picture.kind === "svg") {
      const how = spot.element.getAttribute("preserveAspectRatio") ?? "";
      return { box, objectFit: /none/.test(how) ? "fill" : /slice/.test(how) ? "cover" : "contain", objectPosition: "", clipPath: "" };
    }
    if (picture.kind !== "background") return { box, objectFit: style.objectFit, objectPosition: style.objectPosition, clipPath: "" };
    const tile = place.backgroundIn(box, size ?? { width: canvas.width, height: canvas.height }, style.backgroundSize, style.backgroundPosition);
    const [right, foot] = [whole.left + whole.width, whole.top + whole.height];
    const over = [whole.top - tile.top, tile.left + tile.width - right, tile.top + tile.height - foot, whole.left - tile.left];
    // a background ends where its element ends
    const clipPath = `inset(${over.map((px) => `${Math.max(0, px)}px`).join(" ")})`;
    return { box: tile, objectFit: "fill", objectPosition: "", clipPath };
  }

  /** Set a property of an element's style, where it changes. @param {any} element @param {string} name @param {string} value */
  function set(element, name, value) {
    element.told ??= {};
    if (element.told[name] === value) return;
    element.told[name] = value;
    if (name.startsWith("--")) element.style.setProperty(name, value);
    else element.style[name] = value;
  }

  /**
   * @param {any} element
   * @param {{left: number, top: number, width: number, height: number}} rect
   * @param {{left: number, top: number}} origin
   */
  function move(element, rect, origin) {
    // by transform: what moves in other ways counts as a shift of the page's layout
    set(element, "transform", `translate(${rect.left - origin.left}px, ${rect.top - origin.top}px)`);
    set(element, "width", `${rect.width}px`);
    set(element, "height", `${rect.height}px`);
  }

  return { Layer };
})();
