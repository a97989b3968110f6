// The words of the page in the language that is spoken now. They are looked up when they are shown, never before.
import { language, type Language } from "../lang";
import { de } from "./de";
import { en } from "./en";

/** What every language says; English decides what there is to say. */
export type Texts = typeof en;

const ALL: Record<Language, Texts> = { en, de };

export const texts = new Proxy(en, { get: (_, name) => ALL[language()][name as keyof Texts] }) as Texts;
