import { useEffect, useRef, useState } from "react";
import type { Face, Reach, Report } from "../api/client";
import * as api from "../api/client";
import { clock, percent } from "../format";
import type { Item } from "../items";
import { numeral } from "../lang";
import { texts } from "../texts";
import { FaceCards } from "./FaceCards";
import { Meaning } from "./Meaning";
import type { ResultProps } from "./Result";
import { Origin } from "./Origin";
import { Save } from "./Save";
import { Stills } from "./Stills";
import { Timeline } from "./Timeline";
import { Verdict, noteOf } from "./Verdict";
import { Viewers } from "./Viewers";

export function VideoResult({ item, models, onRemove }: ResultProps) {
  const report = item.judgement!.report;
  const [now, setNow] = useState(0);
  const [reach, setReach] = useState<Reach>({});
  const [chosen, setChosen] = useState<number | null>(null);
  const player = useRef<HTMLVideoElement>(null);
  const video = report.video!;
  const overlay = useOverlay(item.job?.links.overlay ?? null);

  const seek = (time: number) => {
    setNow(time);
    if (player.current) player.current.currentTime = time;
  };
  return (
    <article className="result">
      <Verdict name={item.name} report={report} note={noteOf(item)} />
      <div className="picture">
        <Player item={item} overlay={overlay} player={player} onTime={setNow} />
        <Stills report={report} source={item.kept ? overlay.address : item.shown} onSeek={seek} />
        <Timeline report={report} now={now} onSeek={seek} />
        <p className="quiet small-print">{texts.video.looked(video.frames_examined, video.frames, numeral(video.longest_gap_s, undefined, { maximumFractionDigits: 1, minimumFractionDigits: 1 }))}</p>
        <Save item={item} models={models} opacity={1} reach={reach} onRemove={onRemove} />
      </div>
      <div className="cards">
        <FaceCards
          report={report} image={null} ink={null} chosen={chosen} onChoose={setChosen}
          extra={(face, index) => <Sightings face={face} line={report.timeline?.[index]} onSeek={seek} />}
        />
        <Viewers judgement={item.judgement!} onReach={setReach} />
        <Origin report={report} />
        {report.faces.length > 0 && <Meaning report={report} />}
      </div>
    </article>
  );
}

type Line = NonNullable<Report["timeline"]>[number];

function Sightings({ face, line, onSeek }: { face: Face; line: Line | undefined; onSeek: (time: number) => void }) {
  if (!line) return null;
  const telling = line.telling_s;
  const stretches = face.verdict.label === "real" ? [] : (face.stretches ?? []);
  return (
    <p className="sightings">
      {texts.face.seen(clock(line.from_s, true), clock(line.to_s, true))}
      {stretches.map(({ from_s: from, to_s: to, p_fake: p }) => (
        <button key={from} type="button" onClick={() => onSeek(from)}>{texts.face.stretch(clock(from, true), clock(to, true), percent(p))}</button>
      ))}
      {telling !== null && (
        <button type="button" onClick={() => onSeek(telling)}>{texts.face.jump(clock(telling, true))}</button>
      )}
    </p>
  );
}

/** The video with the mesh, and as it came; both stay at the same moment. */
function Player({ item, overlay: { address: overlay, gone }, player, onTime }: { item: Item; overlay: Overlay; player: React.RefObject<HTMLVideoElement | null>; onTime: (time: number) => void }) {
  const original = item.kept ? null : item.shown;
  const [wanted, setWanted] = useState<"with" | "without">("with");
  const [broken, setBroken] = useState(false);
  const side = wanted === "with" && overlay ? "with" : original ? "without" : "with";
  const source = side === "with" ? overlay : original;
  const at = useRef(0);

  return (
    <div className="player">
      {source ? (
        <video
          key={source}
          ref={player}
          src={source}
          controls
          playsInline
          preload="auto"
          aria-label={`${item.name}, ${texts.video[side]}`}
          onLoadedMetadata={(event) => (event.currentTarget.currentTime = at.current)}
          onTimeUpdate={(event) => onTime((at.current = event.currentTarget.currentTime))}
          onSeeked={(event) => onTime((at.current = event.currentTarget.currentTime))}
          onError={() => setBroken(side === "without")}
        />
      ) : (
        item.shown && item.kept && <img src={item.shown} alt={item.name} />
      )}
      {(gone || !item.job?.links.overlay) && <p className="quiet">{texts.video.noOverlay}</p>}
      {broken && side === "without" && <p className="quiet">{texts.video.unplayable}</p>}
      {overlay && original && (
        <fieldset className="sides">
          <legend>{texts.stage.compare}</legend>
          {(["with", "without"] as const).map((one) => (
            <label key={one}>
              <input type="radio" name="side" checked={side === one} onChange={() => setWanted(one)} />
              <span>{texts.video[one]}</span>
            </label>
          ))}
        </fieldset>
      )}
    </div>
  );
}

interface Overlay {
  address: string | null;
  gone: boolean;
}

/** The address to play from; where a key is asked for, a player cannot show it, so the file is fetched first. */
function useOverlay(link: string | null): Overlay {
  const [state, setState] = useState<Overlay>({ address: null, gone: false });
  useEffect(() => {
    if (!link) return;
    let made: string | null = null;
    let wanted = true;
    const fetched = async () => {
      try {
        made = URL.createObjectURL(await api.blob(link));
        if (wanted) setState({ address: made, gone: false });
      } catch {
        if (wanted) setState({ address: null, gone: true });
      }
    };
    void fetched();
    return () => {
      wanted = false;
      if (made) URL.revokeObjectURL(made);
    };
  }, [link]);
  return state;
}
