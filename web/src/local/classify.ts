// The classifier, as src/fakeweb/classifiers/onnx.py drives it: one crop at a time, doubtful ones once more, mirrored.
import type { Score } from "./decide";
import type { Crop } from "./faces";
import { probability, referenceOf, type ClassifierCard, type Run } from "./models";
import { mirrored, type Picture } from "./pixels";

interface Look { logit: number; kinds: number[] | null; evidence: number[][] | null }

export class Classifier {
  constructor(private readonly run: Run, readonly card: ClassifierCard) {
    if (card.adapter || card.composed) throw new Error(`${referenceOf(card)} is of a form that browsers do not run`);
  }

  async score({ picture, toImage: [a, b, c, d, e, f] }: Crop): Promise<Score> {
    const { card } = this, look = await this.looks(picture), cells = card.evidence?.side ?? 0;
    const step = cells ? picture.width / cells : 0, middle = (step - 1) / 2;
    return {
      p_fake: probability(card.calibration, look.logit), logit: look.logit, model: referenceOf(card),
      kinds: look.kinds && Object.fromEntries(shares(look.kinds).map((share, i) => [card.kinds[i]!, share])),
      evidence: look.evidence,
      evidence_to_image: look.evidence && [
        [a * step, b * step, (a + b) * middle + c],
        [d * step, e * step, (d + e) * middle + f],
      ],
    };
  }

  private async looks(crop: Picture): Promise<Look> {
    const look = await this.look(crop), doubtful = this.card.second_look;
    if (!doubtful || look.logit <= doubtful[0] || look.logit >= doubtful[1]) return look;
    const other = await this.look(mirrored(crop));
    return {
      logit: (look.logit + other.logit) / 2,
      kinds: look.kinds && look.kinds.map((value, i) => (value + other.kinds![i]!) / 2),
      evidence: look.evidence && look.evidence.map((row, y) => row.map((value, x) => (value + other.evidence![y]![row.length - 1 - x]!) / 2)),
    };
  }

  private async look(crop: Picture): Promise<Look> {
    const out = await this.run(crop.pixels, crop.height, crop.width), logit = out.logit!.data[0]!;
    if (!Number.isFinite(logit)) throw new Error(`${referenceOf(this.card)} gave a logit of ${logit}`);
    const cells = this.card.evidence?.side ?? 0, hold = (v: number) => Math.min(1, Math.max(0, v));
    const evidence = cells
      ? Array.from({ length: cells }, (_, y) => Array.from(out.evidence!.data.subarray(y * cells, (y + 1) * cells), hold))
      : null;
    return { logit, kinds: this.card.kinds.length && out.kinds ? Array.from(out.kinds.data) : null, evidence };
  }
}

function shares(raw: readonly number[]): number[] {
  const most = Math.max(...raw), powers = raw.map((value) => Math.exp(value - most));
  const sum = powers.reduce((a, b) => a + b);
  return powers.map((value) => value / sum);
}
