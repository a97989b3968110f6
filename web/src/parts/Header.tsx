import { LANGUAGES, language, speak, type Language } from "../lang";
import { SITE, addressOf } from "../place";
import { texts } from "../texts";
import { Icon, Mark } from "./Icon";

function turn() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("fakeweb.theme", root.dataset.theme);
}

export function Header({ view, onGo }: { view: "check" | "history"; onGo: (path: string) => void }) {
  const to = (path: string) => (event: React.MouseEvent) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey) return; // another tab or window
    event.preventDefault();
    onGo(path);
    scrollTo({ top: 0 });
  };
  return (
    <header>
      <a className="brand" href={addressOf("/")} aria-label={texts.name} onClick={to("/")}>
        <Mark /> <span>{texts.name}</span>
      </a>
      <nav>
        {(["check", "history"] as const).map((one) => (
          <a key={one} href={addressOf(one === "check" ? "/" : "/history")} aria-current={view === one ? "page" : undefined} onClick={to(one === "check" ? "/" : "/history")}>
            {texts.nav[one]}
          </a>
        ))}
        <a className="wide" href="#wrong" onClick={(event) => view === "history" && to("/")(event)}>{texts.nav.wrong}</a>
        {!SITE && <a className="wide" href="/docs">{texts.nav.api}</a>}
        <select aria-label={texts.nav.language} value={language()} onChange={(event) => speak(event.target.value as Language)}>
          {Object.entries(LANGUAGES).map(([short, name]) => <option key={short} value={short} lang={short} aria-label={name}>{short.toUpperCase()}</option>)}
        </select>
        <button type="button" className="round" aria-label={texts.nav.theme} title={texts.nav.theme} onClick={turn}>
          <Icon name="theme" />
        </button>
      </nav>
    </header>
  );
}
