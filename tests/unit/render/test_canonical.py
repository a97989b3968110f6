import numpy as np
import pytest

from fakeweb.render.canonical import HEIGHT, REFERENCE, canonical_mesh, depth
from fakeweb.render.fit import place_mesh
from fakeweb.render.triangles import delaunay, edges_of
from fakeweb.types import Face


@pytest.mark.parametrize("detail", ["fine", "coarse"])
class TestCanonicalMesh:
    def test_left_mirrors_right_to_the_last_bit(self, detail):
        mesh = canonical_mesh(detail)
        places = {tuple(p) for p in mesh.points.tolist()}
        assert len(places) == len(mesh.points)
        assert {(-x if x else 0.0, y, z) for x, y, z in places} == places
        index = {tuple(p): i for i, p in enumerate(mesh.points.tolist())}
        twin = np.array([index[(-x if x else 0.0, y, z)] for x, y, z in mesh.points.tolist()])
        sides = {tuple(sorted(e)) for e in mesh.edges.tolist()}
        assert {tuple(sorted(e)) for e in twin[mesh.edges].tolist()} == sides

    def test_triangles_cover_the_oval_but_for_eyes_and_mouth(self, detail):
        mesh = canonical_mesh(detail)
        (oval,) = mesh.contours["oval"]
        assert oval[0] == oval[-1]
        corners = mesh.points[mesh.triangles][:, :, :2]
        covered = _area(corners).sum()
        holes = sum(_polygon(mesh.points[loop]) for loop in mesh.contours["eyes"])
        missing = _polygon(mesh.points[oval]) - covered
        assert holes <= missing + 1e-9
        assert missing < holes + 0.02

    def test_contours_run_along_sides_of_triangles(self, detail):
        mesh = canonical_mesh(detail)
        sides = {tuple(e) for e in mesh.edges.tolist()}
        for region, lines in mesh.contours.items():
            for line in lines:
                for a, b in zip(line[:-1].tolist(), line[1:].tolist(), strict=True):
                    assert (min(a, b), max(a, b)) in sides, region

    def test_fills_the_box(self, detail):
        points = canonical_mesh(detail).points
        assert points[:, 0].max() == pytest.approx(0.5, abs=0.01)
        assert 0.0 <= points[:, 1].min() < 0.05
        assert HEIGHT - 0.05 < points[:, 1].max() <= HEIGHT

    def test_is_built_once(self, detail):
        assert canonical_mesh(detail) is canonical_mesh(detail)


def test_number_of_points_and_regions():
    assert 100 <= len(canonical_mesh("fine").points) <= 200
    assert list(canonical_mesh("fine").contours) == ["oval", "brows", "eyes", "nose", "lips"]


class TestFit:
    box = (100.0, 50.0, 200.0, 185.0)

    def _seen(self, yaw=0.0, roll=0.0, scale=100.0):
        x = REFERENCE[:, 0] * np.cos(yaw) + depth(REFERENCE) * np.sin(yaw)
        z = (x + 1j * (REFERENCE[:, 1] - 0.7)) * scale * np.exp(1j * roll)
        z = z - z.mean() + 150 + 118j
        return np.column_stack([z.real, z.imag])

    def test_stretches_to_the_box_without_points(self):
        points = place_mesh(Face(self.box), "fine").points
        assert points[:, 0].min() == pytest.approx(100, abs=1)
        assert points[:, 0].max() == pytest.approx(200, abs=1)
        assert points[:, 1].max() == pytest.approx(185, abs=3)

    @pytest.mark.parametrize("roll", [-0.4, 0.0, 0.4])
    def test_points_give_scale_and_roll(self, roll):
        seen = self._seen(roll=roll)
        placed = place_mesh(Face(self.box, points=seen), "fine")
        chin = placed.points[placed.contours[0]][len(placed.contours[0]) // 2]
        down = seen[3:].mean(axis=0) - seen[:2].mean(axis=0)
        along = (chin - seen[2]) @ down / np.linalg.norm(down) / np.linalg.norm(chin - seen[2])
        assert along > 0.995
        assert placed.approximate

    @pytest.mark.parametrize("yaw", [-0.5, 0.5])
    def test_a_turned_head_takes_its_nose_along(self, yaw):
        seen = self._seen(yaw=yaw)
        placed = place_mesh(Face(self.box, points=seen), "fine")
        tip = np.abs(canonical_mesh("fine").points - (0, 0.795, 0.62)).sum(axis=1).argmin()
        assert placed.points[tip] == pytest.approx(seen[2], abs=3.0)

    @pytest.mark.parametrize(
        "points", [np.zeros((5, 2)), np.full((5, 2), 150.0), np.arange(10.0).reshape(5, 2) * 900]
    )
    def test_points_that_make_no_sense_are_not_believed(self, points):
        by_box = place_mesh(Face(self.box), "fine").points
        assert np.array_equal(place_mesh(Face(self.box, points=points), "fine").points, by_box)

    def test_a_measured_mesh_is_used_as_it_is(self):
        mesh = np.random.default_rng(0).uniform(100, 180, (468, 3))
        placed = place_mesh(Face(self.box, mesh=mesh), "fine")
        assert not placed.approximate
        assert np.allclose(placed.points, mesh[:, :2], atol=1e-4)
        assert len(placed.edges) > 1000

    def test_a_flat_measured_mesh_draws_nothing(self):
        placed = place_mesh(Face(self.box, mesh=np.zeros((468, 3))), "fine")
        assert not len(placed.edges)
        assert not placed.contours


class TestDelaunay:
    def test_covers_the_hull_of_random_points(self):
        points = np.random.default_rng(1).uniform(-5, 5, (200, 2))
        square = np.array([(-6, -6), (6, -6), (6, 6), (-6, 6)])
        points = np.concatenate([points, square])
        triangles = delaunay(points)
        assert _area(points[triangles]).sum() == pytest.approx(144.0, rel=1e-4)
        assert len(edges_of(triangles)) == len(points) + len(triangles) - 1  # Euler

    @pytest.mark.parametrize("points", [np.empty((0, 2)), np.ones((9, 2)), np.eye(2)])
    def test_no_triangle(self, points):
        assert delaunay(points).shape == (0, 3)

    def test_points_on_one_line_make_none(self):
        assert delaunay(np.column_stack([np.arange(6.0), np.arange(6.0)])).shape == (0, 3)


def _area(corners):
    a, b = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    return np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) / 2


def _polygon(points):
    x, y = points[:, 0], points[:, 1]
    return abs(np.sum(x[:-1] * y[1:] - x[1:] * y[:-1])) / 2
