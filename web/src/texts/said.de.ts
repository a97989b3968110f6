// Sentences of the service in German, where they come from a fixed set: reasons, warnings, what a file says of its origin.
const isOne = (n: string) => Number(n) === 1;

const LEVELS: Record<string, string> = { low: "gering", moderate: "mäßig", high: "hoch", critical: "sehr hoch" };

/** A sentence and its German; what is not here stays English, and so do names and texts that a file holds. */
const SAID: readonly (readonly [RegExp, (...found: string[]) => string])[] = [
  [/^only (\d+) of (\d+) faces? could be judged$/, (few, all) => `nur ${few} von ${all} Gesichtern ${isOne(few!) ? "konnte" : "konnten"} beurteilt werden`],
  [/^(\d+) of (\d+) faces? could not be judged$/, (few, all) => `${few} von ${all} Gesichtern ${isOne(few!) ? "konnte" : "konnten"} nicht beurteilt werden`],
  [/^the largest face could not be judged$/, () => "das größte Gesicht konnte nicht beurteilt werden"],
  [/^no face could be judged$/, () => "kein Gesicht konnte beurteilt werden"],
  [/^this looks like an animal$/, () => "das sieht aus wie ein Tier"],
  [/^this looks like a person, though no face was found$/, () => "das sieht aus wie ein Mensch, auch wenn kein Gesicht gefunden wurde"],
  [/^this looks like a vehicle$/, () => "das sieht aus wie ein Fahrzeug"],
  [/^no face found; small, turned or covered faces may be missed$/, () => "kein Gesicht gefunden; kleine, abgewandte oder verdeckte können übersehen worden sein"],
  [/^manipulated: (.*)$/, (who) => `manipuliert: ${who!.replace(/face/g, "Gesicht").replace(/and (\d+) more/, "und $1 weitere")}`],
  [/^face (\d+): (.*)$/, (n, rest) => `Gesicht ${n}: ${service(rest!)}`],
  [/^face (\d+) (looks .*|stands .*|too .*)$/, (n, rest) => `Gesicht ${n}: ${service(rest!)}`],
  [/^the score lies between real and fake$/, () => "der Wert liegt zwischen echt und gefälscht"],
  [/^looks manipulated taken alone, but does not stand out enough from the other (\d+) faces here$/, (n) => `wirkt für sich allein manipuliert, hebt sich aber von den übrigen ${n} Gesichtern hier nicht genug ab`],
  [/^stands out: 1 of (\d+); in about one of (\S+) genuine pictures of \d+ faces one would$/, (all, n) => `fällt auf: 1 von ${all}; etwa in einem von ${n!.replaceAll(",", ".")} echten Bildern mit so vielen Gesichtern fiele eines auf`],
  [/^(\d+) of (\d+) faces? lie between real and fake, as in most genuine pictures of so many.*$/, (n, all) => `${n} von ${all} Gesichtern liegen zwischen echt und gefälscht, wie in den meisten echten Bildern mit so vielen`],
  [/^too small to judge: (\d+) px wide, (\d+) px needed$/, (has, least) => `zu klein: ${has} px breit, nötig sind ${least} px`],
  [/^too blurred to judge$/, () => "zu unscharf, um es zu beurteilen"],
  [/^too dark to judge$/, () => "zu dunkel, um es zu beurteilen"],
  [/^blurred$/, () => "unscharf"],
  [/^dark$/, () => "dunkel"],
  [/^cut by the picture's border$/, () => "vom Bildrand angeschnitten"],
  [/^half of it lies outside the picture$/, () => "zur Hälfte außerhalb des Bildes"],
  [/^turned to the side by (\d+) degrees$/, (deg) => `um ${deg} Grad zur Seite gedreht`],
  [/^turned too far to the side to judge, by (\d+) degrees$/, (deg) => `zu weit zur Seite gedreht, um ${deg} Grad`],
  [/^low resolution: (\d+) px from brow to chin$/, (px) => `geringe Auflösung: ${px} px von der Braue zum Kinn`],
  [/^strongly compressed$/, () => "stark komprimiert"],
  [/^hardly made out as a face; part of it may be covered$/, () => "kaum als Gesicht zu erkennen; vielleicht teilweise verdeckt"],
  [/^(low|moderate|high|critical) \(([\d.]+)\): about ([\d,]+) people may see it$/, (level, score, people) => `${LEVELS[level!]} (${score!.replace(".", ",")}): etwa ${people!.replaceAll(",", ".")} Menschen sehen es vielleicht`],
  [/^looks like a picture within the picture .*$/, () => "sieht aus wie ein Bild im Bild (Papier, Stoff oder Bildschirm) und lässt sich nicht beurteilen"],
  [/^harsh light: much of it is black or white$/, () => "hartes Licht: vieles davon ist schwarz oder weiß"],
  [/^most of it is mere black or white$/, () => "das meiste davon ist nur schwarz oder weiß"],
  [/^(face [\d, face]+)( and (\d+) more)? stand out$/, (who, _, more) => `${who!.replace(/face/g, "Gesicht")}${more ? ` und ${more} weitere` : ""} fallen auf`],
  [/^not judged$/, () => "nicht beurteilt"],
  [/^not judged: more than (\d+) faces( at a time)?$/, (n, once) => `nicht beurteilt: mehr als ${n} Gesichter${once ? " zugleich" : ""}`],
  [/^too short to judge: large enough in (\d+) frames?, (\d+) or ([\d.]+) s needed$/, (has, least, s) => `zu kurz: groß genug in ${has} ${isOne(has!) ? "Einzelbild" : "Einzelbildern"}, nötig sind ${least} oder ${comma(s!)} s`],

  // what is to be known of the file
  [/^it is animated; only the first frame was read$/, () => "es ist animiert; gelesen wurde nur das erste Bild"],
  [/^its transparent parts were placed on white$/, () => "seine durchsichtigen Teile liegen auf Weiß"],
  [/^its colour profile is for (.*), not for its pixels; ignored$/, (mode) => `sein Farbprofil ist für ${mode}, nicht für seine Bildpunkte, und blieb unbeachtet`],
  [/^its colour profile is damaged and was ignored$/, () => "sein Farbprofil ist beschädigt und blieb unbeachtet"],
  [/^it is HDR \((.*)\) and was tone-mapped$/, (kind) => `es ist HDR (${kind}) und wurde auf gewöhnliche Helligkeit umgerechnet`],
  [/^the name ends in (\S+), but the content is (.*)$/, (ends, is) => `der Name endet auf ${ends}, der Inhalt ist aber ${is}`],
  [/^faces narrower than (\d+) px were not looked for in a picture of (\d+) x (\d+) px; cut it into parts to have them judged$/, (px, w, h) => `schmalere Gesichter als ${px} px wurden in einem Bild von ${w} x ${h} px nicht gesucht; zerlegen Sie es in Teile, um sie beurteilen zu lassen`],
  [/^the clip is damaged in (\d+) places?; frames up to the next whole one were left out$/, (n) => `der Clip ist an ${n} ${isOne(n!) ? "Stelle" : "Stellen"} beschädigt; die Einzelbilder bis zum nächsten heilen fehlen`],
  [/^stopped at ([\d.]+) s of ([\d.]+) s; what follows was not looked at$/, (at, all) => `bei ${comma(at!)} s von ${comma(all!)} s abgebrochen; was folgt, wurde nicht angesehen`],
  [/^a long clip: (\d+) of ([\d,]+) frames were looked at, in (\d+) bursts spread over (\d+) s; what lies between them may differ$/, (looked, all, bursts, s) => `ein langer Clip: ${looked} von ${all!.replaceAll(",", ".")} Einzelbildern wurden angesehen, in ${bursts} Stößen über ${s} s verteilt; dazwischen kann es anders sein`],

  // what a file says of its origin
  [/^AI generated$/, () => "KI-generiert"],
  [/^AI modified$/, () => "mit KI verändert"],
  [/^JPEG with (.*) tables, quality (about )?(\d+)(?:, colours (.*))?\.$/, (whose, about, quality, colours) => `JPEG mit ${TABLES[whose!] ?? whose}, Qualität ${about ? "etwa " : ""}${quality}${colours ? `, Farben ${colours}` : ""}.`],
  [/^It was a JPEG of lower quality \(about (\d+)\) before it was saved as it is\.$/, (quality) => `Es war ein JPEG von geringerer Qualität (etwa ${quality}), bevor es so gespeichert wurde.`],
  [/^The small picture inside the file shows something else, or another crop: see both side by side\.$/, () => "Das kleine Bild in der Datei zeigt etwas anderes oder einen anderen Ausschnitt: beide stehen hier nebeneinander."],
  [/^Its edit history has (\d+) steps?(?:, by (.*))?\.$/, (n, by) => `Ihre Liste der Bearbeitungen hat ${n} ${isOne(n!) ? "Schritt" : "Schritte"}${by ? `, mit ${by}` : ""}.`],
  [/^The metadata name a camera: (.*?)(?:, taken ([\d :-]+))?( \((?:with|without) .*?\))?\. Such notes/, (camera, taken, proof) => `Die Metadaten nennen eine Kamera: ${camera}${taken ? `, aufgenommen ${taken}` : ""}${proof ? PROOFS[proof.trim()] ?? proof : ""}. ${FORGEABLE}`],
  [/^The metadata state the source: (.*) \((\w+)\)\. Such notes/, (about, code) => `Die Metadaten nennen die Herkunft: ${sources(about!)} (${code}). ${FORGEABLE}`],
  [/^It names (.*), which makes pictures by AI \("(.*)"\)\.$/, (name, text) => `Sie nennt ${name}, das Bilder mit KI erzeugt („${text}“).`],
  [/^It names (.*), which changes pictures with AI \("(.*)"\)\.$/, (name, text) => `Sie nennt ${name}, das Bilder mit KI verändert („${text}“).`],
  [/^It was written by (.*), an editor \("(.*)"\)\.$/, (name, text) => `Geschrieben hat sie ${name}, ein Bearbeitungsprogramm („${text}“).`],
  [/^It was written by (.*), which converts and re-encodes \("(.*)"\)\.$/, (name, text) => `Geschrieben hat sie ${name}, das umwandelt und neu kodiert („${text}“).`],
  [/^It carries the parameters of (.*?)(?: for "([^]*)")?\.$/, (name, prompt) => `Sie enthält die Einstellungen von ${name}${prompt ? ` für „${prompt}“` : ""}.`],
  [/^It is marked(?: by (.*))? as content that (is made|may be made|is suspected to be made) by AI \(GB 45438\)\.$/, (by, how) => `Sie ist${by ? ` von ${by}` : ""} gekennzeichnet als Inhalt, ${MADE[how!]} (GB 45438).`],
  [/^The credit line reads "(.*)"\.$/, (credit) => `Die Quellenangabe lautet „${credit}“.`],
  [/^It carries a mark of Facebook or Instagram \(FBMD\): it was downloaded from there\.$/, () => "Sie trägt ein Zeichen von Facebook oder Instagram (FBMD): Sie wurde von dort heruntergeladen."],
  [/^Not all was read: (.*)\.$/, (what) => `Nicht alles wurde gelesen: ${service(what!)}.`],
  [/^only the first MiB of its (.*) was read$/, (what) => `nur das erste MiB von ${what}`],
  [/^only the beginning of its text '(.*)' was read$/, (name) => `nur der Anfang des Textes „${name}“`],
  [/^more texts than are read$/, () => "es sind mehr Texte, als gelesen werden"],
  [/^its metadata end early or are damaged$/, () => "die Metadaten enden zu früh oder sind beschädigt"],
  [/^its text '(.*)' is damaged$/, (name) => `der Text „${name}“ ist beschädigt`],
  [/^its text '(.*)' unpacks to more than is read$/, (name) => `der Text „${name}“ ist entpackt länger, als gelesen wird`],
  [/^metadata that are packed with Brotli are not read$/, () => "mit Brotli gepackte Metadaten werden nicht gelesen"],
  [/^its XMP is damaged$/, () => "das XMP ist beschädigt"],
  [/^(\d+) more blocks$/, (n) => `${n} weitere Blöcke`],
  [/^Content credentials lie elsewhere, at (.*); they were not fetched\.$/, (at) => `Ein Herkunftsnachweis liegt anderswo, unter ${at}; er wurde nicht geholt.`],
  [/^It has content credentials that were not read: (.*)\.$/, (why) => `Sie hat einen Herkunftsnachweis, der nicht gelesen wurde: ${why}.`],
  [/^Content credentials \(C2PA\), signed(?: by (.*?))?, who is on your trust list\.(?: They say: (.*)\.)?$/, (by, about) => `Herkunftsnachweis (C2PA), unterschrieben${by ? ` von ${by}` : ""}; der Name steht auf Ihrer Liste.${says(about)}`],
  [/^Content credentials \(C2PA\), signed(?: by (.*?))?; the signature is whole, the name is not vouched for by a trust list of yours\.(?: They say: (.*)\.)?$/, (by, about) => `Herkunftsnachweis (C2PA), unterschrieben${by ? ` von ${by}` : ""}; die Unterschrift ist heil, für den Namen bürgt keine Liste von Ihnen.${says(about)}`],
  [/^Content credentials \(C2PA\), signed(?: by (.*?))?, do not fit the file: it was changed after signing, or they were moved here from another \((.*?)\)\.(?: They say: (.*)\.)?$/, (by, why, about) => `Herkunftsnachweis (C2PA), unterschrieben${by ? ` von ${by}` : ""}, passt nicht zur Datei: Sie wurde danach geändert, oder er stammt von einer anderen (${why === "no reason given" ? "ohne Angabe von Gründen" : why}).${says(about)}`],
  [/^The credentials name (\d+) steps?: (.*)\.$/, (n, steps) => `Der Nachweis nennt ${n} ${isOne(n!) ? "Schritt" : "Schritte"}: ${steps}.`],
  [/^The credentials name a part made by AI: (.*)\.$/, (name) => `Der Nachweis nennt einen Teil, den KI gemacht hat: ${name === "a part without a name" ? "ohne Namen" : name}.`],
  [/^The credentials carry a signed identity, which was not checked\.$/, () => "Der Nachweis enthält eine unterschriebene Identität, die nicht geprüft wurde."],

  // where it contradicts itself
  [/^It names a camera \((.*)\) and says it was made by AI: the two do not go together\.$/, (camera) => `Sie nennt eine Kamera (${camera}) und sagt, sie sei von KI gemacht: Beides passt nicht zusammen.`],
  [/^Its content credentials say a camera took it, other metadata that AI made it\.$/, () => "Nach ihrem Herkunftsnachweis nahm sie eine Kamera auf, nach anderen Metadaten machte sie eine KI."],
  [/^Its content credentials do not fit the content any more; what they say cannot be relied on\.$/, () => "Ihr Herkunftsnachweis passt nicht mehr zum Inhalt; auf das, was er sagt, ist kein Verlass."],
  [/^The small picture inside differs from the picture: it was changed after the small one was made\.$/, () => "Das kleine Bild darin ist anders als das Bild: Es wurde geändert, nachdem das kleine entstand."],
  [/^EXIF says (\d+) x (\d+) pixels, the picture has (\d+) x (\d+): it was cropped or scaled\.$/, (w, h, x, y) => `EXIF nennt ${w} x ${h} Bildpunkte, das Bild hat ${x} x ${y}: Es wurde beschnitten oder skaliert.`],
  [/^It was last changed \((.*)\) before it was taken \((.*)\)\.$/, (changed, taken) => `Sie wurde zuletzt geändert (${changed}), bevor sie aufgenommen wurde (${taken}).`],
];

const comma = (number: string) => number.replace(".", ",");
const FORGEABLE = "Solche Angaben sind leicht geschrieben und leicht kopiert.";
const TABLES: Record<string, string> = { standard: "üblichen Tabellen", "Photoshop's": "Tabellen von Photoshop", own: "eigenen Tabellen" };
const MADE: Record<string, string> = {
  "is made": "der von KI gemacht ist", "may be made": "der von KI gemacht sein kann", "is suspected to be made": "der vermutlich von KI gemacht ist",
};
const PROOFS: Record<string, string> = {
  "(with exposure)": " (mit Belichtung)",
  "(with the maker's own notes)": " (mit eigenen Angaben des Herstellers)",
  "(with exposure and the maker's own notes)": " (mit Belichtung und eigenen Angaben des Herstellers)",
  "(without exposure)": " (ohne Belichtung)",
};
const says = (about: string | undefined) => (about ? ` Er sagt: ${sources(about)}.` : "");

/** Digital source types of IPTC and C2PA (src/fakeweb/provenance/names.py); longer ones before those they begin with. */
const SOURCES: readonly (readonly [string, string])[] = [
  ["partly made by AI", "zum Teil von KI gemacht"],
  ["data made by AI", "Daten, die KI gemacht hat"],
  ["made by AI", "von KI gemacht"],
  ["put together, with parts that are synthetic", "zusammengesetzt, mit künstlichen Teilen"],
  ["improved by a program", "von einem Programm verbessert"],
  ["made by a program, not by a trained model", "von einem Programm gemacht, nicht von einem trainierten Modell"],
  ["a recording of a virtual scene", "Aufnahme einer virtuellen Szene"],
  ["taken by a digital camera, several frames put together", "mit einer Digitalkamera aufgenommen, aus mehreren Einzelbildern"],
  ["taken by a digital camera", "mit einer Digitalkamera aufgenommen"],
  ["digitised from a film", "von einem Film digitalisiert"],
  ["digitised from a print", "von einem Abzug digitalisiert"],
  ["edited by a person", "von einem Menschen bearbeitet"],
  ["edited slightly by a person", "von einem Menschen leicht bearbeitet"],
  ["put together from several photographs", "aus mehreren Fotos zusammengesetzt"],
  ["put together from several parts", "aus mehreren Teilen zusammengesetzt"],
  ["made by a person with a program", "von einem Menschen mit einem Programm gemacht"],
  ["made with a program", "mit einem Programm gemacht"],
  ["made from data", "aus Daten gemacht"],
  ["a picture of a screen", "ein Bild eines Bildschirms"],
  ["begun empty", "leer begonnen"],
];
const sources = (about: string) => SOURCES.reduce((text, [english, german]) => text.replaceAll(english, german), about);

/** A sentence of the service's in German, as far as it is known. */
export function service(text: string): string {
  for (const [pattern, words] of SAID) {
    const found = pattern.exec(text);
    if (found) return words(...found.slice(1));
  }
  return text;
}
