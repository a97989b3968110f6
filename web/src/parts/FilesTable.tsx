import { problemText } from "../App";
import { percent } from "../format";
import type { Item } from "../items";
import { resultPath } from "../route";
import { csv } from "../table";
import { texts } from "../texts";
import { Icon } from "./Icon";
import { download } from "./Save";
import { stageWord } from "./Strip";
import { headline } from "./Verdict";

/** The files of this visit in a table, and the table as a file. */
export function FilesTable({ items, onChoose }: { items: readonly Item[]; onChoose: (item: Item) => void }) {
  const words = texts.table;
  const done = items.filter((item) => item.judgement || item.problem).length;
  const save = () => {
    const lines = items.map((item) => ({
      name: item.name, report: item.judgement?.report ?? null, error: item.problem ? problemText(item.problem) : "",
      address: item.judgement?.id ? location.origin + resultPath(item.judgement.id) : "",
    }));
    download(new Blob([csv(lines)], { type: "text/csv" }), "fakeweb.csv");
  };
  return (
    <section className="files" aria-labelledby="files">
      <div className="files-head">
        <h1 id="files">{words.title(items.length)}</h1>
        <p className="quiet" role="status">{done < items.length ? words.done(done, items.length) : words.summary(counted(items))}</p>
        <button type="button" onClick={save}><Icon name="save" /> {words.csv}</button>
      </div>
      <div className="scrolls" tabIndex={0} role="region" aria-labelledby="files">
        <table>
          <thead>
            <tr><th>{words.file}</th><th>{words.verdict}</th><th className="number">{words.score}</th><th className="number">{words.faces}</th><th className="says">{words.says}</th></tr>
          </thead>
          <tbody>{items.map((item) => <Row key={item.id} item={item} onChoose={() => onChoose(item)} />)}</tbody>
        </table>
      </div>
    </section>
  );
}

function Row({ item, onChoose }: { item: Item; onChoose: () => void }) {
  const report = item.judgement?.report;
  const label = report?.verdict.label;
  const p = report?.verdict.p_fake ?? null;
  return (
    <tr>
      <th scope="row">
        <button type="button" className="file" onClick={onChoose} title={item.name}>
          {item.kind === "picture" && item.shown ? <img src={item.shown} alt="" /> : <Icon name={item.kind === "video" ? "video" : "folder"} />}
          <span className="strip-name">{item.name}</span>
        </button>
      </th>
      <td><span className={`tag ${label ?? item.stage}`}>{label ? texts.verdict[label].word : stageWord(item)}</span></td>
      <td className="number">{p === null ? "–" : percent(p)}</td>
      <td className="number">{report ? report.faces.length : "–"}</td>
      <td className="says">{report ? headline(report) : item.problem ? problemText(item.problem) : ""}</td>
    </tr>
  );
}

/** How many files have which verdict, in the order of the page. */
function counted(items: readonly Item[]): [string, number][] {
  const labels = ["fake", "uncertain", "real", "no_face"] as const;
  const counts = labels.map((label): [string, number] => [
    texts.verdict[label].word.toLowerCase(), items.filter((item) => item.judgement?.report.verdict.label === label).length,
  ]);
  const failed = items.filter((item) => item.problem).length;
  return [...counts, [texts.table.failed, failed] as [string, number]].filter(([, n]) => n > 0);
}
