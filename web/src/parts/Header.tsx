import type { View } from "../App";
import { texts } from "../texts";
import { Icon, Mark } from "./Icon";

function turn() {
  const root = document.documentElement;
  const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
  root.dataset.theme = dark ? "light" : "dark";
  localStorage.setItem("fakeweb.theme", root.dataset.theme);
}

export function Header({ view, onView }: { view: View; onView: (view: View) => void }) {
  return (
    <header>
      <a className="brand" href="/" aria-label={texts.name}>
        <Mark /> <span>{texts.name}</span>
      </a>
      <nav>
        {(["check", "history"] as const).map((one) => (
          <button key={one} type="button" aria-current={view === one ? "page" : undefined} onClick={() => onView(one)}>
            {texts.nav[one]}
          </button>
        ))}
        <a className="wide" href="#wrong" onClick={() => onView("check")}>{texts.nav.wrong}</a>
        <a className="wide" href="/docs">{texts.nav.api}</a>
        <button type="button" className="round" aria-label={texts.nav.theme} title={texts.nav.theme} onClick={turn}>
          <Icon name="theme" />
        </button>
      </nav>
    </header>
  );
}
