import { useCallback, useEffect, useRef, useState } from "react";
import * as api from "./api/client";
import { bytes } from "./format";
import { useItems, type Item } from "./items";
import { Header } from "./parts/Header";
import { History } from "./parts/History";
import { Intake } from "./parts/Intake";
import { KeyField } from "./parts/KeyField";
import { Landing } from "./parts/Landing";
import { Result } from "./parts/Result";
import { Rules } from "./parts/Rules";
import { Strip } from "./parts/Strip";
import { headline } from "./parts/Verdict";
import { Wrong } from "./parts/Wrong";
import { texts } from "./texts";

export type View = "check" | "history";

const tooLarge = (name: string, size: number, most: number) => texts.intake.tooLarge(name, bytes(size), bytes(most));

export function App() {
  const { models, problem, load } = useModels();
  const { items, add, addAddress, show, cancel, again, remove } = useItems(models?.limits, tooLarge);
  const [view, setView] = useState<View>("check");
  const [chosen, setChosen] = useState<string | null>(null);
  const current = items.find((item) => item.id === chosen) ?? items[0] ?? null;
  const heard = useAnnouncement(items);

  const take = useCallback((files: readonly File[]) => {
    if (!files.length) return;
    setChosen(add(files));
    setView("check");
    scrollTo({ top: 0 });
  }, [add]);
  usePaste(take);

  const intake = (large: boolean) => (
    <Intake
      large={large}
      models={models}
      onFiles={take}
      onAddress={(address) => {
        setChosen(addAddress(address));
        setView("check");
      }}
    />
  );
  const unknown = problem?.status === 401;
  return (
    <>
      <a className="skip" href="#content">{texts.skip}</a>
      <Header view={view} onView={setView} />
      <div className="heard" role="status" aria-live="polite">{heard}</div>
      <main id="content" tabIndex={-1}>
        {unknown && <KeyField onKey={load} />}
        {problem && !unknown && <Trouble problem={problem} onAgain={load} />}
        {view === "history" ? (
          <History onOpen={(kept) => { setChosen(show(kept)); setView("check"); }} />
        ) : current ? (
          <div className="bench">
            <div className="bench-top">
              {intake(false)}
              <Strip items={items} chosen={current.id} onChoose={setChosen} />
            </div>
            <Result
              key={current.id}
              item={current}
              models={models}
              onCancel={() => cancel(current.id)}
              onAgain={() => again(current.id)}
              onRemove={() => remove(current.id)}
            />
          </div>
        ) : (
          <Landing onFiles={take}>{intake(true)}</Landing>
        )}
        {view === "check" && <Wrong models={models} />}
        {view === "check" && <Rules />}
      </main>
      <Footer models={models} />
    </>
  );
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
        {used && models && <>{texts.footer.model(used.reference, models.version)} · </>}
        <a href="/docs">{texts.footer.docs}</a>
      </p>
    </footer>
  );
}
