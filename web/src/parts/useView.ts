import { useCallback, useEffect, useRef, useState, type RefObject } from "react";
import { WHOLE, clamped, mostZoom, zoomed, type Size, type View } from "../view";

/** A finger or mouse that moves less than this clicks. */
const CLICK_PX = 5;
const STEP = 1.5;
/** A redraw that takes longer waits until the picture stands still. */
const QUICK_MS = 6;
const REST_MS = 140;

interface Options {
  frame: RefObject<HTMLElement | null>;
  size: Size;
  pictureWidth: number;
  /** Whether the wheel enlarges without Ctrl. */
  freeWheel: boolean;
  /** Move what lies in the frame; called at most once a frame. */
  onMove: (view: View) => void;
  /** Draw anew for where it lies now. */
  onDraw: (view: View) => void;
}

export interface Viewing {
  /** The view when it last stood still. */
  settled: View;
  current: RefObject<View>;
  most: number;
  go: (view: View, slowly?: boolean) => void;
  step: (direction: 1 | -1, at?: readonly [number, number]) => void;
  pan: (dx: number, dy: number) => void;
  whole: () => void;
}

/** Zoom and pan by wheel, fingers and mouse, without a render of React's in between. */
export function useView({ frame, size, pictureWidth, freeWheel, onMove, onDraw }: Options): Viewing {
  const current = useRef<View>(WHOLE);
  const [settled, setSettled] = useState<View>(WHOLE);
  const most = mostZoom(size, pictureWidth);
  const latest = useRef({ size, most, freeWheel, onMove, onDraw });
  latest.current = { size, most, freeWheel, onMove, onDraw };
  const pending = useRef(0), rest = useRef(0), took = useRef(0);

  const settle = useCallback(() => {
    frame.current?.classList.remove("moving", "flying");
    latest.current.onDraw(current.current);
    setSettled(current.current);
  }, [frame]);

  const go = useCallback((view: View, slowly = false) => {
    current.current = clamped(view, latest.current.size, latest.current.most);
    frame.current?.classList.add(slowly ? "flying" : "moving");
    pending.current ||= requestAnimationFrame(() => {
      pending.current = 0;
      latest.current.onMove(current.current);
      if (slowly || took.current > QUICK_MS) return;
      const began = performance.now();
      latest.current.onDraw(current.current);
      took.current = performance.now() - began;
    });
    clearTimeout(rest.current);
    rest.current = window.setTimeout(() => { took.current = 0; settle(); }, slowly ? 2.5 * REST_MS : REST_MS);
  }, [frame, settle]);

  useEffect(() => () => { cancelAnimationFrame(pending.current); clearTimeout(rest.current); }, []);
  const before = useRef(size);
  useEffect(() => { // a frame of another size shows the same part
    const by = before.current.width ? size.width / before.current.width : 1, { zoom, x, y } = current.current;
    before.current = size;
    current.current = clamped({ zoom, x: by * x, y: by * y }, size, most);
    onMove(current.current);
    setSettled(current.current);
  }, [size.width, size.height]); // eslint-disable-line

  const step = useCallback((direction: 1 | -1, at?: readonly [number, number]) => {
    const { size, most } = latest.current;
    go(zoomed(current.current, direction > 0 ? STEP : 1 / STEP, at ?? [size.width / 2, size.height / 2], size, most), true);
  }, [go]);
  const pan = useCallback((dx: number, dy: number) => {
    const view = current.current;
    go({ ...view, x: view.x - dx * latest.current.size.width, y: view.y - dy * latest.current.size.height }, true);
  }, [go]);
  const whole = useCallback(() => go(WHOLE, true), [go]);

  useEffect(() => {
    const box = frame.current;
    if (!box) return;
    const place = (event: { clientX: number; clientY: number }) => {
      const { left, top } = box.getBoundingClientRect();
      return [event.clientX - left, event.clientY - top] as const;
    };
    const wheel = (event: WheelEvent) => {
      const { size, most, freeWheel } = latest.current;
      const out = event.deltaY > 0, enlarged = current.current.zoom > 1;
      if (!(event.ctrlKey || enlarged || freeWheel) || (out && !enlarged && !event.ctrlKey)) return;
      event.preventDefault();
      const pixels = event.deltaY * (event.deltaMode ? 33 : 1);
      go(zoomed(current.current, Math.exp(-pixels * (event.ctrlKey ? 0.008 : 0.002)), place(event), size, most));
    };
    const held = new Map<number, readonly [number, number]>();
    let from: readonly [number, number] | null = null, dragged = false;
    const down = (event: PointerEvent) => {
      if (event.button || (event.target as Element).closest("input")) return;
      held.set(event.pointerId, place(event));
      [from, dragged] = [place(event), held.size > 1];
    };
    const move = (event: PointerEvent) => {
      const before = held.get(event.pointerId);
      if (!before || !from) return;
      const now = place(event), view = current.current, { size, most } = latest.current;
      if (held.size === 2) {
        const [, other] = [...held].find(([id]) => id !== event.pointerId)!;
        const gap = (p: readonly [number, number]) => Math.hypot(p[0] - other[0], p[1] - other[1]);
        held.set(event.pointerId, now);
        const middle = [(now[0] + other[0]) / 2, (now[1] + other[1]) / 2] as const;
        const spread = zoomed(view, gap(now) / Math.max(1, gap(before)), middle, size, most);
        return go({ ...spread, x: spread.x + (now[0] - before[0]) / 2, y: spread.y + (now[1] - before[1]) / 2 });
      }
      if (!dragged && Math.hypot(now[0] - from[0], now[1] - from[1]) < CLICK_PX) return;
      if (view.zoom === 1) return;
      if (!dragged) box.setPointerCapture(event.pointerId); // from here on it is no click
      dragged = true;
      held.set(event.pointerId, now);
      go({ ...view, x: view.x + now[0] - before[0], y: view.y + now[1] - before[1] });
    };
    const up = (event: PointerEvent) => void held.delete(event.pointerId);
    const click = (event: MouseEvent) => {
      if (dragged) event.stopPropagation();
      dragged = false;
    };
    box.addEventListener("wheel", wheel, { passive: false });
    box.addEventListener("pointerdown", down);
    box.addEventListener("pointermove", move);
    box.addEventListener("pointerup", up);
    box.addEventListener("pointercancel", up);
    box.addEventListener("click", click, true);
    return () => {
      box.removeEventListener("wheel", wheel);
      box.removeEventListener("pointerdown", down);
      box.removeEventListener("pointermove", move);
      box.removeEventListener("pointerup", up);
      box.removeEventListener("pointercancel", up);
      box.removeEventListener("click", click, true);
    };
  }, [frame, go]);

  return { settled, current, most, go, step, pan, whole };
}
