// Every word of the page in German; the same as en.ts.
import { many as manyOf, numeral, rounded as roundedOf } from "../lang";
import type { Texts } from ".";
import { service } from "./said.de";

const many = (n: number, one: string, more: string) => manyOf("de", n, one, more);
const rounded = (count: number) => roundedOf("de", count);
const number = (count: number) => numeral(count, "de");
const looks = (n: number) => `${number(n)} ${n === 1 ? "wirkt" : "wirken"} manipuliert`;

export const de: Texts = {
  name: "FakeWeb",
  title: "FakeWeb: Welche Gesichter sind manipuliert?",
  service,
  skip: "Zum Inhalt",
  nav: { check: "Prüfen", history: "Verlauf", wrong: "Wie oft irrt es?", api: "API", theme: "Dunkel oder hell", language: "Sprache" },

  intro: {
    title: "Ist dieses Gesicht manipuliert?",
    text: "Geben Sie FakeWeb ein Bild oder ein Video. Es sieht sich jedes Gesicht an, legt ein Netz über die, die manipuliert wirken, und sagt, wie sicher es ist.",
    mesh: "Ein Gesichtsnetz",
  },

  intake: {
    drop: "Bilder oder ein Video hierher ziehen",
    or: "oder mit Strg+V einfügen",
    pick: "Dateien wählen",
    camera: "Kamera",
    release: "Loslassen, um zu prüfen",
    more: "Weitere prüfen",
    limits: (picture, video, minutes) => `Bilder bis ${picture}, Videos bis ${video} und ${minutes} Minuten.`,
    address: "Adresse eines Bildes im Netz",
    addressGo: "Adresse prüfen",
    addressHint: "Der Dienst holt das Bild selbst; die Website, auf der es liegt, sieht den Dienst, nicht Sie.",
    examples: "Kein Bild zur Hand? Probieren Sie eines von diesen",
    examplesNote: "Eines ist echt, drei haben wir selbst gefälscht und solche ausgesucht, die FakeWeb bemerkt. Es bemerkt nicht jede: Eine, die ihm entgeht, steht unten unter „Wo es versagt“.",
    private:
      "Ihre Datei geht nur an diesen Dienst und bleibt nicht dort: ein Bild liegt im Speicher, bis es beurteilt ist, ein Video, bis sein Auftrag endet. Die Zahlen bleiben, ohne das Bild.",
    tooLarge: (name, size, most) => `${name} hat ${size}; dieser Dienst nimmt ${most}.`,
  },

  examples: [
    { file: "portrait.jpg", title: "Ein echtes Porträt", note: "Eileen Collins, NASA, 1993" },
    { file: "swapped.jpg", title: "Ein getauschtes Gesicht", note: "mit dem Gesicht aus einem anderen Bild" },
    { file: "beautified.jpg", title: "Verschönert", note: "dasselbe, durch den Schönheitsfilter eines Telefons" },
    { file: "group.jpg", title: "Eine Gruppe", note: "sechs Gesichter, eines davon getauscht" },
  ],
  missed: { file: "repainted.jpg", title: "Neu gemalt", note: "das Gesicht von einem neuronalen Netz neu gezeichnet: bleibt unbemerkt" },

  here: {
    intro: "Geben Sie FakeWeb ein Bild. Es sieht sich jedes Gesicht an, legt ein Netz über die, die manipuliert aussehen, und sagt, wie sicher es ist: in Ihrem Browser, ohne das Bild irgendwohin zu senden.",
    drop: "Bilder hier ablegen",
    where: "Wer prüft?",
    browser: "dieser Browser: nichts wird gesendet",
    service: "dieser Dienst",
    loading: (percent: string) => `lädt einmalig, was zum Prüfen nötig ist: ${percent}`,
    limits: "JPEG, PNG, WebP, AVIF, GIF und BMP bis 64 MB und 80 Megapixel. Videos, HEIC und Herkunftsnachweise (C2PA) prüfen nur Dienst und Programm.",
    private: "Ihr Bild bleibt in diesem Browser und wird nirgendwohin gesendet.",
    done: "In diesem Browser geprüft; nichts wurde gesendet. Woher die Datei kommt (C2PA, EXIF), wurde nicht angesehen: Das tun Dienst und Programm.",
    noVideo: (name: string) => `${name} ist ein Video; Videos werden im Browser nicht geprüft`,
    noVideoHint: "Dienst und Programm prüfen Videos; hier lässt sich ein Bild prüfen, etwa ein Einzelbild daraus",
    forgetHint: "Löscht es aus dem Verlauf dieses Browsers. Gesendet wurde nichts.",
  },

  camera: {
    title: "Ein Bild aufnehmen",
    take: "Aufnehmen",
    close: "Schließen",
    refused: "Die Kamera lässt sich hier nicht benutzen. Vielleicht hat der Browser sie verweigert; wählen Sie stattdessen eine Datei.",
    file: "kamera.png",
  },

  key: {
    title: "Dieser Dienst verlangt einen API-Schlüssel",
    label: "API-Schlüssel",
    save: "Schlüssel benutzen",
    note: "Er bleibt nur in diesem Tab und wird vergessen, wenn Sie ihn schließen.",
    wrong: "Der Dienst kennt diesen Schlüssel nicht.",
  },

  progress: {
    waiting: "wartet, bis es an der Reihe ist",
    sending: (percent) => `wird gesendet, ${percent}`,
    judging: "jedes Gesicht wird angesehen",
    busy: (seconds) => `der Dienst ist beschäftigt; neuer Versuch in ${many(seconds, "Sekunde", "Sekunden")}`,
    stages: {
      waiting: "wartet, bis es an der Reihe ist",
      judging: "jedes Gesicht wird angesehen",
      drawing: "das Netz wird gezeichnet",
      done: "fertig",
    },
    left: (seconds) => (seconds < 90 ? `noch etwa ${many(seconds, "Sekunde", "Sekunden")}` : `noch etwa ${many(Math.round(seconds / 60), "Minute", "Minuten")}`),
    cancel: "Abbrechen",
    cancelled: "Abgebrochen.",
    again: "Noch einmal",
    close: "Aus der Liste nehmen",
    ready: (name, verdict) => `${name}: ${verdict}`,
  },

  problems: {
    title: "Das hat nicht geklappt",
    "page.unreachable": "Der Dienst antwortet nicht. Vielleicht wurde er beendet, oder das Netz ist ausgefallen.",
    "local.unreachable": "Was zum Prüfen nötig ist, lässt sich nicht laden. Vielleicht fehlt das Netz.",
    "local.broken": "Die Prüfung ist in diesem Browser abgebrochen. Vielleicht reichte der Speicher nicht.",
    "page.broken": "In dieser Seite ist etwas kaputt. Laden Sie sie neu; hilft das nicht, melden Sie es bitte.",
    code: "Code",
  },

  verdict: {
    fake: { word: "Gefälscht", title: "Das wirkt manipuliert" },
    real: { word: "Echt", title: "Kein Anzeichen für Manipulation" },
    uncertain: { word: "Unsicher", title: "FakeWeb kann es nicht sagen" },
    no_face: { word: "Kein Gesicht", title: "Kein Gesicht gefunden" },
  },
  means: {
    fake: "Mindestens ein Gesicht hat einen so hohen Wert wie sonst manipulierte. Das ist ein Grund, genauer hinzusehen, kein Beweis: Auch echte Gesichter erhalten solche Werte.",
    real: "Jedes beurteilte Gesicht hat einen so niedrigen Wert wie sonst echte. Das beweist nicht, dass es echt ist: Gute Fälschungen bleiben unbemerkt.",
    mixed: "Kein Gesicht hebt sich von dem ab, was echte Bilder mit so vielen Gesichtern enthalten, auch wenn sich manche nicht beurteilen lassen. Das beweist nicht, dass es echt ist: Gute Fälschungen bleiben unbemerkt.",
    uncertain: "Die Werte liegen zwischen denen echter und denen manipulierter Gesichter. Nehmen Sie das als keine Antwort, nicht als halbes Ja.",
    moved: "Mindestens ein Gesicht erreicht die Grenze, von der an der Betreiber dieses Dienstes Gesichter gefälscht nennt. Er hat die Grenze verschoben: Was über das Modell gemessen wurde, gilt für sie nicht.",
    no_face: "FakeWeb beurteilt nur Gesichter. Über den Rest des Bildes sagt es nichts, und kleine, abgewandte oder verdeckte Gesichter kann es übersehen.",
  },
  counts: (faces, fake, uncertain) =>
    [many(faces, "Gesicht", "Gesichter"), fake && looks(fake), uncertain && `${number(uncertain)} unsicher`].filter(Boolean).join(", "),
  people: (people, fake, uncertain) =>
    [many(people, "Person", "Personen"), fake && looks(fake), uncertain && `${number(uncertain)} unsicher`].filter(Boolean).join(", "),
  because: (title, label, reason) => `${title}${label === "real" ? ";" : ":"} ${reason}`,
  some: (fake, all, people) => `${fake} von ${all} ${people ? "Personen" : "Gesichtern"} ${fake === 1 ? "wirkt" : "wirken"} manipuliert`,
  outstanding: (out, all) => `FakeWeb kann es nicht sagen: ${out} von ${all} Gesichtern ${out === 1 ? "fällt" : "fallen"} auf`,
  highest: (percent) => `höchster Wert ${percent}`,

  stage: {
    settings: "Wie das Netz gezeichnet wird",
    alt: (name, counts) => `${name}: ${counts}. Über Gesichtern, die manipuliert wirken, liegt ein Netz.`,
    opacity: "Stärke des Netzes",
    byProbability: "Farbe nach Wahrscheinlichkeit",
    compare: "Vorher und nachher",
    comparePosition: "Wie viel vom Netz zu sehen ist, von links",
    before: "vorher",
    after: "nachher",
    legend: "an der Grenze",
    legendSure: "fast sicher",
    nothing: "Es ist kein Netz gezeichnet, weil hier kein Gesicht manipuliert wirkt.",
    dashes: "Gestrichelt umrandet sind Gesichter, bei denen es unsicher ist.",
    approximate: "Ein Netz hier ist über den Rahmen des Gesichts gelegt, nicht gemessen.",
    keys: "Das Bild: Plus und Minus vergrößern und verkleinern, 0 zeigt alles, Pfeiltasten verschieben",
    larger: "Vergrößern",
    smaller: "Verkleinern",
    whole: "Alles zeigen",
    wheel: "Mit Mausrad, zwei Fingern oder + und − vergrößern; zum Verschieben ziehen.",
    pattern: "Je sicherer, desto dichter und breiter sind die Linien.",
    face: (n, label, percent) => `Gesicht ${n}: ${label}${percent ? `, ${percent}` : ""}`,
  },

  table: {
    title: (n) => many(n, "Datei", "Dateien"),
    all: (n) => `Alle ${n} Dateien`,
    done: (done, all) => `${done} von ${all} fertig`,
    summary: (counts) => counts.map(([word, n]) => `${n} ${word}`).join(", "),
    failed: "gescheitert",
    csv: "Als CSV sichern",
    file: "Datei",
    verdict: "Urteil",
    score: "Wert",
    faces: "Gesichter",
    says: "In Worten",
  },

  shared: {
    unnamed: "Ein Ergebnis nach seiner Adresse",
    noPicture: "Der Dienst bewahrt Zahlen auf, keine Bilder: Gezeigt ist, wo die Gesichter sind. Geben Sie die Datei noch einmal, um sie zu sehen.",
    gone: "Ein solches Ergebnis gibt es nicht",
    goneWhy: "Vielleicht wurde es gelöscht, seine Zeit ist um, oder es gehört jemand anderem.",
    check: "Etwas prüfen",
  },

  save: {
    title: "Sichern und teilen",
    link: "Link kopieren",
    linkHint: "Der Dienst bewahrt die Zahlen auf, nicht das Bild. Wer diesen Dienst benutzen darf, kann den Link öffnen, solange er sie aufbewahrt.",
    linkCopied: "Der Link ist kopiert",
    print: "Drucken",
    report: "Bericht sichern",
    reportHint: "Eine Seite zum Weitergeben, auf Englisch: Sie braucht kein Netz und kein Programm außer einem Browser und lässt sich auf A4 drucken.",
    writing: "der Bericht wird geschrieben…",
    overlay: "Markiertes Bild sichern",
    overlayVideo: "Markiertes Video sichern",
    json: "Alle Zahlen sichern (JSON)",
    copy: "Zitierfähige Zusammenfassung kopieren",
    copied: "Kopiert",
    forget: "Vergessen",
    forgetHint: "Löscht es aus dem Verlauf dieses Browsers und seine Zahlen aus dem Dienst.",
    forgotten: "Vergessen, hier und im Dienst.",
    forgottenHere: "Hier vergessen. Der Dienst hat seine Zahlen nicht gelöscht:",
  },

  group: {
    order: "Die seltensten Werte zuerst, nicht beurteilte Gesichter zuletzt.",
    show: "Welche Gesichter zu sehen sind",
    showAll: (n) => `Alle ${n} zeigen`,
    all: "Alle",
    sorts: { suspicious: "Verdächtig", unclear: "Unklar", unjudged: "Nicht beurteilt", genuine: "Kein Anzeichen" },
    choose: "Wählen Sie ein Gesicht, hier oder im Bild, um die Gründe zu sehen.",
  },

  face: {
    title: (n) => `Gesicht ${n}`,
    person: (n) => `Person ${n}`,
    score: "Wert",
    scale: (percent, real, fake) => `Wert ${percent}. Bis ${real} gilt ein Gesicht als echt, ab ${fake} als gefälscht, dazwischen als unsicher.`,
    zones: { real: "echt", uncertain: "unsicher", fake: "Fake" },
    why: "Warum",
    because: {
      fake: (p, line) => `Sein Wert von ${p} erreicht die Grenze von ${line}, ab der Gesichter hier gefälscht heißen.`,
      real: (p, line) => `Sein Wert von ${p} liegt unter der Grenze von ${line}, bis zu der Gesichter echt heißen.`,
      uncertain: (p, low, high) => `In Zahlen: Bis ${low} hieße es echt, ab ${high} gefälscht; es hat ${p}.`,
    },
    standsOut: "Fällt auf",
    rarity: (faces, oneIn) => {
      const about = oneIn >= (0.999 * faces) / 3 ? "höchstens" : "etwa";
      const share = oneIn >= 3 ? `1 von ${rounded(oneIn)}` : `${Math.round(100 / oneIn)} von 100`;
      return `Von den ${number(faces)} echten Gesichtern, an denen gemessen wurde, hatte ${about} ${share} einen so hohen Wert; bei anderen Kameras und Websites können es mehrfach so viele sein.`;
    },
    bystander: "Vom Bildrand abgeschnitten: Das Urteil über das Ganze beruht nicht auf diesem Gesicht.",
    moved: "Die Grenzen hat der Betreiber dieses Dienstes verschoben; die gemessenen Fehlerraten gelten für sie nicht.",
    unscored: "Es hat keinen Wert erhalten.",
    kinds: "Wenn es manipuliert wurde, wie?",
    kindsNote: "Anteile der Arten, die dieses Modell kennt, gesetzt, es ist überhaupt eine Fälschung.",
    kind: {
      swap: "Das Gesicht einer anderen Person",
      reenacted: "Andere Mimik oder andere Lippen",
      retouch: "Retuschierte Züge",
      generated: "Von Software erzeugt",
    },
    details: "Alle Zahlen",
    figures: {
      p: "P(gefälscht)",
      logit: "rohe Ausgabe des Netzes",
      size: "Breite des Gesichts",
      confidence: "sicher ein Gesicht (Finder)",
      presence: "sicher ein Gesicht (Netz)",
      printed: "sieht aus wie ein Druck oder Bildschirm",
      rarity: "echte Gesichter mit so hohem Wert",
      rarityRange: (low, high) => `1 von ${rounded(low)} bis 1 von ${rounded(high)}`,
      model: "Modell",
    },
    jump: (at) => `Zum verdächtigsten Augenblick, ${at}`,
    seen: (from, to) => `Zu sehen von ${from} bis ${to}.`,
    stretch: (from, to, percent) => `Wirkt manipuliert von ${from} bis ${to}, ${percent}`,
  },

  video: {
    length: (length, looked, all) => `Clip von ${length}, ${number(looked)} von ${number(all)} Einzelbildern angesehen`,
    stills: "Aussagekräftige Augenblicke",
    still: (who, at, percent) => [who, at, percent].filter(Boolean).join(", "),
    with: "Mit Netz",
    without: "Original",
    noOverlay: "Das Video mit dem Netz liegt nicht mehr im Dienst.",
    unplayable: "Dieser Browser kann das Original nicht abspielen.",
    timeline: "Wert im Verlauf der Zeit",
    timelineNote: "Jede Linie ist eine Person. Ein Klick springt dorthin.",
    stretchesNote: "Balken stehen über der Zeit, in der jemand manipuliert wirkt.",
    position: "Stelle im Video",
    now: (at, people) => (people ? `${at}, ${people}` : at),
    looked: (examined, all, gap) => `FakeWeb hat ${number(examined)} von ${number(all)} Einzelbildern angesehen; die längste Strecke ohne Blick dauert ${gap} s.`,
  },

  viewers: {
    title: "Für Zuschauer",
    warnings: {
      swap: {
        title: "Vielleicht wurde ein Gesicht getauscht",
        text: "Das Gesicht einer Person scheint durch das einer anderen ersetzt worden zu sein. Was die Person zu tun oder zu sagen scheint, ist vielleicht nie geschehen. Suchen Sie die ursprüngliche Quelle, bevor Sie es teilen. Das ist die Schätzung eines Programms und kann falsch sein.",
      },
      reenacted: {
        title: "Vielleicht wurden Mimik oder Worte verändert",
        text: "Die Bewegungen eines Gesichts scheinen von Software gesteuert zu sein. Vielleicht wurden der Person Worte in den Mund gelegt. Suchen Sie die ursprüngliche Aufnahme, bevor Sie es teilen. Das ist die Schätzung eines Programms und kann falsch sein.",
      },
      retouch: {
        title: "Vielleicht wurde ein Gesicht retuschiert",
        text: "Teile eines Gesichts scheinen bearbeitet worden zu sein, etwa Augen, Nase, Mund oder Haut. Die Szene kann trotzdem echt sein; die Person sieht vielleicht anders aus als auf diesem Bild. Das ist die Schätzung eines Programms und kann falsch sein.",
      },
      generated: {
        title: "Vielleicht gibt es diese Person nicht",
        text: "Ein Gesicht scheint von Software erzeugt worden zu sein. Vielleicht sieht niemand so aus; Konten und Geschichten, die auf diesem Gesicht beruhen, verdienen einen zweiten Blick. Das ist die Schätzung eines Programms und kann falsch sein.",
      },
      unknown: {
        title: "Vielleicht wurde ein Gesicht manipuliert",
        text: "Ein Gesicht zeigt Anzeichen von Manipulation; von welcher Art, ist nicht bekannt. Suchen Sie die ursprüngliche Quelle, bevor Sie es teilen. Das ist die Schätzung eines Programms und kann falsch sein.",
      },
    },
    ask: "Wie weit reicht es?",
    why: "Mit einer Reichweite sagt FakeWeb, wie viel Schaden ein manipuliertes Bild anrichten kann. Auch der Bericht, den Sie sichern, sagt es. Gespeichert wird nichts.",
    views: "Aufrufe",
    viewsHint: "wie oft der Beitrag gesehen wurde",
    followers: "Follower",
    followersHint: "des Kontos",
    rate: "Engagement-Rate",
    rateHint: "Reaktionen, Kommentare und Teilungen je Aufruf, von 0 bis 1",
    impact: (words) => `Wirkung: ${words}.`,
  },

  origin: {
    title: "Woher die Datei nach eigenen Angaben kommt",
    unknown: "Unbekannt: Nichts in der Datei sagt, woher sie kommt.",
    more: (count) => `Und ${count} weitere Hinweise.`,
    against: (text) => `Widerspruch: ${text}`,
    inside: "Das kleine Bild in der Datei, das etwas anderes zeigt",
    atThatSize: "Das Bild in dieser Größe",
    both: "Links das kleine Bild in der Datei, rechts das Bild, wie es ist.",
    label: "Nach eigenen Angaben ließe es sich kennzeichnen als",
    note: "Diese Hinweise stehen neben dem Wert und sind kein Teil davon. Die meisten Websites entfernen sie, und sie sind leicht zu fälschen.",
  },

  meaning: {
    title: "Was der Wert bedeutet",
    text: (percent) =>
      `Ein Wert von ${percent} heißt: Unter gleich vielen echten und manipulierten Gesichtern sind ${percent} der Gesichter mit diesem Wert manipuliert. Wo Fälschungen seltener sind, und meist sind sie das, sind es weniger.`,
    accused: "Sind Sie das, oder wissen Sie es besser?",
    accusedText:
      "FakeWeb kann sich über Sie irren. Es sieht nie, was geschah, nur die Bildpunkte: Starke Kompression, Filter, Schönheitsmodi von Telefonen, Bildschirmfotos und ungewöhnliches Licht können einen Wert erhöhen. Was hilft: Prüfen Sie die Originaldatei statt einer Kopie, prüfen Sie mehrere Bilder derselben Gelegenheit, und verweisen Sie auf die Karte oben, die zeigt, wie weit der Wert von der Grenze liegt. „Alle Zahlen sichern“ hält das Modell, die Grenzen und den Fingerabdruck der Datei (SHA-256) fest, so dass alle die Prüfung wiederholen können.",
  },

  wrong: {
    title: "Wie oft irrt es?",
    short: (alarms, found) => `Es nennt ${alarms} der echten Gesichter gefälscht und findet ${found} der manipulierten.`,
    lead: (model) => `Gemessen an Gesichtern, die das Modell ${model} nie gesehen hatte:`,
    genuine: "100 echte Gesichter",
    genuineNote: (measured) => `wie ${number(measured)} beurteilt wurden`,
    manipulated: "100 manipulierte Gesichter",
    called: { fake: "gefälscht genannt", uncertain: "unsicher", real: "echt genannt" },
    alarm: "Fehlalarme",
    missed: "übersehen",
    degraded: (genuine, found) =>
      `Verkleinert, neu komprimiert und unscharf wie auf dem Weg durchs Netz: ${genuine} der echten Gesichter gefälscht genannt, ${found} der manipulierten gefunden.`,
    bySource: "Es kommt auf die Art der Fälschung an",
    bySourceNote: "Anteil der manipulierten Gesichter, die gefälscht genannt werden, nach ihrer Herkunft",
    sources: {
      ciplab: "Züge von Fachleuten in Photoshop ausgetauscht",
      dfdc: "Gesichtstausch in Videos (DFDC)",
      sdxl: "aus Worten erzeugt (SDXL)",
      stylegan1_ffhq: "erzeugt (StyleGAN)",
      stylegan2_sfhq: "erzeugt (StyleGAN 2)",
      faceswap3d_lfw: "einfacher Gesichtstausch",
    },
    bayes: "Was heißt das für Ihr Bild?",
    bayesAsk: "Wie viele der Gesichter, die Sie prüfen, sind wohl manipuliert?",
    bayesShare: (n) => `${n} von 100`,
    bayesAnswer: (right, wrong) =>
      right + wrong === 0 ? "" : `Dann sind von 100 Gesichtern, die FakeWeb gefälscht nennt, etwa ${right} manipuliert und ${wrong} echt: Fehlalarme.`,
    bayesNote: "Berechnet aus den beiden Raten oben. Bei Arten von Fälschungen und Kameras, die das Modell nie gesehen hat, irrt es öfter.",
    limits: "Wo es versagt",
    missedExample: "Eine Fälschung, die FakeWeb für echt hält. Probieren Sie sie:",
    none: "Dieses Modell bringt keine gemessenen Fehlerraten mit. Niemand weiß, wie oft es irrt; seien Sie umso vorsichtiger.",
    licence: "Lizenz",
    loading: "Der Dienst wird gefragt…",
  },

  rules: {
    title: "Bevor Sie danach handeln",
    do: ["Entscheiden Sie damit, was Sie sich genauer ansehen.", "Fragen Sie nach der Originaldatei, der Quelle und einer zweiten Meinung.", "Nennen Sie den Wert zusammen damit, wie oft er irrt."],
    dont: ["Nennen Sie niemanden wegen eines Wertes Lügner.", "Halten Sie „echt“ nicht für eine Bescheinigung.", "Prüfen Sie keine Bilder von Leuten, die etwas dagegen hätten."],
    doTitle: "Ja",
    dontTitle: "Nein",
  },

  history: {
    title: "Verlauf dieses Browsers",
    note: "Eine kleine Kopie jedes Bildes und seine Zahlen bleiben allein in diesem Browser auf diesem Gerät, damit Sie darauf zurückkommen können. Wer diesen Browser benutzt, kann sie sehen.",
    keep: "Verlauf führen",
    empty: "Hier ist noch nichts.",
    open: (name) => `${name} öffnen`,
    remove: (name) => `${name} aus dem Verlauf löschen`,
    clear: "Alles löschen",
    cleared: "Der Verlauf ist leer.",
    small: "Aus dem Verlauf: eine kleine Kopie des Bildes.",
    unavailable: "Dieser Browser bewahrt nichts auf (privater Modus?).",
  },

  summary: (s) =>
    `FakeWeb ${s.version} (Modell ${s.models}) über „${s.name}“: ${s.verdict}${s.percent ? `, Wert P(gefälscht) ${s.percent}, Grenze ${s.line}` : ""}; ${s.faces}. ${s.rarity}${s.rates}Ein Wert ist eine Schätzung und kein Beweis. SHA-256 der Datei: ${s.sha256}.`,
  rates: (alarms, found) => `Von Gesichtern, die es nie gesehen hatte, nennt dieses Modell ${alarms} der echten gefälscht und findet ${found} der manipulierten. `,

  footer: {
    text: "Ein Wert ist eine Schätzung und kein Beweis.",
    model: (reference, version) => `FakeWeb ${version}, Modell ${reference}`,
    docs: "API-Dokumentation",
  },
};
