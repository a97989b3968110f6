// Judge the faces of one picture, as src/fakeweb/scanner/image.py does; gives the report of the API.
import type { Report } from "../api/client";
import { Classifier } from "./classify";
import { Rules, cautionsOf, conclude, digits, tooSmall, type Result, type Seen } from "./decide";
import { align, byBox, heightOf, shareInside, widthOf } from "./faces";
import { Finder, leastPx } from "./finder";
import { referenceOf, type Networks } from "./models";
import type { Picture } from "./pixels";
import { qualityOf } from "./quality";

const SCHEMA_VERSION = "2.1";
const MAX_FACES = 500;

/** A picture and what is known of its bytes. */
export interface Media { picture: Picture; name: string; sha256: string; warnings: readonly string[]; readS: number }

export class Scanner {
  private readonly finder: Finder;
  private readonly classifier: Classifier;
  readonly rules: Rules;

  constructor(private readonly networks: Networks) {
    this.finder = new Finder(networks);
    this.classifier = new Classifier(networks.classifier.run, networks.classifier.card);
    this.rules = new Rules(networks.classifier.card, networks.mesh.card);
  }

  async judge({ picture, name, sha256, warnings, readS }: Media): Promise<Report> {
    const started = performance.now(), rules = this.rules;
    const faces = (await this.finder.find(picture)).sort(byBox);
    const found = performance.now(), { side_px: side, margin } = this.classifier.card.input;
    const small = faces.map((face) => tooSmall(face, rules.leastPx));
    const largest = faces.filter((_, i) => small[i] === null).sort((a, b) => widthOf(b) * heightOf(b) - widthOf(a) * heightOf(a));
    const chosen = new Set(largest.slice(0, MAX_FACES));
    const seen: Seen[] = [];
    for (const [i, face] of faces.entries()) {
      const crop = chosen.has(face) ? align(picture, face, side, margin) : null;
      if (crop) {
        const quality = qualityOf(picture, face), score = rules.sized(face, await this.classifier.score(crop));
        seen.push({ face, score, unjudged: null, cautions: cautionsOf(face, quality), inside: quality.inside });
      } else {
        const unjudged = small[i] ?? `not judged: more than ${MAX_FACES} faces`;
        seen.push({ face, score: null, unjudged, cautions: [], inside: shareInside(picture, face) });
      }
    }
    const { results, verdict } = conclude(seen, rules), ended = performance.now();
    const { finder, mesh, classifier } = this.networks;
    return {
      schema_version: SCHEMA_VERSION, source: name, verdict, width: picture.width, height: picture.height,
      faces: results.map(written),
      thresholds: { real: rules.real, fake: rules.fake, source: "model" },
      finder: "fakeweb", models: [classifier, finder, mesh].map(({ card }) => referenceOf(card)),
      media_sha256: sha256, content: null, timeline: null, video: null, provenance: null, whole: null, signature: null,
      timings_s: { read: digits(readS, 6), find: digits((found - started) / 1000, 6), score: digits((ended - found) / 1000, 6) },
      warnings: [...warnings, ...overlooked(picture, rules.leastPx)],
    } as Report;
  }
}

/** A face as the report has it: numbers rounded as there. */
function written({ face, verdict, score, rarity, neighbours, weighed }: Result, i: number) {
  const rounded = (values: readonly number[], count: number) => values.map((value) => digits(value, count));
  return {
    number: i + 1, box: rounded(face.box, 2), confidence: digits(face.confidence, 4),
    points: face.points && face.points.map((point) => rounded(point, 4)), mesh: face.mesh && face.mesh.map((point) => rounded(point, 2)), track: null,
    presence: face.presence && digits(face.presence, 4), printed: face.printed && digits(face.printed, 4),
    verdict,
    score: score && {
      ...score, evidence: score.evidence && score.evidence.map((row) => rounded(row, 4)),
      evidence_to_image: score.evidence_to_image && score.evidence_to_image.map((row) => rounded(row, 4)),
    },
    rarity, neighbours, stretches: null, weighed,
  };
}

function overlooked({ width, height }: Picture, minFacePx: number): string[] {
  const least = leastPx(width, height);
  if (least <= Math.max(minFacePx, leastPx(1, 1))) return [];
  return [`faces narrower than ${least.toFixed(0)} px were not looked for in a picture of ${width} x ${height} px; cut it into parts to have them judged`];
}
