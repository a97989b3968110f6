"""How a picture was saved: tables, earlier saves, the small picture inside."""

import io
from base64 import b64decode

import numpy as np
import pytest
from PIL import Image as Picture

from fakeweb.media import read_image
from fakeweb.provenance import look_at


@pytest.fixture(scope="module")
def clean(portrait):
    """The portrait scaled so that no earlier grid of blocks is left, uint8 (330, 330, 3)."""
    return np.asarray(Picture.fromarray(portrait.pixels).resize((330, 330), Picture.Resampling.LANCZOS))


def looked(data):
    return look_at(data, read_image(data).image)


class TestTables:
    @pytest.mark.parametrize("quality", [30, 75, 92, 100])
    def test_standard_tables_give_the_exact_quality(self, provenance_maker, clean, quality):
        found = looked(provenance_maker.jpeg(clean, quality=quality, subsampling=1)).compression
        assert (found.family, found.quality, found.subsampling) == ("standard", quality, "4:2:2")

    def test_photoshops(self, provenance_maker, clean):
        assert looked(provenance_maker.jpeg(clean, quality="web_high")).compression.family == "photoshop"

    def test_a_programs_own_and_progressive(self, provenance_maker, clean):
        tables = [list(range(3, 67)), list(range(5, 69))]
        found = looked(provenance_maker.jpeg(clean, quality=50, qtables=tables, progressive=True)).compression
        assert (found.family, found.progressive) == ("own", True)
        assert 60 < found.quality < 85

    def test_grey_has_no_subsampling(self, clean):
        file = io.BytesIO()
        Picture.fromarray(clean).convert("L").save(file, "JPEG", quality=80)
        assert looked(file.getvalue()).compression.subsampling is None


class TestEarlierSave:
    @pytest.mark.parametrize(("first", "last"), [(50, 75), (60, 90), (75, 95), (85, 96)])
    def test_a_coarser_save_is_found(self, provenance_maker, clean, first, last):
        once = np.asarray(Picture.open(io.BytesIO(provenance_maker.jpeg(clean, quality=first))))
        found = looked(provenance_maker.jpeg(once, quality=last)).earlier_save
        assert abs(found.quality - first) <= 3
        assert found.share > 0.93

    @pytest.mark.parametrize("kind", ["PNG", "TIFF", "BMP"])
    def test_a_lossless_file_that_was_a_jpeg(self, provenance_maker, clean, kind):
        once = np.asarray(Picture.open(io.BytesIO(provenance_maker.jpeg(clean, quality=80))))
        assert abs(looked(provenance_maker.save(once, kind)).earlier_save.quality - 80) <= 3

    @pytest.mark.parametrize("orientation", [3, 6, 7])
    def test_a_turned_one(self, provenance_maker, clean, orientation):
        once = np.asarray(Picture.open(io.BytesIO(provenance_maker.jpeg(clean[:323], quality=60))))
        exif = provenance_maker.exif(orientation=orientation)
        assert looked(provenance_maker.jpeg(once, quality=90, exif=exif)).earlier_save is not None

    @pytest.mark.parametrize("quality", [60, 75, 85, 92, 98])
    def test_once_is_not_twice(self, provenance_maker, clean, quality):
        assert looked(provenance_maker.jpeg(clean, quality=quality)).earlier_save is None

    def test_the_same_quality_and_a_finer_first_save_leave_no_trace(self, provenance_maker, clean):
        for first in (75, 95):
            once = np.asarray(Picture.open(io.BytesIO(provenance_maker.jpeg(clean, quality=first))))
            assert looked(provenance_maker.jpeg(once, quality=75)).earlier_save is None

    @pytest.mark.parametrize("pixels", [np.zeros((64, 64, 3), np.uint8), np.full((9, 9, 3), 128, np.uint8)])
    def test_nothing_to_go_by(self, provenance_maker, pixels):
        assert looked(provenance_maker.jpeg(pixels)).earlier_save is None


class TestThumbnail:
    def with_thumbnail(self, maker, pixels, small, **more):
        file = io.BytesIO()
        small.save(file, "JPEG", quality=75)
        return maker.jpeg(pixels, exif=maker.exif(thumbnail=file.getvalue(), **more))

    def test_the_same(self, provenance_maker, clean):
        data = self.with_thumbnail(provenance_maker, clean, Picture.fromarray(clean).resize((160, 160)))
        found = looked(data)
        assert (found.thumbnail.differs, found.thumbnail.jpeg) == (False, None)
        assert found.contradictions == ()

    def test_the_same_with_bars_and_turned(self, provenance_maker, clean):
        from PIL import ImageOps

        small = ImageOps.pad(Picture.fromarray(clean[:220]), (160, 120))
        data = self.with_thumbnail(provenance_maker, clean[:220], small, orientation=6)
        assert not looked(data).thumbnail.differs

    def test_a_replaced_face(self, provenance_maker, clean):
        changed = clean.copy()
        changed[50:150, 100:200] = clean[200:300, 100:200]
        data = self.with_thumbnail(provenance_maker, changed, Picture.fromarray(clean).resize((160, 160)))
        found = looked(data)
        assert found.thumbnail.differs
        shown = read_image(b64decode(found.thumbnail.jpeg)).image
        assert (shown.width, shown.height) == (160, 160)
        assert any("small picture" in text for text in found.contradictions)

    def test_another_crop(self, provenance_maker, clean):
        data = self.with_thumbnail(
            provenance_maker, clean[:, :250], Picture.fromarray(clean).resize((160, 160))
        )
        assert looked(data).thumbnail.differs

    def test_a_broken_one_is_no_error(self, provenance_maker, clean):
        data = provenance_maker.jpeg(
            clean, exif=provenance_maker.exif(thumbnail=b"\xff\xd8\xff" + bytes(100))
        )
        assert looked(data).thumbnail is None
