// Face finder and mesh, as src/fakeweb/faces has them: proposer.py proposes, mesh.py confirms and measures, own.py joins.
import { boxAround, cut, heightOf, isInside, rollByEyes, rollOfMesh, squareAffine, suppress, toPicture, widthOf, type Face, type Point2, type Point3 } from "./faces";
import * as looks from "./looks";
import type { Find, Part } from "./looks";
import { logitOf, probability, sigmoid, type MeshCard, type Networks, type Run } from "./models";
import { mirrored, turned, type Affine, type Picture } from "./pixels";

const SMALLEST_PX = 24;
const LARGEST_PX = 125;
const LONE_PX = 60, LONE_LOGIT = 0.3;
const VIEWS = 3;
const LYING_RAD = (50 * Math.PI) / 180;
const TURNED_RAD = (20 * Math.PI) / 180;
const SURE = 2.1, SURE_AGAIN = 3.3;
const POINTS = 468;

/** The width of the smallest faces that are looked for in a picture of this size. */
export const leastPx = (width: number, height: number) => SMALLEST_PX / looks.finest(width, height);

/** Proposes boxes and five points at any turn. */
class Proposer {
  constructor(private readonly run: Run, private readonly minLogit: number) {}

  async look(picture: Picture): Promise<Face[][]> {
    const views = this.views(await this.looks(picture, true), picture);
    if (Math.max(picture.width, picture.height) <= looks.SIDES_PX[0]) return views;
    const share = looks.finest(picture.width, picture.height);
    return views.filter((seen) => seen.length > 1 || !isDoubtful(seen[0]!, share));
  }

  async lookTurned(picture: Picture, tiles = true): Promise<Face[][]> {
    const left = await this.looks(turned(picture, "left"), tiles), right = await this.looks(turned(picture, "right"), tiles);
    const back = left.map((find) => looks.turnedBack(find, picture.width)), forth = right.map((find) => looks.turnedForth(find, picture.height));
    return this.views([...back, ...forth], picture);
  }

  async lookAgain(picture: Picture): Promise<Face[][]> {
    const plain = await this.looks(picture, false, Infinity), other = await this.looks(mirrored(picture), false, Infinity);
    return this.views([...plain, ...other.map((find) => looks.unmirrored(find, picture.width))], picture);
  }

  private views(found: readonly Find[], picture: Picture): Face[][] {
    return looks.groups(found).map((group) => group.map(toFace)).filter((views) => isInside(views[0]!, picture));
  }

  private async looks(picture: Picture, tiles: boolean, largest = LARGEST_PX): Promise<Find[]> {
    const longPx = Math.max(picture.width, picture.height), scale = looks.finest(picture.width, picture.height);
    const sides = looks.sides(tiles ? longPx * scale : looks.SIDES_PX[2]);
    const copies = looks.copies(picture, sides).map((copy) => ({ copy, scale: longPx / Math.max(copy.width, copy.height) }));
    const [finest, ...others] = copies as [{ copy: Picture; scale: number }, ...{ copy: Picture; scale: number }[]];
    if (!others.length) return (await this.parts(finest.copy, finest.scale, Infinity)).found;
    const last = others[others.length - 1]!;
    let { found, seen } = await this.parts(last.copy, last.scale, Infinity);
    for (const one of others.slice(0, -1).reverse()) {
      const more = await this.parts(one.copy, one.scale, largest);
      found = [...found, ...more.found];
      seen = more.seen;
    }
    let seenScale = others[0]!.scale;
    if (tiles && looks.glanced(sides[0]!) > looks.SIDES_PX[2]) {
      const glance = looks.shrunk(finest.copy, looks.glanced(sides[0]!));
      seenScale = longPx / Math.max(glance.width, glance.height);
      seen = (await this.parts(glance, seenScale, 0, looks.tiles(0, glance.height, 0, glance.width, true))).seen;
    }
    const hints = tiles ? { seen, found, scale: finest.scale, seenScale, largest } : null;
    const rows = await this.parts(finest.copy, finest.scale, largest, looks.places(finest.copy.height, finest.copy.width, hints));
    return [...rows.found, ...found];
  }

  private async parts(copy: Picture, scale: number, largest: number, places: readonly Part[] = looks.places(copy.height, copy.width, null)) {
    const found: Find[] = [], seen: Find[] = [];
    for (const place of places) {
      const hints = await this.one(looks.forLook(copy, place));
      const kept = looks.merge(hints.filter((find) => find[0]! >= this.minLogit));
      const small = kept.filter((f) => (f[3]! - f[1]!) * (f[4]! - f[2]!) <= largest ** 2);
      for (const [to, finds] of [[found, small], [seen, hints]] as const) {
        for (const find of finds) {
          if (!looks.isCutOff(find, place, copy.height, copy.width)) to.push(looks.broughtBack(find, scale, place[2], place[0]));
        }
      }
    }
    return { found, seen };
  }

  private async one(input: Picture): Promise<Find[]> {
    const out = await this.run(input.pixels, input.height, input.width);
    const maps = looks.STRIDES.map((stride) => {
      const { dims, data } = out[`stride_${stride}`]!;
      return { rows: dims[1]!, columns: dims[2]!, values: data };
    });
    return looks.readMaps(maps, Math.min(looks.HINT_LOGIT, this.minLogit));
  }
}

function isDoubtful(face: Face, share: number): boolean {
  return Math.sqrt(widthOf(face) * heightOf(face)) * share >= LONE_PX && logitOf(face.confidence) < LONE_LOGIT;
}

function toFace(find: Find): Face {
  const points = [5, 7, 9, 11, 13].map((i): Point2 => [find[i]!, find[i + 1]!]);
  return {
    box: [find[1]!, find[2]!, find[3]!, find[4]!], confidence: sigmoid(Math.min(60, Math.max(-60, find[0]!))), points,
    mesh: null, presence: null, printed: null,
  };
}

/** Measures faces one by one, each in a square levelled by its five points. */
export class Mesher {
  constructor(private readonly run: Run, readonly card: MeshCard) {}

  async mesh(picture: Picture, face: Face): Promise<Face> {
    const { side_px: side, margin } = this.card.input, least = this.card.mesh.min_presence;
    let map = squareAffine(face, side, margin), seen = await this.look(picture, map);
    const roll = seen.presence >= least ? rollOfMesh(seen.mesh) : 0;
    if (Math.abs(roll) > TURNED_RAD) {
      const again = squareAffine(face, side, margin, Math.atan2(map[3], map[0]) + roll), second = await this.look(picture, again);
      if (second.presence >= seen.presence) [map, seen] = [again, second];
    }
    return { ...face, mesh: seen.presence >= least ? toPicture(seen.mesh, map) : null, presence: seen.presence, printed: seen.printed };
  }

  private async look(picture: Picture, map: Affine): Promise<{ mesh: Point3[]; presence: number; printed: number }> {
    const side = this.card.input.side_px, out = await this.run(cut(picture, map, side).pixels, side, side);
    const flat = out.mesh!.data;
    const mesh = Array.from({ length: POINTS }, (_, i): Point3 => [flat[3 * i]!, flat[3 * i + 1]!, flat[3 * i + 2]!]);
    return { mesh, presence: probability(this.card.presence, out.presence!.data[0]!), printed: probability(this.card.printed, out.printed!.data[0]!) };
  }
}

/** What the proposer proposes and the mesh confirms. */
export class Finder {
  readonly mesher: Mesher;
  private readonly proposer: Proposer;

  constructor({ finder, mesh }: Networks) {
    this.mesher = new Mesher(mesh.run, mesh.card);
    this.proposer = new Proposer(finder.run, finder.card.finder.min_logit);
  }

  async find(picture: Picture): Promise<Face[]> {
    let found = await this.confirm(picture, await this.proposer.look(picture), false);
    if (!found.length) found = await this.confirm(picture, await this.proposer.lookAgain(picture), true);
    if (!found.length) found = await this.confirm(picture, await this.proposer.lookTurned(picture, false), true);
    if (found.some((face) => Math.abs(rollByEyes(face)) > LYING_RAD)) {
      found = suppress([...found, ...(await this.confirm(picture, await this.proposer.lookTurned(picture), false))]);
    }
    return found;
  }

  private async confirm(picture: Picture, proposals: Face[][], again: boolean): Promise<Face[]> {
    const kept: Face[] = [];
    for (let number = 0; number < (again ? 1 : VIEWS); number++) {
      const missed: Face[][] = [];
      for (const seen of proposals.filter((views) => views.length > number)) {
        const face = sure(await this.mesher.mesh(picture, seen[number]!), again ? SURE_AGAIN : SURE);
        if (face) kept.push(face);
        else missed.push(seen);
      }
      proposals = missed;
    }
    return suppress(kept.filter((face) => isInside(face, picture)));
  }
}

function sure(face: Face, least: number): Face | null {
  if (!face.mesh) return null;
  const total = logitOf(face.confidence) + logitOf(face.presence!);
  return total < least ? null : { ...face, box: boxAround(face.mesh), confidence: sigmoid(total) };
}

