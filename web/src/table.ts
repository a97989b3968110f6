// The files of a visit as a table for spreadsheets; columns and care as in render/rows.py.
import type { Report } from "./api/client";

export interface Line {
  name: string;
  /** Null where it could not be judged. */
  report: Report | null;
  error: string;
  address: string;
}

const COLUMNS = ["source", "verdict", "p_fake", "faces", "fake", "uncertain", "rarest_one_in", "width", "height", "duration_s", "media_sha256", "models", "warnings", "address", "error"] as const;
/** What spreadsheets take for a formula, also behind what some take for the end of a cell. */
const FORMULA = /(^|[;\t])(\s*[=+\-@\uff0b\uff0d\uff1d\uff20])/g;
/** What terminals obey, or what turns the direction of the text around it. */
const OBEYED = /[\u0000-\u0009\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff]/g;

export function csv(lines: readonly Line[]): string {
  return [COLUMNS, ...lines.map(row)].map((cells) => cells.map(cell).join(",")).join("\r\n") + "\r\n";
}

function row({ name, report, error, address }: Line): (string | number | null)[] {
  if (!report) return [name, ...Array<null>(COLUMNS.length - 3).fill(null), address, error];
  const count = (label: string) => report.faces.filter((face) => face.verdict.label === label).length;
  const rare = report.faces.flatMap((face) => (face.rarity ? [face.rarity.one_in] : []));
  return [
    name, report.verdict.label, report.verdict.p_fake, report.faces.length, count("fake"), count("uncertain"),
    rare.length ? Math.max(...rare) : null, report.width, report.height, report.video?.duration_s ?? null,
    report.media_sha256, report.models.join(" "), report.warnings.join("; "), address, error,
  ];
}

function cell(value: string | number | null): string {
  if (typeof value !== "string") return value === null ? "" : String(value);
  const told = value.replace(OBEYED, (found) => `\\x${found.charCodeAt(0).toString(16).padStart(2, "0")}`);
  const safe = told.replace(FORMULA, "$1'$2");
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
