// As render/overlay.py: the mesh on faces called fake, dashes round uncertain ones, nothing on real ones.
import type { Face, Report } from "../api/client";
import { PLAIN, css, ramp, strength } from "./colour";
import { evidenceOnTriangles } from "./evidence";
import { CONTOURS, EDGES, TRIANGLES, placeMesh, type Edge, type PlacedMesh } from "./topology";

export interface Ink {
  /** 0 draws nothing, 1 as the scanner does. */
  opacity: number;
  byProbability: boolean;
  evidence: boolean;
}

const REACH = 0.2;
// Lower than in the overlay, since lines thinner than a pixel can be drawn here.
const CONTOURS_ONLY_PX = 40;
const WHOLE_NET_PX = 150;
const DARK = [14, 14, 18] as const;

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
  for (const face of report.faces) if (face.verdict.label === "uncertain") drawDashes(context, face, scale, ink.opacity);
  const fakes = report.faces.filter((f) => f.verdict.label === "fake");
  fakes.sort((a, b) => (a.verdict.p_fake ?? 0) - (b.verdict.p_fake ?? 0));
  for (const face of fakes) drawMesh(context, face, report, scale, ink);
  for (const face of report.faces) {
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
  const colour = ink.byProbability ? ramp(amount) : PLAIN;
  const shown = sizePx(face) * scale;
  const fine = Math.max(0.7, 0.0022 * shown) / scale;
  const bold = Math.max(1.2, (0.0052 + 0.001 * amount) * shown) / scale;
  const net = shown < CONTOURS_ONLY_PX ? null : path(mesh, [EDGES]);
  const lines = path(mesh, CONTOURS);

  context.save();
  const [x0, y0, x1, y1] = face.box as [number, number, number, number];
  const margin = REACH * Math.max(x1 - x0, y1 - y0);
  context.beginPath();
  context.rect(x0 - margin, y0 - margin, x1 - x0 + 2 * margin, y1 - y0 + 2 * margin);
  context.clip();
  if (ink.evidence) paintEvidence(context, face, mesh, ink, colour);
  stroke(context, lines, bold * 2.2, css(DARK, (0.4 + 0.06 * amount) * ink.opacity));
  if (net) {
    const faint = Math.min(1, Math.max(0.3, (shown - CONTOURS_ONLY_PX) / (WHOLE_NET_PX - CONTOURS_ONLY_PX)));
    stroke(context, net, fine * 2.4, css(DARK, 0.16 * faint * ink.opacity));
    stroke(context, net, fine, css(colour, (0.38 + 0.3 * amount) * faint * ink.opacity));
  }
  stroke(context, lines, bold, css(colour, (0.78 + 0.2 * amount) * ink.opacity));
  context.restore();
}

function path(mesh: PlacedMesh, lines: readonly (readonly Edge[])[]): Path2D {
  const drawn = new Path2D();
  for (const line of lines) {
    for (const edge of line) {
      if (!edge.owners.some((t) => mesh.facing[t])) continue;
      const a = mesh.points[edge.a]!, b = mesh.points[edge.b]!;
      drawn.moveTo(a[0]!, a[1]!);
      drawn.lineTo(b[0]!, b[1]!);
    }
  }
  return drawn;
}

function stroke(context: CanvasRenderingContext2D, lines: Path2D, width: number, style: string): void {
  context.lineWidth = width;
  context.strokeStyle = style;
  context.stroke(lines);
}

function paintEvidence(
  context: CanvasRenderingContext2D, face: Face, mesh: PlacedMesh, ink: Ink, colour: readonly [number, number, number],
): void {
  const amounts = evidenceOnTriangles(face.score, mesh.points);
  amounts?.forEach((amount, t) => {
    if (amount <= 0.02 || !mesh.facing[t]) return;
    const triangle = new Path2D();
    TRIANGLES[t]!.forEach((corner, i) => {
      const p = mesh.points[corner]!;
      if (i) triangle.lineTo(p[0]!, p[1]!);
      else triangle.moveTo(p[0]!, p[1]!);
    });
    context.fillStyle = css(colour, 0.6 * Math.min(1, amount) * ink.opacity);
    context.fill(triangle);
  });
}

function drawDashes(context: CanvasRenderingContext2D, face: Face, scale: number, opacity: number): void {
  const [x0, y0, x1, y1] = face.box as [number, number, number, number];
  const size = sizePx(face);
  const width = Math.max(1.5, 0.007 * size * scale) / scale;
  const dash = Math.max(7 / scale, 0.085 * size);
  const outline = new Path2D();
  outline.roundRect(x0, y0, x1 - x0, y1 - y0, 0.28 * (x1 - x0));
  context.save();
  context.setLineDash([dash * 0.54, dash * 0.46]);
  stroke(context, outline, width * 2.2, css(DARK, 0.62 * opacity));
  stroke(context, outline, width, css([248, 248, 250], 0.95 * opacity));
  context.restore();
}
