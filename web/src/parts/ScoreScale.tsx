import type { Report } from "../api/client";
import { percent } from "../format";
import { texts } from "../texts";

/** Share of the bar, in per cent, in which a word or a number finds room. */
const ROOM = 9;

/** Where a score lies between the lines: real, uncertain, fake. */
export function ScoreScale({ p, thresholds }: { p: number; thresholds: Report["thresholds"] }) {
  const low = 100 * thresholds.real;
  const high = 100 * thresholds.fake;
  const zones = texts.face.zones;
  return (
    <div className="scale" role="img" aria-label={texts.face.scale(percent(p), percent(thresholds.real), percent(thresholds.fake))}>
      <div className="scale-bar">
        <span className="zone real" style={{ width: `${low}%` }}>{low >= ROOM && zones.real}</span>
        <span className="zone uncertain" style={{ width: `${high - low}%` }}>{high - low >= 2 * ROOM && zones.uncertain}</span>
        <span className="zone fake" style={{ width: `${100 - high}%` }}>{100 - high >= ROOM && zones.fake}</span>
        <i style={{ left: `${100 * p}%` }} />
      </div>
      <div className="scale-lines">
        {high - low >= ROOM && <span style={{ left: `${low}%`, translate: `${-low}%` }}>{percent(thresholds.real)}</span>}
        <span style={{ left: `${high}%`, translate: `${-high}%` }}>{percent(thresholds.fake)}</span>
      </div>
    </div>
  );
}
