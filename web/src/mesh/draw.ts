// As render/overlay.py, and by the same numbers (style.ts): the lines of a mesh on faces called fake, dashes round uncertain
// ones, nothing on real ones.
import type { Face, Report } from "../api/client";
import { css, ramp, strength } from "./colour";
import { STYLE, between, innerShare, netShare, widthPx, type Pen, type Rgb } from "./style";
import { CONTOURS, EDGES, placeMesh, type Edge, type PlacedMesh } from "./topology";

export interface Ink {
  /** 0 draws nothing, 1 as the scanner does. */
  opacity: number;
  byProbability: boolean;
}

/** Strengths in which lines are drawn together. */
const BANDS = 8;

/** Draw a report; the context's unit is then `scale` pixels per pixel of the picture, from `left`, `top` on. */
export function drawReport(
  context: CanvasRenderingContext2D,
  report: Report,
  ink: Ink,
  { scale, left = 0, top = 0 }: { scale: number; left?: number; top?: number },
): void {
  if (ink.opacity <= 0) return;
  context.save();
  context.setTransform(scale, 0, 0, scale, -left * scale, -top * scale);
  context.lineJoin = context.lineCap = "round";
  const { width, height } = context.canvas;
  const faces = report.faces.filter(({ box: [x0, y0, x1, y1] }) => {
    const margin = STYLE.reach * Math.max(x1! - x0!, y1! - y0!); // what lies outside the canvas is not drawn
    return x1! + margin > left && x0! - margin < left + width / scale && y1! + margin > top && y0! - margin < top + height / scale;
  });
  for (const face of faces) if (face.verdict.label === "uncertain") drawDashes(context, face, scale, ink.opacity);
  const fakes = faces.filter((f) => f.verdict.label === "fake");
  fakes.sort((a, b) => (a.verdict.p_fake ?? 0) - (b.verdict.p_fake ?? 0));
  for (const face of fakes) drawMesh(context, face, report, scale, ink);
  for (const face of faces) {
    const [x0, y0, x1, y1] = face.box as [number, number, number, number];
    if (face.verdict.label === "real") context.clearRect(x0, y0, x1 - x0, y1 - y0);
  }
  context.restore();
}

function sizePx(face: Face): number {
  const [x0, y0, x1, y1] = face.box as [number, number, number, number];
  return Math.sqrt((x1 - x0) * (y1 - y0));
}

function drawMesh(context: CanvasRenderingContext2D, face: Face, report: Report, scale: number, ink: Ink): void {
  const mesh = placeMesh(face);
  const amount = strength(face, report);
  const colour = ink.byProbability ? ramp(amount) : STYLE.colours.plain;
  const shown = sizePx(face) * scale;
  const inner = innerShare(shown);
  const contours = banded(mesh, CONTOURS.flatMap(({ name, edges }) => edges.map((edge) => [edge, name === "oval" ? 1 : inner] as const)));
  const net = shown < STYLE.net_from_px ? null : banded(mesh, EDGES.map((edge) => [edge, netShare(length(mesh, edge) * scale, shown, amount)]));

  context.save();
  const [x0, y0, x1, y1] = face.box as [number, number, number, number];
  const margin = STYLE.reach * Math.max(x1 - x0, y1 - y0);
  context.beginPath();
  context.rect(x0 - margin, y0 - margin, x1 - x0 + 2 * margin, y1 - y0 + 2 * margin);
  context.clip();
  const draw = (lines: Bands, pen: Pen, rim: boolean) => {
    const width = (widthPx(pen, shown, amount) * (rim ? pen.rim : 1)) / scale;
    const alpha = between(rim ? pen.rim_opacity : pen.opacity, amount) * ink.opacity;
    stroke(context, lines, width, rim ? STYLE.colours.dark : colour, alpha);
  };
  draw(contours, STYLE.contours, true);
  if (net) for (const rim of [true, false]) draw(net, STYLE.net, rim);
  draw(contours, STYLE.contours, false);
  context.restore();
}

/** Lines by how strong they are. */
type Bands = ReadonlyMap<number, Path2D>;

function banded(mesh: PlacedMesh, edges: readonly (readonly [Edge, number])[]): Bands {
  const bands = new Map<number, Path2D>();
  for (const [edge, share] of edges) {
    if (!edge.owners.some((t) => mesh.facing[t])) continue;
    const band = Math.ceil(share * BANDS) / BANDS;
    let path = bands.get(band);
    if (!path) bands.set(band, (path = new Path2D()));
    const a = mesh.points[edge.a]!, b = mesh.points[edge.b]!;
    path.moveTo(a[0]! + 0.5, a[1]! + 0.5); // a whole number is the middle of a pixel for a mesh, its corner for a canvas
    path.lineTo(b[0]! + 0.5, b[1]! + 0.5);
  }
  return bands;
}

function length(mesh: PlacedMesh, edge: Edge): number {
  const a = mesh.points[edge.a]!, b = mesh.points[edge.b]!;
  return Math.hypot(a[0]! - b[0]!, a[1]! - b[1]!);
}

function stroke(context: CanvasRenderingContext2D, lines: Bands, width: number, colour: Rgb, alpha: number): void {
  context.lineWidth = width;
  for (const [share, path] of lines) {
    context.strokeStyle = css(colour, alpha * share);
    context.stroke(path);
  }
}

function drawDashes(context: CanvasRenderingContext2D, face: Face, scale: number, opacity: number): void {
  const [x0, y0, x1, y1] = face.box as [number, number, number, number];
  const size = sizePx(face);
  const pen = STYLE.outline;
  const width = widthPx(pen, size * scale, 0) / scale;
  const dash = Math.max(STYLE.dash.least_px / scale, STYLE.dash.period * size);
  const outline = new Path2D();
  outline.roundRect(x0, y0, x1 - x0, y1 - y0, STYLE.outline_radius * (x1 - x0));
  const lines = new Map([[1, outline]]);
  context.save();
  context.setLineDash([dash * STYLE.dash.drawn, dash * (1 - STYLE.dash.drawn)]);
  stroke(context, lines, width * pen.rim, STYLE.colours.dark, pen.rim_opacity[0] * opacity);
  stroke(context, lines, width, STYLE.colours.paper, pen.opacity[0] * opacity);
  context.restore();
}
