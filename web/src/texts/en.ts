// Every word of the page in English. Sentences in reports and problems come from the service.
import { many as manyOf, numeral, rounded as roundedOf } from "../lang";

const many = (n: number, one: string, more: string) => manyOf("en", n, one, more);
const rounded = (count: number) => roundedOf("en", count);
const number = (count: number) => numeral(count, "en");

export const en = {
  name: "FakeWeb",
  title: "FakeWeb: which faces were manipulated?",
  /** What the service says, in this language as far as it is known. */
  service: (text: string) => text,
  skip: "Skip to the content",
  nav: { check: "Check", history: "History", wrong: "How often is it wrong?", api: "API", theme: "Dark or light", language: "Language" },

  intro: {
    title: "Was this face manipulated?",
    text: "Give FakeWeb a picture or a video. It looks at every face, draws a mesh over those that look manipulated, and says how sure it is.",
    mesh: "A face mesh",
  },

  intake: {
    drop: "Drop pictures or a video here",
    or: "or paste one with Ctrl+V",
    pick: "Choose files",
    camera: "Use the camera",
    release: "Drop to check",
    more: "Check more",
    limits: (picture: string, video: string, minutes: number) =>
      `Pictures up to ${picture}, videos up to ${video} and ${minutes} minutes.`,
    address: "Address of a picture on the web",
    addressGo: "Check the address",
    addressHint: "The service fetches the picture itself; the site that hosts it sees the service, not you.",
    examples: "No picture at hand? Try one of these",
    examplesNote: "One is genuine; we forged the other three and picked forgeries that FakeWeb finds. It does not catch every one: one that it misses is shown below, under “Where it fails”.",
    private:
      "Your file goes to this service only and is not kept there: a picture lives in memory until it is answered, a video until its job has ended. The figures stay, without the picture.",
    tooLarge: (name: string, size: string, most: string) => `${name} has ${size}; this service takes ${most}.`,
  },

  examples: [
    { file: "portrait.jpg", title: "A genuine portrait", note: "Eileen Collins, NASA, 1993" },
    { file: "swapped.jpg", title: "A swapped face", note: "with the face from another picture" },
    { file: "beautified.jpg", title: "Beautified", note: "the same, through a phone's beauty filter" },
    { file: "group.jpg", title: "A group", note: "six faces, one of them swapped" },
  ],
  missed: { file: "repainted.jpg", title: "Repainted", note: "the face redrawn by a neural network: goes unnoticed" },

  here: {
    intro: "Give FakeWeb a picture. It looks at every face, draws a mesh over those that look manipulated, and says how sure it is: in your browser, without sending the picture anywhere.",
    drop: "Drop pictures here",
    where: "Who checks?",
    browser: "this browser: nothing is sent",
    service: "this service",
    loading: (percent: string) => `loading what the check takes, once: ${percent}`,
    limits: "JPEG, PNG, WebP, AVIF, GIF and BMP up to 64 MB and 80 megapixels. Videos, HEIC and content credentials (C2PA) are left to the FakeWeb service and program.",
    private: "Your picture stays in this browser and is sent nowhere.",
    done: "Checked in this browser; nothing was sent. Where the file comes from (C2PA, EXIF) was not looked at: the FakeWeb service and program do.",
    noVideo: (name: string) => `${name} is a video, which is not checked in the browser`,
    noVideoHint: "the FakeWeb service and program judge videos; here a picture can be checked, for example one frame of it",
    forgetHint: "Deletes it from this browser's history. Nothing was sent anywhere.",
  },

  camera: {
    title: "Take a picture",
    take: "Take the picture",
    close: "Close",
    refused: "The camera cannot be used here. The browser may have refused it; choose a file instead.",
    file: "camera.png",
  },

  key: {
    title: "This service asks for an API key",
    label: "API key",
    save: "Use this key",
    note: "It is kept in this tab only and forgotten when you close it.",
    wrong: "The service does not know this key.",
  },

  progress: {
    waiting: "waiting its turn",
    sending: (percent: string) => `sending, ${percent}`,
    judging: "looking at every face",
    busy: (seconds: number) => `the service is busy; trying again in ${many(seconds, "second", "seconds")}`,
    stages: {
      waiting: "waiting its turn",
      judging: "looking at every face",
      drawing: "drawing the mesh",
      done: "done",
    } as Record<string, string>,
    left: (seconds: number) => (seconds < 90 ? `about ${many(seconds, "second", "seconds")} left` : `about ${many(Math.round(seconds / 60), "minute", "minutes")} left`),
    cancel: "Cancel",
    cancelled: "Cancelled.",
    again: "Try again",
    close: "Remove from the list",
    ready: (name: string, verdict: string) => `${name}: ${verdict}`,
  },

  problems: {
    title: "That did not work",
    "page.unreachable": "The service does not answer. It may have been stopped, or the network is down.",
    "local.unreachable": "What checks are made of cannot be loaded. The network may be down.",
    "local.broken": "The check broke off in this browser. Its memory may not have sufficed.",
    "page.broken": "Something in this page is broken. Load it again; if that does not help, please report it.",
    code: "Code",
  } as Record<string, string>,

  verdict: {
    fake: { word: "Fake", title: "This looks manipulated" },
    real: { word: "Real", title: "No sign of manipulation found" },
    uncertain: { word: "Uncertain", title: "FakeWeb cannot tell" },
    no_face: { word: "No face", title: "No face found" },
  },
  means: {
    fake: "At least one face scores as high as manipulated ones usually do. That is a reason to look closer, not a proof: genuine faces get such scores too.",
    real: "Every judged face scores as low as genuine ones usually do. That does not prove that it is genuine: good fakes go unnoticed.",
    mixed: "No face stands out more than in most genuine pictures with this many faces, although some could not be settled either way. That does not prove that it is genuine: good fakes go unnoticed.",
    uncertain: "The scores lie between those of genuine and those of manipulated faces. Take this as no answer, not as half a yes.",
    moved: "At least one face reaches the line from which whoever runs this service calls faces fake. They moved that line: what was measured about this model does not hold for it.",
    no_face: "FakeWeb judges faces only. It says nothing about the rest of the picture, and may miss faces that are small, turned away or covered.",
  },
  counts: (faces: number, fake: number, uncertain: number) =>
    [many(faces, "face", "faces"), fake && `${fake} look${fake === 1 ? "s" : ""} manipulated`, uncertain && `${uncertain} uncertain`]
      .filter(Boolean)
      .join(", "),
  people: (people: number, fake: number, uncertain: number) =>
    [many(people, "person", "people"), fake && `${fake} look${fake === 1 ? "s" : ""} manipulated`, uncertain && `${uncertain} uncertain`]
      .filter(Boolean)
      .join(", "),
  /** An answer that is less than a yes or no, with what it rests on. */
  because: (title: string, label: string, reason: string) => `${title}${label === "real" ? ";" : ":"} ${reason}`,
  some: (fake: number, all: number, people: boolean) =>
    `${fake} of ${all} ${people ? "people" : "faces"} look${fake === 1 ? "s" : ""} manipulated`,
  outstanding: (out: number, all: number) => `FakeWeb cannot tell: ${out} of ${all} faces stand${out === 1 ? "s" : ""} out`,
  highest: (percent: string) => `highest score ${percent}`,

  stage: {
    settings: "How the mesh is drawn",
    alt: (name: string, counts: string) => `${name}: ${counts}. The mesh is drawn over faces that look manipulated.`,
    opacity: "Strength of the mesh",
    byProbability: "Colour by probability",
    compare: "Before and after",
    comparePosition: "How much of the mesh to show, from the left",
    before: "before",
    after: "after",
    legend: "at the line",
    legendSure: "near certainty",
    nothing: "No mesh is drawn, because no face here looks manipulated.",
    dashes: "A dashed outline marks faces it is unsure about.",
    approximate: "One of the meshes is fitted to the face's box, not measured.",
    keys: "The picture: plus and minus enlarge it, 0 shows all of it, arrow keys move it",
    larger: "Enlarge",
    smaller: "Make smaller",
    whole: "Show all of it",
    wheel: "Enlarge with the wheel, two fingers or + and −; drag to move.",
    pattern: "The more certain it is, the denser and heavier the lines.",
    face: (n: number, label: string, percent: string | null) => `Face ${n}: ${label}${percent ? `, ${percent}` : ""}`,
  },

  table: {
    title: (n: number) => many(n, "file", "files"),
    all: (n: number) => `All ${n} files`,
    done: (done: number, all: number) => `${done} of ${all} done`,
    summary: (counts: readonly (readonly [string, number])[]) => counts.map(([word, n]) => `${n} ${word}`).join(", "),
    failed: "failed",
    csv: "Save as CSV",
    file: "File",
    verdict: "Verdict",
    score: "Score",
    faces: "Faces",
    says: "In words",
  },

  shared: {
    unnamed: "A result by its address",
    noPicture: "The service keeps figures and no picture: what you see is where the faces are. Add the file again to see them in it.",
    gone: "There is no such result",
    goneWhy: "It may have been deleted, its time may be over, or it belongs to somebody else.",
    check: "Check something",
  },

  save: {
    title: "Save and share",
    link: "Copy the link",
    linkHint: "The service keeps the figures, not the picture. Whoever may use this service can open the link as long as it keeps them.",
    linkCopied: "The link is copied",
    print: "Print",
    report: "Save report",
    reportHint: "One page to hand on: it needs no network and no program but a browser, and prints on A4.",
    writing: "writing the report…",
    overlay: "Save the marked picture",
    overlayVideo: "Save the marked video",
    json: "Save all figures (JSON)",
    copy: "Copy a summary to quote",
    copied: "Copied",
    forget: "Forget this",
    forgetHint: "Deletes it from this browser's history and deletes its figures from the service.",
    forgotten: "Forgotten, here and on the service.",
    forgottenHere: "Forgotten here. The service did not delete its figures:",
  },

  group: {
    order: "The rarest scores first, then those that could not be judged.",
    show: "Which faces to show",
    showAll: (n: number) => `Show all ${n}`,
    all: "All",
    sorts: { suspicious: "Suspicious", unclear: "Unclear", unjudged: "Not judged", genuine: "No sign" },
    choose: "Choose a face, here or in the picture, to see the reasons.",
  },

  face: {
    title: (n: number) => `Face ${n}`,
    person: (n: number) => `Person ${n}`,
    score: "Score",
    scale: (percent: string, real: string, fake: string) =>
      `Score ${percent}. Up to ${real} a face counts as real, from ${fake} on as fake, in between as uncertain.`,
    zones: { real: "real", uncertain: "uncertain", fake: "fake" },
    why: "Why",
    because: {
      fake: (p: string, line: string) => `Its score of ${p} reaches the line of ${line}, from which faces here are called fake.`,
      real: (p: string, line: string) => `Its score of ${p} lies under the line of ${line}, up to which faces are called real.`,
      uncertain: (p: string, low: string, high: string) => `In numbers: up to ${low} it would be called real, from ${high} on fake; it scores ${p}.`,
    },
    standsOut: "Stands out",
    rarity: (faces: number, oneIn: number) => {
      const about = oneIn >= (0.999 * faces) / 3 ? "at most" : "about";
      const share = oneIn >= 3 ? `1 in ${rounded(oneIn)}` : `${Math.round(100 / oneIn)} in 100`;
      return `Of the ${number(faces)} genuine faces it was measured on, ${about} ${share} scored as high; on other cameras and websites it can be several times more.`;
    },
    bystander: "Cut off by the picture's border: the verdict on the whole does not rest on this face.",
    moved: "The lines were moved by whoever runs this service; the measured error rates do not hold for them.",
    unscored: "It was not scored.",
    kinds: "If it was manipulated, what kind?",
    kindsNote: "Shares of the kinds that this model knows, given that it is a fake at all.",
    kind: {
      swap: "Another person's face",
      reenacted: "Another expression or other lips",
      retouch: "Retouched features",
      generated: "Made by software",
    } as Record<string, string>,
    details: "All figures",
    figures: {
      p: "P(fake)",
      logit: "raw output of the network",
      size: "width of the face",
      confidence: "sure that it is a face (finder)",
      presence: "sure that it is a face (mesh)",
      printed: "looks like a print or a screen",
      rarity: "genuine faces that score as high",
      rarityRange: (low: number, high: number) => `1 in ${rounded(low)} to 1 in ${rounded(high)}`,
      model: "model",
    },
    jump: (at: string) => `Jump to its most suspicious moment, ${at}`,
    seen: (from: string, to: string) => `Seen from ${from} to ${to}.`,
    stretch: (from: string, to: string, percent: string) => `Looks manipulated from ${from} to ${to}, ${percent}`,
  },

  video: {
    length: (length: string, looked: number, all: number) => `Clip of ${length}, ${number(looked)} of ${number(all)} frames looked at`,
    stills: "Telling moments",
    still: (who: string, at: string, percent: string | null) => [who, at, percent].filter(Boolean).join(", "),
    with: "With mesh",
    without: "Original",
    noOverlay: "The video with the mesh is no longer on the service.",
    unplayable: "This browser cannot play the original.",
    timeline: "Score over time",
    timelineNote: "Each line is a person. Click to jump to a moment.",
    stretchesNote: "Bars mark the times when somebody looks manipulated.",
    position: "Position in the video",
    now: (at: string, people: string) => (people ? `${at}, ${people}` : at),
    looked: (examined: number, all: number, gap: string) =>
      `FakeWeb looked at ${number(examined)} of ${number(all)} frames; the longest stretch without a look is ${gap} s.`,
  },

  viewers: {
    title: "For viewers",
    /** By kind, where the service's own words are not in this language. */
    warnings: {} as Record<string, { title: string; text: string }>,
    ask: "How far does it go?",
    why: "With a reach, FakeWeb says how much harm a manipulated picture could do. The report that you save says it too. Nothing is stored.",
    views: "Views",
    viewsHint: "how often the post was seen",
    followers: "Followers",
    followersHint: "of the account",
    rate: "Engagement rate",
    rateHint: "reactions, comments and shares over views, from 0 to 1",
    impact: (words: string) => `Impact ${words}.`,
  },

  origin: {
    title: "Where the file says it comes from",
    unknown: "Unknown: nothing in the file says where it comes from.",
    more: (count: number) => `And ${count} more notes.`,
    against: (text: string) => `Contradiction: ${text}`,
    inside: "The small picture inside the file, which shows something else",
    atThatSize: "The picture at that size",
    both: "Left the small picture inside the file, right the picture as it is.",
    label: "By its own words it could be labelled",
    note: "These signals stand beside the score and are no part of it. Most sites remove them, and they are easily forged.",
  },

  meaning: {
    title: "What the score means",
    text: (percent: string) =>
      `A score of ${percent} means: among as many genuine as manipulated faces, ${percent} of the faces with this score are manipulated. Where fakes are rarer, and they usually are, fewer are.`,
    accused: "Is this you, or do you know better?",
    accusedText:
      "FakeWeb can be wrong about you. It never sees what happened, only the pixels: strong compression, filters, beauty modes of phones, screenshots and unusual light can raise a score. What helps: check the original file instead of a copy, check several pictures of the same occasion, and point to the card above, which shows how far the score lies from the line. “Save all figures” writes down the model, the lines and the file's fingerprint (SHA-256), so that anybody can repeat the check.",
  },

  wrong: {
    title: "How often is it wrong?",
    short: (alarms: string, found: string) => `It calls ${alarms} of genuine faces fake, and finds ${found} of manipulated ones.`,
    lead: (model: string) => `Measured on faces that the model ${model} had never seen:`,
    genuine: "100 genuine faces",
    genuineNote: (measured: number) => `as ${number(measured)} were judged`,
    manipulated: `100 manipulated faces`,
    called: { fake: "called fake", uncertain: "uncertain", real: "called real" },
    alarm: "false alarms",
    missed: "missed",
    degraded: (genuine: string, found: string) =>
      `After being shrunk, recompressed and blurred as on its way through the web: ${genuine} of genuine faces called fake, ${found} of manipulated ones found.`,
    bySource: "It depends on the kind of fake",
    bySourceNote: "Share of manipulated faces that are called fake, by where they come from",
    sources: {
      ciplab: "features exchanged by experts in Photoshop",
      dfdc: "face swaps in videos (DFDC)",
      sdxl: "generated from words (SDXL)",
      stylegan1_ffhq: "generated (StyleGAN)",
      stylegan2_sfhq: "generated (StyleGAN 2)",
      faceswap3d_lfw: "simple face swaps",
    } as Record<string, string>,
    bayes: "What does that mean for your picture?",
    bayesAsk: "How many of the faces that you check are manipulated, do you think?",
    bayesShare: (n: number) => `${n} of 100`,
    bayesAnswer: (right: number, wrong: number) =>
      right + wrong === 0 ? "" : `Then of 100 faces that FakeWeb calls fake, about ${right} are manipulated, and ${wrong} are genuine: false alarms.`,
    bayesNote:
      "Counted from the two rates above. For kinds of fakes and cameras that the model has never seen, it will be wrong more often.",
    limits: "Where it fails",
    missedExample: "Here is a forgery that FakeWeb takes for genuine:",
    none: "This model brings no measured error rates. Nobody knows how often it is wrong; be all the more careful.",
    licence: "Licence",
    loading: "Asking the service…",
  },

  rules: {
    title: "Before you act on it",
    do: ["Use it to decide what to look at more closely.", "Ask for the original file, the source, and a second opinion.", "Quote the score together with how often it is wrong."],
    dont: ["Do not call somebody a liar because of a score.", "Do not take “real” for a certificate.", "Do not check pictures of people who would mind."],
    doTitle: "Do",
    dontTitle: "Do not",
  },

  history: {
    title: "History of this browser",
    note: "A small copy of each picture and its figures are kept in this browser alone, on this device, so that you can come back to them. Anybody who uses this browser can see them.",
    keep: "Keep a history",
    empty: "Nothing here yet.",
    open: (name: string) => `Open ${name}`,
    remove: (name: string) => `Delete ${name} from the history`,
    clear: "Delete all",
    cleared: "The history is empty.",
    small: "From the history: a small copy of the picture.",
    unavailable: "This browser keeps nothing (private mode?).",
  },

  summary: (s: {
    name: string; verdict: string; percent: string | null; line: string; faces: string; models: string; version: string;
    rarity: string; rates: string; sha256: string;
  }) =>
    `FakeWeb ${s.version} (model ${s.models}) on “${s.name}”: ${s.verdict}${s.percent ? `, score P(fake) ${s.percent}, line ${s.line}` : ""}; ${s.faces}. ${s.rarity}${s.rates}A score is an estimate and no proof. SHA-256 of the file: ${s.sha256}.`,
  rates: (alarms: string, found: string) =>
    `On faces it had not seen, this model calls ${alarms} of genuine ones fake and finds ${found} of manipulated ones. `,

  footer: {
    text: "A score is an estimate and no proof.",
    model: (reference: string, version: string) => `FakeWeb ${version}, model ${reference}`,
    docs: "API documentation",
  },
};
