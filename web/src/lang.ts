// The language of the page: the browser's, or what somebody chose here.
import { useSyncExternalStore } from "react";

export const LANGUAGES = { en: "English", de: "Deutsch" } as const;
export type Language = keyof typeof LANGUAGES;

const KEPT = "fakeweb.language";
const isKnown = (name: string | null): name is Language => name !== null && name in LANGUAGES;

/** What somebody chose, else the first of the browser's languages that there is. */
export function wanted(kept: string | null, browser: readonly string[]): Language {
  if (isKnown(kept)) return kept;
  return browser.map((name) => name.slice(0, 2).toLowerCase()).find(isKnown) ?? "en";
}

let now: Language = typeof localStorage === "undefined" ? "en" : wanted(localStorage.getItem(KEPT), navigator.languages);
const listeners = new Set<() => void>();

export const language = () => now;

export function speak(language: Language): void {
  now = language;
  localStorage.setItem(KEPT, language);
  for (const heard of listeners) heard();
}

/** The language; what uses it is shown anew when it changes. */
export function useLanguage(): Language {
  return useSyncExternalStore((heard) => { listeners.add(heard); return () => listeners.delete(heard); }, language);
}

/** A number as it is written in a language. */
export function numeral(count: number, of: Language = now, options: Intl.NumberFormatOptions = {}): string {
  return new Intl.NumberFormat(of, options).format(count);
}

/** A count and its noun: one, or more. */
export function many(of: Language, count: number, one: string, more: string): string {
  return `${numeral(count, of)} ${new Intl.PluralRules(of).select(count) === "one" ? one : more}`;
}

/** A count with two digits that count: 7, 37, 240, 1,100. */
export function rounded(of: Language, count: number): string {
  return numeral(count, of, { maximumSignificantDigits: 2 });
}
