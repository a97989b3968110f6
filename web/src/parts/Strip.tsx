import type { Item } from "../items";
import { texts } from "../texts";
import { Icon } from "./Icon";

/** The files of this visit, side by side; shown from the second on. */
export function Strip({ items, chosen, onChoose, onAll }: { items: readonly Item[]; chosen: string; onChoose: (item: Item) => void; onAll: () => void }) {
  if (items.length < 2) return null;
  return (
    <ul className="strip">
      <li>
        <button type="button" className="all" onClick={onAll}><Icon name="table" /><span>{texts.table.all(items.length)}</span></button>
      </li>
      {items.map((item) => {
        const label = item.judgement?.report.verdict.label;
        const told = label ? texts.verdict[label].word : stageWord(item);
        return (
          <li key={item.id}>
            <button type="button" aria-pressed={item.id === chosen} onClick={() => onChoose(item)} title={item.name}>
              {item.kind === "picture" && item.shown ? <img src={item.shown} alt="" /> : <Icon name={item.kind === "video" ? "video" : "folder"} />}
              <span className="strip-name">{item.name}</span>
              <span className={`tag ${label ?? item.stage}`}>{told}</span>
            </button>
          </li>
        );
      })}
    </ul>
  );
}

/** What is being done with a file, in a word. */
export function stageWord(item: Item): string {
  if (item.stage === "failed") return texts.problems.title!;
  if (item.stage === "cancelled") return texts.progress.cancelled;
  if (item.stage === "sending" || (item.kind === "video" && item.stage === "judging")) return `${Math.round(100 * item.progress)} %`;
  return "…";
}
