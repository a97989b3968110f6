"""Derives :mod:`fakeweb.topology` from labels alone: which points mirror each other, triangles, openings, regions.

Nothing here knows what an index means, and nothing is taken from another project's tables. What is known about
faces comes from statistics of labelled pictures:

- the *mirror* partner of a point is the one that stands in its place when the picture is mirrored;
- *triangles* are the Delaunay triangles of the mean shape, unrolled from a ball, half a face at a time;
- an *opening* is where triangles vanish when the eye or the mouth closes: their area is proportional to the
  distance of the lids or lips, that of skin is not;
- points stand in *rows* around an opening: each row is the one-to-one continuation of the one before, outwards;
- the *lips* are the rows around the mouth that are redder than the skin; the *brows* lie between those two rows
  around the eyes that hold the last dark band before the forehead;
- the *nose* is what stands out of a smooth surface laid through the other points;
- *stable* points are those that lie most nearly in the same place on everybody, whatever they do with their face.

``draw.py`` beside this file runs it, writes ``topology.json`` and draws the picture in docs/reference/mesh.md.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from fakeweb.train.mesh.label import MeshLabels
from research.topology.triangles import delaunay

Floats = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]
Edge = tuple[int, int]

MAX_DOUBT = 0.06
"""Faces on which the teacher contradicts itself by more than this, in units of the mean shape, are left out."""
_VANISHES = 0.4  # skin stays below 0.25, openings above 0.55
_DARK = -4.0  # L* below a smooth surface
_NOSE_FLAT = 0.02  # in units of the mean shape
_BRIDGE_RAD = np.deg2rad(135)
_BALL_BEHIND = 0.85  # in units of the mean shape: the centre of the ball that is unrolled


@dataclass(frozen=True, eq=False)
class Shapes:
    """Labelled faces laid over each other.

    Attributes:
        rows: Places of the faces in the labels.
        mesh: float64 (N, 468, 3) in pixels: the mean of both looks of the teacher.
        aligned: float64 (N, 468, 3): moved, scaled and turned onto the mean.
        turns: float64 (N, 3, 3): ``aligned = scale * (mesh - mean) @ turn``.
        mean: float64 (468, 3), symmetric about x = 0; its points lie 1 from their centre in the root mean square.
        mirror: (468,) partner of every point.
        doubt: (N,) mean distance of the two looks in the picture plane, in units of the mean.
    """

    rows: Ints
    mesh: Floats
    aligned: Floats
    turns: Floats
    mean: Floats
    mirror: Ints
    doubt: Floats

    @property
    def yaw_deg(self) -> Floats:
        """How far each face is turned to the side, in degrees."""
        return np.degrees(np.arcsin(np.clip(self.turns[:, 2, 0], -1, 1)))


def find_mirror(mesh: npt.NDArray[np.floating], mirrored: npt.NDArray[np.floating]) -> Ints:
    """Find each point's mirror partner: the point that stands in its place when the picture is mirrored.

    Args:
        mesh: (N, 468, 3) from the pictures as they are.
        mirrored: (N, 468, 3) from the mirrored pictures, brought back.

    Raises:
        ValueError: The answer is not symmetric; more faces are needed.
    """
    sizes = np.ptp(mesh[:, :, :2], axis=1).mean(axis=1)
    cost = np.zeros((mesh.shape[1], mesh.shape[1]))
    for one, other, size in zip(mesh, mirrored, sizes, strict=True):
        gap = np.linalg.norm(one[:, None, :2] - other[None, :, :2], axis=2) / size
        cost += np.minimum(gap, 0.1)
    partner = cost.argmin(axis=1)
    if not (partner[partner] == np.arange(len(partner))).all():
        raise ValueError("mirror partners are not mutual")
    return partner.astype(np.int64)


def lay_over(labels: MeshLabels, *, mirror_from: int = 1500) -> Shapes:
    """Lay all trusted faces over each other (generalised Procrustes analysis; Gower 1975)."""
    rows = np.flatnonzero(np.isfinite(labels.mesh[:, 0, 0]) & np.isfinite(labels.mirrored[:, 0, 0]))
    plain, turned = labels.mesh[rows].astype(np.float64), labels.mirrored[rows].astype(np.float64)
    some = np.linspace(0, len(rows) - 1, min(mirror_from, len(rows))).astype(int)
    mirror = find_mirror(plain[some], turned[some])
    turned = turned[:, mirror]
    mesh = (plain + turned) / 2
    size = np.sqrt(((mesh - mesh.mean(axis=1, keepdims=True)) ** 2).sum(axis=2).mean(axis=1))
    doubt = np.linalg.norm((plain - turned)[:, :, :2], axis=2).mean(axis=1) / size
    kept = doubt < MAX_DOUBT
    mesh, mean = mesh[kept], mesh[kept][0]
    for _ in range(4):
        aligned, _ = _onto(mesh, mean)
        mean = symmetric(np.median(aligned, axis=0), mirror)
        mean -= mean.mean(axis=0)
        mean /= np.sqrt((mean**2).sum(axis=1).mean())
    aligned, turns = _onto(mesh, mean)
    return Shapes(rows[kept], mesh, aligned, turns, mean, mirror, doubt[kept])


def symmetric(shape: Floats, mirror: Ints) -> Floats:
    """Return the mean of a shape and its mirror image; points that are their own partners get x = 0."""
    return np.asarray((shape + shape[mirror] * (-1.0, 1.0, 1.0)) / 2, np.float64)


def _onto(mesh: Floats, mean: Floats) -> tuple[Floats, Floats]:
    """Move, scale and turn each shape onto a mean by least squares (Umeyama 1991)."""
    x, y = mesh - mesh.mean(axis=1, keepdims=True), mean - mean.mean(axis=0)
    u, s, vt = np.linalg.svd(np.einsum("nki,kj->nij", x, y))
    signs = np.ones((len(mesh), 3))
    signs[:, 2] = np.sign(np.linalg.det(u @ vt))
    turns = (u * signs[:, None]) @ vt
    scale = (s * signs).sum(axis=1) / (x**2).sum(axis=(1, 2))
    return scale[:, None, None] * (x @ turns), turns


def unroll(shape: Floats) -> Floats:
    """Lay a face flat: directions from a point behind it, at their angles from straight ahead, (468, 2).

    The azimuthal equidistant projection: no part of a face hides another, as nose and cheek do seen from one side.
    """
    away = shape - (0.0, 0.0, _BALL_BEHIND)
    across = np.hypot(away[:, 0], away[:, 1])
    angle = np.arctan2(across, -away[:, 2])
    return np.asarray(away[:, :2] * (angle / np.maximum(across, 1e-12))[:, None], np.float64)


def edge(a: int, b: int) -> Edge:
    """Return an edge with the lower index first."""
    return (int(a), int(b)) if a < b else (int(b), int(a))


def triangles_of_edges(triangles: Ints) -> dict[Edge, list[int]]:
    """Return which triangles lie at each edge."""
    at: dict[Edge, list[int]] = defaultdict(list)
    for number, (a, b, c) in enumerate(triangles.tolist()):
        for pair in (edge(a, b), edge(b, c), edge(a, c)):
            at[pair].append(number)
    return at


def areas(shapes: Floats, triangle: Ints) -> Floats:
    """Return the area of one triangle in many shapes, (N,)."""
    a, b, c = (shapes[:, i] for i in triangle)
    return np.asarray(np.linalg.norm(np.cross(b - a, c - a), axis=1) / 2, np.float64)


def vanishes(shapes: Floats, triangle: Ints, opening: Floats) -> float:
    """Tell how far a triangle's area goes to zero with an opening: about 1 in it, about 0 on skin.

    It is the elasticity of the area by linear regression, times the correlation, which rules out chance.
    """
    area = areas(shapes, triangle)
    slope = np.cov(area, opening)[0, 1] / opening.var()
    return float(slope * opening.mean() / area.mean() * np.corrcoef(area, opening)[0, 1])


def flood_opening(shapes: Floats, triangles: Ints, flat: Floats, seed: Floats) -> tuple[set[int], Edge]:
    """Return the triangles of an opening, and the edge across it that measures how open it is.

    Args:
        shapes: (N, 468, 3) aligned.
        triangles: (T, 3) of a shape whose opening is open.
        flat: (468, 2) that shape, unrolled.
        seed: A place (2,) inside the opening.
    """
    at = triangles_of_edges(triangles)
    around = [
        i
        for i, t in enumerate(triangles)
        if cv2.pointPolygonTest(flat[t].astype(np.float32)[:, None], (float(seed[0]), float(seed[1])), False)
        >= 0
    ]
    sides = {edge(t[i], t[i - 1]) for t in triangles[around] for i in range(3)}

    def variation(pair: Edge) -> float:
        length = np.linalg.norm(shapes[:, pair[0]] - shapes[:, pair[1]], axis=1)
        return float(length.std() / length.mean())

    across = max(sorted(sides), key=variation)
    opening = np.linalg.norm(shapes[:, across[0]] - shapes[:, across[1]], axis=1)
    found, todo, looked = set(), list(around), set()
    while todo:
        i = todo.pop()
        if i in looked:
            continue
        looked.add(i)
        if vanishes(shapes, triangles[i], opening) > _VANISHES:
            found.add(i)
            a, b, c = triangles[i]
            todo += [n for pair in (edge(a, b), edge(b, c), edge(a, c)) for n in at[pair]]
    return found, across


def loops(triangles: Ints) -> list[list[int]]:
    """Return the borders of a set of triangles as closed loops (first point not repeated), the longest first."""
    next_to: dict[int, list[int]] = defaultdict(list)
    for (a, b), owners in triangles_of_edges(triangles).items():
        if len(owners) == 1:
            next_to[a].append(b)
            next_to[b].append(a)
    left, found = set(next_to), []
    while left:
        path = [min(left)]
        while True:
            left.discard(path[-1])
            ahead = [p for p in next_to[path[-1]] if p in left]
            if not ahead:
                break
            path.append(min(ahead))
        found.append(path)
    return sorted(found, key=lambda p: (-len(p), p))


def half_triangles(flat: Floats) -> Ints:
    """Triangulate the half with x <= 0 (Delaunay)."""
    half = np.flatnonzero(flat[:, 0] <= 1e-9)
    return np.asarray(half[delaunay(flat[half])], np.int64)


def peel(triangles: Ints, shape: Floats) -> Ints:
    """Drop flat triangles from the border, which bridge its hollows: those with a wide angle facing outwards."""
    left = [t.tolist() for t in triangles]
    while True:
        drop = None
        for (a, b), owners in triangles_of_edges(np.array(left)).items():
            if len(owners) == 1 and not (abs(shape[a, 0]) < 1e-9 and abs(shape[b, 0]) < 1e-9):
                c = next(p for p in left[owners[0]] if p not in (a, b))
                if _angle(shape, a, c, b) > _BRIDGE_RAD:
                    drop = owners[0]
        if drop is None:
            return np.array(left, np.int64)
        del left[drop]


def flip_edges(triangles: Ints, shape: Floats, rounds: int = 20) -> Ints:
    """Flip inner edges until the triangles are as round as they get on the curved shape (Lawson 1977).

    An edge is flipped when the two angles opposite to it add up to more than 180 degrees and the new edge lies
    between the old triangles.
    """
    tri = [t.tolist() for t in triangles]
    for _ in range(rounds):
        changed = False
        for (a, b), owners in list(triangles_of_edges(np.array(tri)).items()):
            if len(owners) != 2:
                continue
            one, two = owners
            if not ({a, b} <= set(tri[one]) and {a, b} <= set(tri[two])):
                continue
            c = next(p for p in tri[one] if p not in (a, b))
            d = next(p for p in tri[two] if p not in (a, b))
            if c == d:
                continue
            over = _angle(shape, a, c, b) + _angle(shape, a, d, b) - np.pi
            convex = max(
                _angle(shape, c, a, b) + _angle(shape, b, a, d),
                _angle(shape, c, b, a) + _angle(shape, a, b, d),
            )
            if over > 1e-6 and convex < np.pi * 0.97:
                tri[one], tri[two] = [a, c, d], [b, c, d]
                changed = True
        if not changed:
            break
    return np.array(tri, np.int64)


def _angle(shape: Floats, a: int, at: int, b: int) -> float:
    u, v = shape[a] - shape[at], shape[b] - shape[at]
    return float(np.arccos(np.clip(u @ v / (np.linalg.norm(u) * np.linalg.norm(v)), -1, 1)))


@dataclass(frozen=True, eq=False)
class Net:
    """Triangles and openings.

    Attributes:
        triangles: (T, 3), facing the viewer counter-clockwise as drawn, mirror images included.
        oval, mouth, right_eye: Loops of points, without repeating the first.
        wide: (468, 3) the mean shape with eyes and mouth open.
    """

    triangles: Ints
    oval: list[int]
    mouth: list[int]
    right_eye: list[int]
    wide: Floats


def build_net(shapes: Shapes, eye: Floats) -> Net:
    """Triangulate the mean shape with eyes and mouth open and leave the openings out.

    Args:
        shapes: The faces.
        eye: x and y of the finder's right eye point on the mean shape, inside the eye's opening.
    """
    some, mean = shapes.aligned[:: max(1, len(shapes.aligned) // 4000)], shapes.mean
    lips = _most_variable_gap(some, midline(shapes))
    flat = unroll(mean)
    near = np.argsort(np.linalg.norm(mean[:, :2] - eye, axis=1))[:3]
    _, lids = flood_opening(some, half_triangles(flat), flat, flat[near].mean(axis=0))
    wide, rings = mean.copy(), []
    for across, aside in ((lips, -1e-4), (lids, 1e-4)):
        shape = _opened(some, across, shapes)
        flat = unroll(shape)
        triangles = half_triangles(flat)
        inside, _ = flood_opening(
            some, triangles, flat, flat[list(across)].mean(axis=0) + np.array([aside, 0])
        )
        rings.append(set(triangles[sorted(inside)].ravel().tolist()))
        wide += shape - mean
    wide[midline(shapes), 0] = 0.0
    half = half_triangles(unroll(wide))
    half = np.array([t for t in half if not any(set(t.tolist()) <= ring for ring in rings)])
    half = peel(flip_edges(peel(half, wide), wide), wide)
    triangles = both_halves(half, shapes)
    oval, mouth, *eyes = loops(triangles)
    right = next(loop for loop in eyes if mean[loop, 0].mean() < 0)
    return Net(triangles, oval, mouth, right, wide)


def both_halves(half: Ints, shapes: Shapes) -> Ints:
    """Turn the triangles of one half to face the viewer, and add their mirror images."""
    half = turn_alike(half)
    a, b, c = (shapes.mean[half[:, i]] for i in range(3))
    if np.cross(b - a, c - a)[:, 2].sum() > 0:
        half = half[:, [0, 2, 1]]
    return np.concatenate([half, shapes.mirror[half[:, [0, 2, 1]]]])


def turn_alike(triangles: Ints) -> Ints:
    """Turn triangles so that neighbours walk their common side in opposite directions."""
    out = [t.tolist() for t in triangles]
    at = triangles_of_edges(triangles)
    done, todo = {0}, [0]
    while todo:
        i = todo.pop()
        for a, b in zip(out[i], out[i][1:] + out[i][:1], strict=True):
            for j in at[edge(a, b)]:
                if j not in done:
                    if (a, b) in zip(out[j], out[j][1:] + out[j][:1], strict=True):
                        out[j].reverse()
                    done.add(j)
                    todo.append(j)
    return np.array(out, np.int64)


def with_edges(triangles: Ints, wanted: set[Edge]) -> Ints:
    """Flip edges so that wanted ones appear, where each is the other diagonal of two triangles.

    Raises:
        ValueError: A wanted edge is farther away than one flip.
    """
    tri = [t.tolist() for t in triangles]
    for a, b in sorted(wanted - set(triangles_of_edges(triangles))):
        for (c, d), owners in triangles_of_edges(np.array(tri)).items():
            if len(owners) == 2 and {p for i in owners for p in tri[i]} == {a, b, c, d}:
                tri[owners[0]], tri[owners[1]] = [a, b, c], [a, b, d]
                break
        else:
            raise ValueError(f"the edge {a}-{b} cannot be had by one flip")
    return np.array(tri, np.int64)


def midline(shapes: Shapes) -> Ints:
    """Return the points that are their own mirror partners, from top to bottom."""
    own = np.flatnonzero(shapes.mirror == np.arange(len(shapes.mirror)))
    return np.asarray(own[np.argsort(shapes.mean[own, 1])], np.int64)


def _most_variable_gap(shapes: Floats, line: Ints) -> Edge:
    gaps = np.linalg.norm(shapes[:, line[1:]] - shapes[:, line[:-1]], axis=2)
    widest = int((gaps.std(axis=0) / gaps.mean(axis=0)).argmax())
    return int(line[widest]), int(line[widest + 1])


def _opened(some: Floats, across: Edge, shapes: Shapes) -> Floats:
    """Return the mean shape with an opening wide open: half again as far as the widest 2 % have it."""
    pairs = (across, tuple(shapes.mirror[list(across)]))
    opening = sum(np.linalg.norm(some[:, a] - some[:, b], axis=1) for a, b in pairs)
    widest = some[opening >= np.quantile(opening, 0.98)]
    shape = symmetric(np.median(widest, axis=0), shapes.mirror)
    return np.asarray(shapes.mean + 1.5 * (shape - shapes.mean), np.float64)


def next_row(row: list[int], used: set[int], triangles: Ints, shape: Floats) -> list[int]:
    """Return the row outside a closed row: for each point the unused neighbour straight outwards, one to one."""
    neighbours: dict[int, set[int]] = defaultdict(set)
    for a, b in triangles_of_edges(triangles):
        neighbours[a].add(b)
        neighbours[b].add(a)
    offers = []
    for i, p in enumerate(row):
        along = shape[row[(i + 1) % len(row)]] - shape[row[i - 1]]
        for q in neighbours[p] - used:
            away = shape[q] - shape[p]
            length = float(np.linalg.norm(away))
            slant = abs(float(away @ along)) / (length * float(np.linalg.norm(along)))
            offers.append((length * (1 + 2 * slant), p, q))
    chosen: dict[int, int] = {}
    for _, p, q in sorted(offers):
        if p not in chosen and q not in chosen.values():
            chosen[p] = q
    return [chosen[p] for p in row]


def rows_around(loop: list[int], count: int, triangles: Ints, shape: Floats) -> list[list[int]]:
    """Return a loop and ``count`` rows around it."""
    rows, used = [loop], set(loop)
    for _ in range(count):
        rows.append(next_row(rows[-1], used, triangles, shape))
        used |= set(rows[-1])
    return rows


def residual(values: Floats, place: Floats, weights: Floats) -> Floats:
    """Return what a smooth surface of the third degree, even in x, laid robustly through values leaves over."""
    x, y = np.abs(place[:, 0]), place[:, 1]
    base = np.stack([x**i * y**j for i in range(4) for j in range(4 - i)], axis=1)
    trust = np.ones(len(values))
    for _ in range(30):
        root = np.sqrt(trust * weights)
        fit = np.linalg.lstsq(base * root[:, None], values * root, rcond=None)[0]
        left = values - base @ fit
        trust = 1 / np.maximum(1, np.abs(left) / (1.5 * np.median(np.abs(left)))) ** 2
    return np.asarray(left, np.float64)


def find_lips(rows: list[list[int]], redness: Floats) -> int:
    """Return the number of the last row around the mouth that is red: at least a quarter as red as the first."""
    level = [float(np.median(redness[row])) for row in rows]
    skin = level[-1]
    red = [i for i, value in enumerate(level) if value - skin > 0.25 * (level[0] - skin)]
    return max(red)


def find_brow(
    rows: list[list[int]], triangles: Ints, darkness: Floats, mean: Floats
) -> tuple[list[int], list[int]]:
    """Return a brow's lower and upper edge, from the nose outwards.

    Args:
        rows: Around one eye, from its opening outwards.
        triangles: All.
        darkness: Per triangle, below 0 where darker than a smooth surface.
        mean: The mean shape.
    """
    band: dict[int, tuple[list[Edge], list[float]]] = {}
    for inner, outer in pairwise(rows[1:]):
        columns = [(p, q) for p, q in zip(inner, outer, strict=True) if mean[p, 1] < mean[rows[0], 1].min()]
        pairs = list(pairwise(columns))
        dark = []
        for (a, b), (c, d) in pairs:
            four = {a, b, c, d}
            own = [i for i, t in enumerate(triangles) if set(t.tolist()) <= four]
            dark.append(float(np.mean(darkness[own])) if own else 0.0)
        band[len(band)] = (columns, dark)
    last = max(i for i, (_, dark) in band.items() if dark and np.median(dark) < _DARK)
    columns, dark = band[last]
    kept = sorted({c for pair, d in zip(pairwise(columns), dark, strict=True)
                   if d < _DARK for c in pair}, key=lambda c: abs(mean[c[0], 0]))  # fmt: skip
    return [p for p, _ in kept], [q for _, q in kept]


def find_nose(net: Net, rows: list[list[int]], mean: Floats, corner: int) -> list[int]:
    """Return the points of the nose: those between the eyes and the lips that stand out of the face around them.

    Args:
        net: The triangles.
        rows: Around the mouth, the lips and the row outside them.
        mean: The mean shape.
        corner: The inner corner of one eye.
    """
    top, bottom = mean[net.right_eye, 1].min(), mean[rows[-2], 1].min()
    x, y, z = mean.T
    between = (np.abs(x) < 1.25 * abs(x[corner])) & (y > top) & (y < bottom)
    base = np.stack([np.ones(len(x)), x**2, y, y**2, x**2 * y, y**3, x**4], axis=1)
    fit = np.linalg.lstsq(base[~between], z[~between], rcond=None)[0]
    near_lips = {p for row in rows for p in row}
    return [i for i in np.flatnonzero(between & (z - base @ fit < _NOSE_FLAT)).tolist() if i not in near_lips]


def find_stable(shapes: Shapes, share: float = 1 / 3) -> Ints:
    """Return the points that lie most nearly in the same place on everybody, found with faces laid over by them."""
    some = shapes.aligned[:: max(1, len(shapes.aligned) // 4000)]
    stable = np.arange(some.shape[1])
    for _ in range(3):
        x, y = (
            some - some[:, stable].mean(axis=1, keepdims=True),
            shapes.mean - shapes.mean[stable].mean(axis=0),
        )
        u, s, vt = np.linalg.svd(np.einsum("nki,kj->nij", x[:, stable], y[stable]))
        signs = np.ones((len(x), 3))
        signs[:, 2] = np.sign(np.linalg.det(u @ vt))
        scale = (s * signs).sum(axis=1) / (x[:, stable] ** 2).sum(axis=(1, 2))
        laid = scale[:, None, None] * (x @ ((u * signs[:, None]) @ vt))
        off = np.sqrt(((laid - y) ** 2).sum(axis=2).mean(axis=0))
        off = (off + off[shapes.mirror]) / 2
        stable = np.sort(np.argsort(off, kind="stable")[: round(share * len(off))])
        stable = np.array([i for i in stable if shapes.mirror[i] in set(stable.tolist())])
    return stable.astype(np.int64)


def finder_points(labels: MeshLabels, shapes: Shapes) -> Floats:
    """Return where the finder's five points and its box's corners lie on the mean shape seen from the front, (7, 2)."""
    front = np.flatnonzero(np.abs(shapes.yaw_deg) < 10)[::4]
    rows = shapes.rows[front]
    points = np.concatenate([labels.points[rows], labels.box[rows].reshape(-1, 2, 2)], axis=1).astype(
        np.float64
    )
    found = []
    for mesh, seven in zip(shapes.mesh[front], points, strict=True):
        flat = np.column_stack([mesh[:, :2], np.ones(len(mesh))])
        affine = np.linalg.lstsq(flat, shapes.mean[:, :2], rcond=None)[0]
        found.append(np.column_stack([seven, np.ones(7)]) @ affine)
    seven = np.nanmedian(found, axis=0)
    other = seven[[1, 0, 2, 4, 3, 5, 6]] * (-1, 1)
    other[5:] = np.column_stack([-seven[[6, 5], 0], seven[5:, 1]])
    return np.asarray((seven + other) / 2, np.float64)


def sample_colours(
    shapes: Shapes, triangles: Ints, read: Callable[[int], npt.NDArray[np.uint8]], count: int = 1500
) -> tuple[Floats, Floats]:
    """Return the median colour at points (468, 3) and triangles (T, 3) in L*a*b*, less each face's own median.

    Args:
        shapes: The faces.
        triangles: All.
        read: Returns the picture of a row of the labels, uint8 RGB.
        count: How many faces to sample, seen from the front and large.
    """
    size = np.ptp(shapes.mesh[:, :, 0], axis=1)
    good = np.flatnonzero((np.abs(shapes.yaw_deg) < 12) & (size > 70))
    at_points, at_triangles = [], []
    weights = np.array([[1, 1, 1], [4, 1, 1], [1, 4, 1], [1, 1, 4]]) / np.array([[3], [6], [6], [6]])
    for i in np.sort(np.random.default_rng(0).permutation(good)[:count]):
        pixels = read(int(shapes.rows[i])).astype(np.float32) / 255
        lab = cv2.cvtColor(cv2.GaussianBlur(pixels, (0, 0), max(0.5, size[i] / 130)), cv2.COLOR_RGB2LAB)
        flat = shapes.mesh[i][:, :2]
        inner = np.einsum("wk,tkc->twc", weights, flat[triangles]).reshape(-1, 2)
        where = np.concatenate([flat, inner]).astype(np.float32)
        seen = cv2.remap(lab, where[:, :1], where[:, 1:], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
        values = np.asarray(seen, np.float64)[:, 0] - np.median(seen[: len(flat), 0], axis=0)
        at_points.append(values[: len(flat)])
        at_triangles.append(values[len(flat) :].reshape(-1, 4, 3).mean(axis=1))
    points, faces = np.median(at_points, axis=0), np.median(at_triangles, axis=0)
    half = len(faces) // 2  # the second half mirrors the first
    mean = (faces[:half] + faces[half:]) / 2
    return (points + points[shapes.mirror]) / 2, np.concatenate([mean, mean])


def derive(labels: MeshLabels, read: Callable[[int], npt.NDArray[np.uint8]]) -> dict[str, Any]:
    """Derive all of ``topology.json``.

    Args:
        labels: Some thousands of labelled faces, with the finder's five points.
        read: Returns the picture of a row of the labels, uint8 RGB.
    """
    shapes = lay_over(labels)
    mean, mirror = shapes.mean, shapes.mirror
    finder = finder_points(labels, shapes)
    net = build_net(shapes, finder[0])
    colours, inside = sample_colours(shapes, net.triangles, read)
    size = np.array([areas(mean[None], t)[0] for t in net.triangles])
    darkness = residual(inside[:, 0], mean[net.triangles].mean(axis=1), size)
    around_mouth = rows_around(net.mouth, 4, net.triangles, net.wide)
    last = find_lips(around_mouth, colours[:, 1])
    around_eye = rows_around(net.right_eye, 4, net.triangles, mean)
    brow = find_brow(around_eye, net.triangles, darkness, mean)
    inner = max(net.right_eye, key=lambda i: mean[i, 0])
    outer = min(net.right_eye, key=lambda i: mean[i, 0])
    nose = find_nose(net, around_mouth[: last + 2], mean, inner)
    contours = _contours(net, shapes, around_mouth[last], brow, nose, outer)
    half = net.triangles[: len(net.triangles) // 2]
    sides = {edge(a, b) for line in contours.values() for a, b in pairwise(line)}
    own = {pair for pair in sides if max(mean[list(pair), 0]) < 1e-9}
    triangles = both_halves(with_edges(half, own), shapes)
    regions = _regions(shapes, around_mouth[: last + 1], around_eye[:3], brow, nose)
    middle = (mean[outer] + mean[mirror[outer]]) / 2
    unit = np.linalg.norm(mean[outer] - mean[mirror[outer]])
    mean, finder = (mean - middle) / unit, (finder - middle[:2]) / unit
    return {
        "mean": np.round(mean, 4).tolist(),
        "mirror": mirror.tolist(),
        "triangles": sorted(_turned(t) for t in triangles.tolist()),
        "contours": contours,
        "regions": regions,
        "stable": find_stable(shapes).tolist(),
        "five": np.round(finder[:5], 4).tolist(),
        "box": np.round(finder[5:].ravel(), 4).tolist(),
    }


def _turned(triangle: list[int]) -> list[int]:
    first = triangle.index(min(triangle))
    return triangle[first:] + triangle[:first]


def _from(loop: list[int], first: int, second: Callable[[int], float]) -> list[int]:
    """Turn a loop so that it begins at a point, goes first to the neighbour with less of a value, and closes."""
    i = loop.index(first)
    turned = loop[i:] + loop[:i]
    if second(turned[1]) > second(turned[-1]):
        turned = [turned[0], *turned[:0:-1]]
    return [*turned, first]


def _contours(net: Net, shapes: Shapes, lips: list[int], brow: tuple[list[int], list[int]], nose: list[int],
              outer: int) -> dict[str, list[int]]:  # fmt: skip
    mean, mirror, line = shapes.mean, shapes.mirror, midline(shapes)
    eye = _from(net.right_eye, outer, lambda i: mean[i, 1])
    edge_up, edge_down = brow[1][::-1], brow[0]
    right_brow = [*edge_up, *edge_down, edge_up[0]]
    tip = min(nose, key=lambda i: mean[i, 2])
    bridge = [i for i in line.tolist() if mean[net.right_eye, 1].min() <= mean[i, 1] <= mean[tip, 1]]
    inside = set(nose)
    border = loops(np.array([t for t in net.triangles if set(t.tolist()) <= inside]))[0]
    below = {i for i in border if mean[i, 1] > mean[tip, 1]}
    start = min(below, key=lambda i: mean[i, 0])
    ring = _from(border, start, lambda i: -mean[i, 1])[:-1]
    base = [start]
    for i in ring[1:]:
        if i not in below:
            break
        base.append(i)
    top = int(line[0])

    def other(points: list[int]) -> list[int]:
        return [int(mirror[i]) for i in points]

    def corner(loop: list[int]) -> int:
        return min(loop, key=lambda i: mean[i, 0])

    return {
        "oval": _from(net.oval, top, lambda i: -mean[i, 0]),
        "right_eye": eye,
        "left_eye": other(eye),
        "right_brow": right_brow,
        "left_brow": other(right_brow),
        "lips_outer": _from(lips, corner(lips), lambda i: mean[i, 1]),
        "lips_inner": _from(net.mouth, corner(net.mouth), lambda i: mean[i, 1]),
        "nose_bridge": bridge,
        "nose_base": base,
    }


def _regions(shapes: Shapes, lips: list[list[int]], eye: list[list[int]], brow: tuple[list[int], list[int]],
             nose: list[int]) -> dict[str, list[int]]:  # fmt: skip
    """Sort every point into exactly one region."""
    mean, mirror = shapes.mean, shapes.mirror
    named = {"right_brow": {*brow[0], *brow[1]}, "lips": {i for row in lips for i in row}, "nose": set(nose)}
    named["right_eye"] = {i for row in eye for i in row} - named["right_brow"] - named["nose"]
    for part in ("brow", "eye"):
        named[f"left_{part}"] = {int(mirror[i]) for i in named[f"right_{part}"]}
    taken = set().union(*named.values())
    height = max(mean[i, 1] for i in named["right_brow"])
    chin, wide = max(mean[i, 1] for i in lips[-1]), max(mean[i, 0] for i in lips[-1])
    for i in set(range(len(mean))) - taken:
        x, y = mean[i, :2]
        if y < height or (abs(x) < abs(mean[eye[0], 0]).min() and y < mean[eye[0], 1].max()):
            name = "forehead"
        elif y > mean[lips[-1], 1].mean() and abs(x) <= 1.3 * wide and (y > chin or abs(x) < wide):
            name = "chin"
        elif abs(x) < wide and y > mean[nose, 1].max() - 1e-9:
            name = "upper_lip"
        else:
            name = "right_cheek" if x < 0 else "left_cheek"
        named.setdefault(name, set()).add(i)
    return {name: sorted(int(i) for i in points) for name, points in sorted(named.items())}
