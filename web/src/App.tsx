import { useCallback, useEffect, useRef, useState } from "react";
import * as api from "./api/client";
import { bytes } from "./format";
import { useLanguage } from "./lang";
import { useItems, type Item } from "./items";
import { isPossibleHere } from "./here";
import { Header } from "./parts/Header";
import { ALL, resultPath, useRoute } from "./route";
import { FilesTable } from "./parts/FilesTable";
import { History } from "./parts/History";
import { Intake } from "./parts/Intake";
import { KeyField } from "./parts/KeyField";
import { Landing } from "./parts/Landing";
import { SITE } from "./place";
import { Result } from "./parts/Result";
import { Rules } from "./parts/Rules";
import { Strip } from "./parts/Strip";
import { headline } from "./parts/Verdict";
import { Wrong } from "./parts/Wrong";
import { texts } from "./texts";

const tooLarge = (name: string, size: number, most: number) => texts.intake.tooLarge(name, bytes(size), bytes(most));

export function App() {
  const spoken = useLanguage();
  useEffect(() => void (document.documentElement.lang = spoken), [spoken]);
  const { models, problem, load } = useModels();
  const { items, add, addAddress, show, open, cancel, again, remove } = useItems(models?.limits, tooLarge);
  const { route, go } = useRoute();
  const { here, setHere, possible } = useHere();
  const current = items.find((item) => (route.result ? item.judgement?.id === route.result : item.id === route.item)) ?? null;
  const given = items.filter((item) => !item.stored);
  const all = route.view === "check" && !route.result && route.item === ALL && given.length > 0;
  const heard = useAnnouncement(items);

  const take = useCallback((files: readonly File[]) => {
    if (!files.length) return;
    const first = add(files, here);
    go("/", files.length > 1 ? ALL : first);
    scrollTo({ top: 0 });
  }, [add, go, here]);
  usePaste(take);
  const choose = useCallback((item: Item) => {
    go(item.judgement?.id ? resultPath(item.judgement.id) : "/", item.id);
    scrollTo({ top: 0 });
  }, [go]);
  const answered = !route.result && current?.judgement?.id;
  useEffect(() => { // what the service keeps gets its address
    if (answered) go(resultPath(answered), current!.id, "replace");
  }, [answered]); // eslint-disable-line
  const missing = useStored(route.result, current !== null, models !== null, open);
  useTitle(all ? texts.table.title(given.length) : current?.name ?? null);

  const intake = (large: boolean) => (
    <Intake
      large={large}
      models={models}
      here={here}
      onHere={possible && !SITE ? setHere : null}
      onFiles={take}
      onAddress={(address) => go("/", addAddress(address))}
    />
  );
  const unknown = problem?.status === 401;
  const folded = current !== null || all || route.result !== null;
  return (
    <>
      <a className="skip" href="#content">{texts.skip}</a>
      <Header view={route.view} onGo={go} />
      <div className="heard" role="status" aria-live="polite">{heard}</div>
      <main id="content" tabIndex={-1}>
        {unknown && <KeyField onKey={load} />}
        {problem && !unknown && <Trouble problem={problem} onAgain={load} />}
        {route.view === "history" ? (
          <History onOpen={(kept) => choose(show(kept))} />
        ) : route.result && !current ? (
          <Missing problem={missing} onGo={go} />
        ) : all ? (
          <div className="bench">
            <div className="bench-top">{intake(false)}</div>
            <FilesTable items={given} onChoose={choose} />
          </div>
        ) : current ? (
          <div className="bench">
            <div className="bench-top">
              {intake(false)}
              <Strip items={given} chosen={current.id} onChoose={choose} onAll={() => go("/", ALL)} />
            </div>
            <Result
              key={current.id}
              item={current}
              models={models}
              onCancel={() => cancel(current.id)}
              onAgain={() => again(current.id)}
              onRemove={() => {
                remove(current.id);
                go("/", given.length > 1 ? ALL : null);
              }}
            />
          </div>
        ) : (
          <Landing onFiles={take}>{intake(true)}</Landing>
        )}
        {route.view === "check" && <Wrong models={models} folded={folded} onFiles={take} />}
        {route.view === "check" && <Rules folded={folded} />}
      </main>
      <Footer models={models} />
    </>
  );
}

const WHERE = "fakeweb.where";

/** Whether pictures are checked in this browser: always on the static site, by choice where a service is at hand. */
function useHere() {
  const [possible, setPossible] = useState(SITE);
  const [wanted, setWanted] = useState(() => localStorage.getItem(WHERE) === "here");
  useEffect(() => void (SITE || isPossibleHere().then(setPossible)), []);
  const setHere = useCallback((here: boolean) => {
    localStorage.setItem(WHERE, here ? "here" : "service");
    setWanted(here);
  }, []);
  return { here: SITE || (possible && wanted), setHere, possible };
}

function useModels() {
  const [models, setModels] = useState<api.Models | null>(null);
  const [problem, setProblem] = useState<api.Refusal["problem"] | null>(null);
  const load = useCallback(async () => {
    try {
      setModels(await api.models());
      setProblem(null);
    } catch (error) {
      if (!(error instanceof api.Refusal)) throw error;
      setProblem(error.problem);
    }
  }, []);
  useEffect(() => void load(), [load]);
  return { models, problem, load };
}

/** Ask the service for a result that this visit did not make; returns what is against it. */
function useStored(id: string | null, here: boolean, allowed: boolean, open: (id: string) => Promise<void>) {
  const [problem, setProblem] = useState<api.Refusal["problem"] | null>(null);
  useEffect(() => {
    setProblem(null);
    if (!id || here || !allowed) return;
    open(id).catch((error: unknown) => {
      if (!(error instanceof api.Refusal)) throw error;
      setProblem(error.problem);
    });
  }, [id, here, allowed, open]);
  return problem;
}

/** While a result is fetched, and where the service has none at this address. */
function Missing({ problem, onGo }: { problem: api.Refusal["problem"] | null; onGo: (path: string) => void }) {
  if (!problem) return <p className="quiet" role="status">{texts.wrong.loading}</p>;
  const gone = problem.status === 404;
  return (
    <section className="notice bad" role="alert">
      <h1>{gone ? texts.shared.gone : texts.problems.title}</h1>
      <p>{gone ? texts.shared.goneWhy : `${problemText(problem)} ${problem.hint}`}</p>
      <div className="row">
        <button type="button" className="main" onClick={() => onGo("/")}>{texts.shared.check}</button>
        <button type="button" onClick={() => onGo("/history")}>{texts.nav.history}</button>
      </div>
    </section>
  );
}

function useTitle(name: string | null) {
  useEffect(() => {
    document.title = name ? `${name} – ${texts.name}` : texts.title;
  });
}

function usePaste(take: (files: readonly File[]) => void) {
  useEffect(() => {
    const paste = (event: ClipboardEvent) => {
      const files = [...(event.clipboardData?.files ?? [])];
      if (files.length) {
        event.preventDefault();
        take(files);
      }
    };
    document.addEventListener("paste", paste);
    return () => document.removeEventListener("paste", paste);
  }, [take]);
}

/** What a screen reader is told when an answer is there. */
function useAnnouncement(items: readonly Item[]): string {
  const said = useRef(new Set<string>());
  const [text, setText] = useState("");
  useEffect(() => {
    for (const item of items) {
      if (item.stage !== "done" && item.stage !== "failed") said.current.delete(item.id);
      else if (!said.current.has(item.id)) {
        said.current.add(item.id);
        const report = item.judgement?.report;
        const told = report ? headline(report) : (item.problem && problemText(item.problem)) ?? "";
        setText(texts.progress.ready(item.name, told));
      }
    }
  }, [items]);
  return text;
}

export function problemText(problem: api.Refusal["problem"]): string {
  return texts.problems[problem.code] ?? problem.detail;
}

function Trouble({ problem, onAgain }: { problem: api.Refusal["problem"]; onAgain: () => void }) {
  return (
    <div className="notice bad" role="alert">
      <p>{problemText(problem)} {problem.hint}</p>
      <button type="button" onClick={onAgain}>{texts.progress.again}</button>
    </div>
  );
}

function Footer({ models }: { models: api.Models | null }) {
  const used = models?.models.find((model) => model.in_use);
  return (
    <footer>
      <p>{texts.footer.text}</p>
      <p>
        {used && models && texts.footer.model(used.reference, models.version)}
        {!SITE && <> · <a href="/docs">{texts.footer.docs}</a></>}
      </p>
    </footer>
  );
}
