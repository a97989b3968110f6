import { useEffect, useState } from "react";
import { percent } from "../format";
import * as history from "../keep/history";
import { language } from "../lang";
import { texts } from "../texts";
import { Icon } from "./Icon";

/** What this browser remembers. */
export function History({ onOpen }: { onOpen: (kept: history.Kept) => void }) {
  const [entries, setEntries] = useState<history.Kept[] | null>(null);
  const [failed, setFailed] = useState(false);
  const [keeping, setKeeping] = useState(history.keeping.get());
  const words = texts.history;

  const load = () => history.all().then(setEntries, () => setFailed(true));
  useEffect(() => void load(), []);
  const change = (work: Promise<unknown>) => void work.then(load, () => setFailed(true));

  return (
    <section className="history">
      <h1>{words.title}</h1>
      <p className="lead">{words.note}</p>
      <div className="row">
        <label className="switch">
          <input
            type="checkbox" role="switch" checked={keeping}
            onChange={(event) => {
              history.keeping.set(event.target.checked);
              setKeeping(event.target.checked);
            }}
          />
          <span>{words.keep}</span>
        </label>
        {!!entries?.length && (
          <button type="button" onClick={() => change(history.clear())}><Icon name="trash" /> {words.clear}</button>
        )}
      </div>
      {failed && <p className="notice">{words.unavailable}</p>}
      {entries?.length === 0 && <p className="quiet" role="status">{words.empty}</p>}
      <ul className="kept">
        {entries?.map((entry) => (
          <Entry key={entry.id} entry={entry} onOpen={() => onOpen(entry)} onRemove={() => change(history.remove(entry.id))} />
        ))}
      </ul>
    </section>
  );
}

function Entry({ entry, onOpen, onRemove }: { entry: history.Kept; onOpen: () => void; onRemove: () => void }) {
  const [address, setAddress] = useState<string | null>(null);
  useEffect(() => {
    if (!entry.small) return;
    const made = URL.createObjectURL(entry.small);
    setAddress(made);
    return () => URL.revokeObjectURL(made);
  }, [entry.small]);
  const { label, p_fake: p } = entry.judgement.report.verdict;
  return (
    <li>
      <button type="button" className="open" aria-label={texts.history.open(entry.name)} onClick={onOpen}>
        {address ? <img src={address} alt="" /> : <Icon name={entry.kind === "video" ? "video" : "folder"} />}
        <span className="strip-name">{entry.name}</span>
        <span><span className={`tag ${label}`}>{texts.verdict[label].word}</span>{p !== null && ` ${percent(p)}`}</span>
        <small className="quiet">{new Date(entry.at).toLocaleString(language() === "en" ? "en-GB" : language(), { dateStyle: "medium", timeStyle: "short" })}</small>
      </button>
      <button type="button" className="round" aria-label={texts.history.remove(entry.name)} onClick={onRemove}><Icon name="close" /></button>
    </li>
  );
}
