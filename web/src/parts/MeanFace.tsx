import { useEffect, useRef } from "react";
import { css, ramp } from "../mesh/colour";
import { CONTOURS, EDGES, MEAN, facing } from "../mesh/topology";

const TILT = -0.06;
const FRAME_MS = 50;
/** Lines of one colour are drawn together: a stroke each would keep a slow machine busy. */
const BANDS = 14;

/** The mean face of the mesh, turning slowly; it stands still for those who asked for less motion. */
export function MeanFace() {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const still = matchMedia("(prefers-reduced-motion: reduce)").matches;
    let frame = 0, drawn = -FRAME_MS;
    const draw = (time: number) => {
      if (!still) frame = requestAnimationFrame(draw);
      if (time - drawn < FRAME_MS) return;
      drawn = time;
      if (canvas.current) paint(canvas.current, still ? -0.42 : -0.5 * Math.sin(time / 4200) - 0.12);
    };
    frame = requestAnimationFrame(draw);
    return () => cancelAnimationFrame(frame);
  }, []);
  return <canvas ref={canvas} className="mean-face" aria-hidden="true" />;
}

function paint(canvas: HTMLCanvasElement, yaw: number): void {
  const dense = Math.min(2, devicePixelRatio || 1);
  const width = canvas.clientWidth * dense, height = canvas.clientHeight * dense;
  if (!width || !height) return;
  if (canvas.width !== width || canvas.height !== height) [canvas.width, canvas.height] = [width, height];
  const context = canvas.getContext("2d")!;
  context.clearRect(0, 0, width, height);
  const turned = MEAN.map((p) => {
    const [x, y, z] = p as [number, number, number];
    const across = x * Math.cos(yaw) - z * Math.sin(yaw), deep = x * Math.sin(yaw) + z * Math.cos(yaw);
    return [across, y * Math.cos(TILT) - deep * Math.sin(TILT), y * Math.sin(TILT) + deep * Math.cos(TILT)];
  });
  const size = Math.min(width / 1.75, height / 2.05);
  const columns = turned.map((p) => p[0]!);
  const middle = (Math.min(...columns) + Math.max(...columns)) / 2; // a turned face leans to one side
  const at = (i: number) => [width / 2 + (turned[i]![0]! - middle) * size, height * 0.46 + (turned[i]![1]! - 0.12) * size] as const;
  const seen = facing(turned);
  context.lineCap = "round";
  const lines: [readonly (readonly (typeof EDGES)[number][])[], number, number][] = [[[EDGES], 0.9, 0.45], [CONTOURS.map(({ edges }) => edges), 2.1, 0.95]];
  for (const [group, weight, alpha] of lines) {
    const bands = Array.from({ length: BANDS }, () => new Path2D());
    for (const line of group) {
      for (const edge of line) {
        if (!edge.owners.some((t) => seen[t])) continue;
        const [x0, y0] = at(edge.a);
        const band = bands[Math.min(BANDS - 1, Math.max(0, Math.floor((BANDS * y0) / height)))]!;
        band.moveTo(x0, y0);
        band.lineTo(...at(edge.b));
      }
    }
    context.lineWidth = weight * dense;
    bands.forEach((band, i) => {
      context.strokeStyle = css(ramp(0.1 + (0.85 * i) / BANDS), alpha);
      context.stroke(band);
    });
  }
}
