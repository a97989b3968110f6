"""Clips: which frames, at which times, the right way up, in the right colours; and what is damaged."""

import faulthandler
import io
import struct
import time

import numpy as np
import pytest

from fakeweb.errors import Refused, TooLarge, Unreadable, Unsupported
from fakeweb.media import Limits, Pace, kind_of, open_clip, read_frames, read_image, rewrite_clip

EVERY = Pace(every=True)
# (a, b, c, d) of the display matrix: shown x, y = (a x + c y, b x + d y); what numpy makes of it
MIRRORED = {
    "hflip": ((-1, 0, 0, 1), lambda p: p[:, ::-1]),
    "vflip": ((1, 0, 0, -1), lambda p: p[::-1]),
    "hflip of a quarter turn left": ((0, -1, -1, 0), lambda p: np.rot90(p, 1)[:, ::-1]),
    "hflip of a quarter turn right": ((0, 1, 1, 0), lambda p: np.rot90(p, -1)[:, ::-1]),
    "half a turn": ((-1, 0, 0, -1), lambda p: p[::-1, ::-1]),
    "a quarter turn right": ((0, 1, -1, 0), lambda p: np.rot90(p, -1)),
    "nothing at all": ((0, 0, 0, 0), lambda p: p),
}


@pytest.fixture(autouse=True)
def _in_time():
    """Nothing here may hang or take long: the process ends with a traceback after half an hour on the clock."""
    faulthandler.dump_traceback_later(1800, exit=True)
    started = time.process_time()
    yield
    faulthandler.cancel_dump_traceback_later()
    assert time.process_time() - started < 20


@pytest.fixture(scope="module")
def make(clip_maker):
    def build(count=30, width=160, height=120, **options):
        return clip_maker.encode((clip_maker.numbered(i, width, height) for i in range(count)), **options)

    return build


@pytest.fixture(scope="module")
def see(clip_maker):
    """Return what is read: (index, number in the picture, time)."""

    def run(source, pace=EVERY, **options):
        return [
            (f.index, clip_maker.number_in(f.image.pixels), round(f.time_s, 3))
            for f in read_frames(source, pace=pace, **options)
        ]

    return run


CONTAINERS = [
    ("mp4", "libx264", "yuv420p"),
    ("matroska", "libx264", "yuv420p"),
    ("webm", "libvpx-vp9", "yuv420p"),
    ("avi", "mpeg4", "yuv420p"),
    ("mpegts", "libx264", "yuv420p"),
    ("flv", "libx264", "yuv420p"),
    ("asf", "msmpeg4", "yuv420p"),
    ("mpeg", "mpeg2video", "yuv420p"),
    ("mp4", "libsvtav1", "yuv420p"),
    ("mov", "prores", "yuv422p10le"),
    ("mov", "mjpeg", "yuvj420p"),
]


@pytest.mark.parametrize(
    ("container", "codec", "pix_fmt"), CONTAINERS, ids=[f"{c[0]}-{c[1]}" for c in CONTAINERS]
)
def test_every_usual_container_gives_every_frame_at_its_time(make, see, container, codec, pix_fmt):
    fps = 25 if container == "mpeg" else 10
    data = make(container=container, codec=codec, pix_fmt=pix_fmt, fps=fps)
    assert see(data) == [(i, i, round(i / fps, 3)) for i in range(30)]
    assert kind_of(data) == "clip"


class TestStreamsWithoutAContainer:
    @pytest.mark.parametrize(
        ("container", "codec"),
        [
            ("h264", "libx264"),
            ("hevc", "libx265"),
            ("m4v", "mpeg4"),
            ("yuv4mpegpipe", "rawvideo"),
            ("mpegts", "libx264"),
        ],
    )
    def test_every_frame_at_its_time(self, make, see, container, codec):
        options = {"preset": "medium"} if codec == "libx264" else {}  # with frames out of order
        data = make(container=container, codec=codec, options=options)
        assert kind_of(data) == "clip"
        assert see(data) == [(i, i, i / 10) for i in range(30)]
        assert [index for index, *_ in see(data, Pace(frames=3))] == [
            n for _, n, _ in see(data, Pace(frames=3))
        ]

    @pytest.mark.parametrize("codec", ["mpeg2video", "libsvtav1"])
    def test_others_that_are_bare(self, make, see, codec):
        container, fps = ("mpeg2video", 25) if codec == "mpeg2video" else ("obu", 25)
        assert [number for _, number, _ in see(make(container=container, codec=codec, fps=fps))] == list(
            range(30)
        )

    def test_pictures_without_a_time_are_said_to_be_so(self, make, tmp_path):
        data = make(container="h264", fps=5)
        with open_clip(data) as clip:
            assert clip.info.warnings == ("its pictures carry no times; they are taken to be 5 a second",)
            assert clip.info.duration_s == pytest.approx(6.0)
        rewrite_clip(data, tmp_path / "again.mp4", lambda frame: frame.image)
        with open_clip(tmp_path / "again.mp4") as clip:
            assert (clip.info.frames, round(clip.info.duration_s, 3)) == (30, 6.0)

    @pytest.mark.parametrize("cut", [1, 77, 187, 188, 500])
    def test_a_transport_stream_that_begins_anywhere(self, make, see, cut):
        data = make(60, container="mpegts", width=320, height=240)
        assert kind_of(data[cut:]) == "clip"
        numbers = [number for _, number, _ in see(data[cut:])]
        assert numbers == list(range(numbers[0], 60))
        assert numbers[0] <= 12

    @pytest.mark.parametrize("extra", [4, 16])
    def test_a_transport_stream_of_other_packets(self, make, see, extra):
        """192 bytes as camcorders write them, with a time in front; 204 with a checksum behind."""
        packets = np.frombuffer(make(container="mpegts"), np.uint8).reshape(-1, 188)
        widths = ((0, 0), (4, 0)) if extra == 4 else ((0, 0), (0, 16))
        data = np.pad(packets, widths).tobytes()
        assert [number for _, number, _ in see(data)] == list(range(30))
        assert [number for _, number, _ in see(data[100:])][-1] == 29

    @pytest.mark.parametrize(
        ("container", "codec"), [("mpeg", "mpeg2video"), ("h264", "libx264"), ("hevc", "libx265")]
    )
    def test_others_that_begin_anywhere(self, make, see, container, codec):
        data = make(60, container=container, codec=codec, fps=25, width=320, height=240, options={})
        numbers = [number for _, number, _ in see(data[7:])]
        assert numbers == list(range(numbers[0], 60))

    def test_a_recording_behind_a_header_of_its_maker(self, make, see):
        data = make(30, container="mpeg", codec="mpeg2video", fps=25)
        assert [number for _, number, _ in see(b"IMKH" + bytes(36) + data)] == list(range(30))

    @pytest.mark.parametrize(
        "data", [b"G" * 5000, b"\0\0\x01" * 2000, b"\0\0\x01\x67\0\0\x01\x68" * 900, bytes(range(256)) * 40]
    )
    def test_what_only_looks_so(self, data):
        assert kind_of(data) == "unknown"


class TestPace:
    def test_ten_frames_are_spread_evenly_and_prefer_keyframes(self, make, see):
        got = see(make(100, gop=25), Pace(frames=10))
        assert len(got) == 10
        assert all(index == number for index, number, _ in got)
        assert {25, 50, 75} <= {index for index, _, _ in got}
        assert all(10 * i <= index < 10 * (i + 1) for i, (index, _, _) in enumerate(got))

    def test_the_usual_pace_is_32_frames_at_least(self, make, see):
        assert len(see(make(100), None)) == 32
        assert len(see(make(20), None)) == 20

    def test_the_usual_pace_is_two_a_second_up_to_a_minute(self, make, see):
        got = see(make(150, fps=5, width=80, height=48), None)  # 30 s
        assert len(got) == 60

    def test_frames_a_second(self, make, see):
        assert len(see(make(50), Pace(fps=2))) == 10

    def test_a_long_clip_is_looked_at_in_bursts(self, make):
        with open_clip(make(600, fps=5, width=80, height=48, gop=20)) as clip:  # 120 s
            choice = clip.choose()
            times = clip.times_s[choice.places]
        assert choice.bursts == 30
        assert len(times) == 120
        assert times[0] <= 4
        assert times[-1] > 114
        starts = choice.places[::4]
        assert (starts % 20 == 0).all()
        assert np.allclose(np.diff(times.reshape(30, 4), axis=1), 0.5, atol=0.11)

    def test_a_long_slide_show_is_looked_at_whole(self, make):
        """Four minutes with a picture a second: fewer frames than bursts would take of a usual clip."""
        with open_clip(make(200, fps=1, width=80, height=48, gop=250)) as clip:
            choice = clip.choose()
        assert choice.places.tolist() == list(range(200))
        assert choice.bursts == 1

    def test_a_picture_shown_for_long_is_not_passed_over(self, make):
        """A still for five seconds between stretches of fifty frames a second."""
        steps_ms = [20] * 60 + [5000] + [20] * 60
        times_ms = [0, *np.cumsum(steps_ms)[:-1].tolist()]
        with open_clip(make(121, times_ms=times_ms, gop=25)) as clip:
            for pace in (Pace(), Pace(frames=4), Pace(fps=1)):
                choice = clip.choose(pace)
                assert 60 in choice.places
        assert clip.durations_s[60] == pytest.approx(5.0, abs=0.001)

    def test_what_is_skipped_changes_no_pixel(self, make):
        """Frames read alone, after seeks over undecoded groups and skipped B frames, equal those of a full decode."""
        data = make(90, gop=30, options={"preset": "medium", "crf": "30"})
        whole = {f.index: f.image.pixels for f in read_frames(data, pace=EVERY)}
        for pace in (Pace(frames=3), Pace(frames=7), Pace(frames=20)):
            for frame in read_frames(data, pace=pace):
                assert (frame.image.pixels == whole[frame.index]).all()

    def test_one_frame(self, make, see):
        assert see(make(1), None) == [(0, 0, 0.0)]

    @pytest.mark.parametrize(
        "wrong", [{"frames": 0}, {"fps": 0}, {"fps": float("inf")}, {"frames": 3, "every": True}]
    )
    def test_nonsense_is_refused(self, wrong):
        with pytest.raises(ValueError, match="Pace"):
            Pace(**wrong)


class TestTime:
    def test_a_variable_rate_is_told_by_timestamps(self, make, see):
        times_ms = np.cumsum([0, *([40, 200, 33, 33, 1000] * 4)]).tolist()
        got = see(make(21, times_ms=times_ms, container="matroska"))
        assert [t for _, _, t in got] == pytest.approx([t / 1000 for t in times_ms], abs=0.0015)
        assert [n for _, n, _ in got] == list(range(21))

    @pytest.mark.parametrize("container", ["mp4", "matroska", "webm", "avi", "mpegts", "flv"])
    @pytest.mark.parametrize("fps", [1, 10])
    def test_each_frame_says_how_long_it_is_shown(self, make, container, fps):
        codec = {"avi": "mpeg4", "webm": "libvpx-vp9"}.get(container, "libx264")
        with open_clip(make(6, fps=fps, container=container, codec=codec)) as clip:
            durations_s = [f.duration_s for f in clip.read(clip.choose())]
            assert durations_s == pytest.approx([1 / fps] * 6, abs=0.0015)
            assert clip.info.duration_s == pytest.approx(6 / fps, abs=0.002)

    def test_a_sampled_frame_says_when_the_next_stored_one_comes(self, make):
        times_ms = [0, 1000, 1200, 5000, 5100, 9000]
        with open_clip(make(6, times_ms=times_ms)) as clip:
            frames = list(clip.read(clip.choose(Pace(frames=3))))
        shown = {round(f.time_s, 2): round(f.duration_s, 2) for f in frames}
        assert shown == {1.2: 3.8, 5.1: 3.9}

    def test_one_frame_has_a_duration_too(self, make):
        frame = next(read_frames(make(1, fps=2)))
        assert frame.duration_s == pytest.approx(0.5, abs=0.01)

    def test_times_begin_at_the_first_frame(self, make, see):
        assert see(make(5, container="mpegts"))[0][2] == 0.0  # the container itself starts at 1.4 s

    def test_a_wrong_duration_in_the_header_is_not_believed(self, make):
        data = bytearray(make(30))
        for box in (b"mdhd", b"mvhd"):
            struct.pack_into(">I", data, data.index(box) + 20, 4_000_000)
        with open_clip(bytes(data)) as clip:
            assert clip.info.duration_s == pytest.approx(3.0, abs=0.01)

    def test_a_header_that_promises_more_is_named(self, make):
        data = bytearray(make(30, container="matroska"))
        at = data.index(b"\x44\x89\x88") + 3  # Duration, a float of 8 bytes, in ms
        struct.pack_into(">d", data, at, 3_600_000.0)
        with open_clip(bytes(data)) as clip:
            assert clip.info.duration_s == pytest.approx(3.0, abs=0.01)
            assert clip.info.warnings == ("its header says 3600.0 s, its frames last 3.0 s",)


class TestUpright:
    @pytest.mark.parametrize(
        ("rotation", "black"), [(90, "bottom left"), (-90, "top right"), (180, "bottom right")]
    )
    def test_rotation_is_applied(self, make, rotation, black):
        with open_clip(make(3, 200, 100, rotation=rotation)) as clip:
            pixels = next(clip.read(clip.choose(EVERY))).image.pixels
            assert pixels.shape[:2] == (clip.info.height, clip.info.width)
        assert pixels.shape[:2] == ((100, 200) if rotation == 180 else (200, 100))
        corners = {
            "top left": pixels[4, 4],
            "top right": pixels[4, -5],
            "bottom left": pixels[-5, 4],
            "bottom right": pixels[-5, -5],
        }
        # the picture's own top left corner is black (number 0), its red grows to the right
        assert corners[black].max() < 30

    @pytest.mark.parametrize("container", ["mp4", "mov"])
    @pytest.mark.parametrize("way", MIRRORED)
    def test_mirrored_matrices_are_applied(self, make, container, way):
        (a, b, c, d), shown = MIRRORED[way]
        data = bytearray(make(3, 200, 100, container=container))
        stored = next(read_frames(bytes(data))).image.pixels
        struct.pack_into(">4i", data, data.index(b"tkhd") + 44, *(v << 16 for v in (a, b, 0, c)))
        struct.pack_into(">i", data, data.index(b"tkhd") + 44 + 16, d << 16)
        with open_clip(bytes(data)) as clip:
            frame = next(clip.read(clip.choose(EVERY))).image
            assert (clip.info.width, clip.info.height) == (frame.width, frame.height)
        assert (frame.pixels == shown(stored)).all()

    def test_a_mirrored_clip_is_written_again_as_it_is_shown(self, make, tmp_path):
        data = bytearray(make(3, 200, 100))
        struct.pack_into(">i", data, data.index(b"tkhd") + 44, -1 << 16)
        rewrite_clip(bytes(data), tmp_path / "again.mp4", lambda frame: frame.image)
        shown = [next(read_frames(source)).image.pixels for source in (bytes(data), tmp_path / "again.mp4")]
        assert shown[0][4, -5].max() < 30  # the number's first bits
        assert np.abs(shown[0].astype(int) - shown[1]).mean() < 6

    def test_mirrored_by_the_codec(self, make):
        """H.264 may carry a display orientation of its own (SEI 47), as cameras that are mounted upside down write."""
        data = make(3, 200, 100, container="h264")
        stored = next(read_frames(make(3, 200, 100))).image.pixels
        flipped = _with_display_orientation(data, hflip=True, vflip=False)
        assert np.abs(next(read_frames(flipped)).image.pixels.astype(int) - stored[:, ::-1]).mean() < 3

    def test_pixels_that_are_not_square_are_stretched(self, make):
        from fractions import Fraction

        with open_clip(make(2, 160, 120, aspect=Fraction(4, 3))) as clip:
            assert (clip.info.width, clip.info.height) == (213, 120)
            assert next(clip.read(clip.choose(EVERY))).image.pixels.shape == (120, 213, 3)

    def test_odd_sizes(self, make):
        data = make(3, 161, 121, codec="mpeg4", container="avi")
        assert next(read_frames(data)).image.pixels.shape == (121, 161, 3)


class TestColour:
    COLOURS = ((200, 40, 40), (40, 200, 40), (40, 40, 200), (128, 128, 128), (250, 250, 250), (8, 8, 8))

    def flat(self, clip_maker, colour, **options):
        picture = np.full((64, 64, 3), colour, np.uint8)
        return next(read_frames(clip_maker.encode([picture] * 3, **options))).image.pixels[32, 32]

    @pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv422p", "yuv420p10le"])
    def test_colours_come_back(self, clip_maker, pix_fmt):
        for colour in self.COLOURS:
            got = self.flat(clip_maker, colour, pix_fmt=pix_fmt, options={"crf": "4"})
            assert np.abs(got.astype(int) - colour).max() <= 6

    def test_hdr_is_brought_to_srgb(self, clip_maker):
        """PQ codes of grey at known light: 203 nits, paper white, comes out bright; 20 nits mid grey; 1 nit dark."""
        codes = {203: 0.58, 20.3: 0.351, 1.0: 0.15}
        levels = []
        for code in codes.values():
            picture = np.full((64, 64, 3), round(code * 65535), np.uint16)
            tags = {"color_trc": 16, "color_primaries": 9, "colorspace": 9}
            data = clip_maker.encode([picture] * 2, codec="libsvtav1", pix_fmt="yuv420p10le", tags=tags)
            pixel = next(read_frames(data)).image.pixels[32, 32].astype(int)
            assert np.ptp(pixel) <= 6  # grey stays grey
            levels.append(pixel.mean())
        assert 180 < levels[0] < 245
        assert 60 < levels[1] < 110
        assert 10 < levels[2] < 35


class TestAnimations:
    @staticmethod
    def animation(clip_maker, format_name, durations=(100, 200, 50, 400)):
        from PIL import Image

        pictures = [Image.fromarray(clip_maker.numbered(i)) for i in range(len(durations))]
        file = io.BytesIO()
        options = {"lossless": True} if format_name == "WEBP" else {}
        pictures[0].save(
            file,
            format_name,
            save_all=True,
            append_images=pictures[1:],
            duration=list(durations),
            loop=0,
            **options,
        )
        return file.getvalue()

    @pytest.mark.parametrize("format_name", ["GIF", "WEBP", "PNG", "AVIF"])
    def test_every_frame_at_its_time(self, clip_maker, see, format_name):
        data = self.animation(clip_maker, format_name)
        assert kind_of(data) == "clip"
        assert see(data) == [(0, 0, 0.0), (1, 1, 0.1), (2, 2, 0.3), (3, 3, 0.35)]
        with open_clip(data) as clip:
            assert clip.info.duration_s == pytest.approx(0.75)

    @pytest.mark.parametrize("format_name", ["GIF", "WEBP", "PNG", "AVIF"])
    def test_two_frames_are_shown_as_long_as_the_file_says(self, clip_maker, format_name):
        with open_clip(self.animation(clip_maker, format_name, (1000, 5000))) as clip:
            frames = list(clip.read(clip.choose()))
        assert [(f.time_s, f.duration_s) for f in frames] == [(0.0, 1.0), (1.0, 5.0)]
        assert clip.info.duration_s == 6.0

    def test_a_step_that_is_too_short_is_shown_as_browsers_do(self, clip_maker):
        frames = read_frames(self.animation(clip_maker, "GIF", (10, 0, 20)))
        assert [round(f.duration_s, 3) for f in frames] == [0.1, 0.1, 0.02]

    def test_the_still_of_an_apng_for_programs_without_animation_is_not_shown(self, clip_maker):
        from PIL import Image

        pictures = [Image.fromarray(clip_maker.numbered(i)) for i in (7, 1, 2)]
        file = io.BytesIO()
        pictures[0].save(
            file, "PNG", save_all=True, append_images=pictures[1:], duration=[2000, 3000], default_image=True
        )
        frames = list(read_frames(file.getvalue()))
        assert [clip_maker.number_in(f.image.pixels) for f in frames] == [1, 2]
        assert [(f.time_s, f.duration_s) for f in frames] == [(0.0, 2.0), (2.0, 3.0)]

    @pytest.mark.parametrize("format_name", ["GIF", "WEBP", "PNG", "AVIF"])
    def test_a_single_frame_is_a_picture(self, clip_maker, format_name):
        assert kind_of(self.animation(clip_maker, format_name, (100,))) == "picture"

    @pytest.mark.parametrize("format_name", ["WEBP", "PNG", "AVIF"])
    def test_frames_stand_as_the_still_picture_does(self, clip_maker, icc, format_name):
        """Turned by EXIF, coloured by a profile, seen through alpha: as a clip and as its first frame alone."""
        from PIL import Image

        exif = Image.Exif()
        exif[0x0112] = 6
        pictures = []
        for number in (5, 6):
            pixels = clip_maker.numbered(number)
            alpha = np.linspace(255, 60, pixels.shape[1]).astype(np.uint8)
            pictures.append(Image.fromarray(np.dstack([pixels, np.tile(alpha, (pixels.shape[0], 1))])))
        options = {"WEBP": {"lossless": True}, "AVIF": {"quality": 90}}.get(format_name, {})
        options |= {"icc_profile": icc(order="bgr", gamma=1.8)}
        if format_name != "AVIF":  # Pillow's encoder dies of EXIF in a sequence
            options |= {"exif": exif.tobytes()}
        file = io.BytesIO()
        pictures[0].save(
            file, format_name, save_all=True, append_images=pictures[1:], duration=[500, 500], **options
        )
        data = file.getvalue()
        with open_clip(data) as clip:
            first = next(clip.read(clip.choose())).image
            assert (clip.info.width, clip.info.height) == (first.width, first.height)
        still = read_image(data).image.pixels
        assert still.shape == ((120, 160, 3) if format_name == "AVIF" else (160, 120, 3))
        assert np.abs(first.pixels.astype(int) - still).max() <= 2

    def test_a_sequence_of_heif_is_read(self, make, see):
        data = make(4, 320, 240, codec="libx265", fps=2)
        sequence = (
            data.replace(b"ftypisom", b"ftyphevc").replace(b"isomiso2", b"msf1hevc").replace(b"vide", b"pict")
        )
        assert kind_of(sequence) == "clip"
        assert see(sequence) == [(i, i, i / 2) for i in range(4)]

    def test_one_animated_frame_is_a_picture(self, clip_maker):
        data = self.animation(clip_maker, "WEBP")
        first = data.index(b"ANMF")
        size = 8 + int.from_bytes(data[first + 4 : first + 8], "little")
        alone = bytearray(data[: first + size])
        struct.pack_into("<I", alone, 4, len(alone) - 8)
        assert kind_of(bytes(alone)) == "picture"
        assert read_image(bytes(alone)).warnings == ()

    def test_a_large_profile_before_the_animation_is_no_hindrance(self, clip_maker):
        from PIL import Image

        pictures = [Image.fromarray(clip_maker.numbered(i)) for i in range(2)]
        file = io.BytesIO()
        profile = np.random.default_rng(0).bytes(40_000)
        pictures[0].save(file, "PNG", save_all=True, append_images=pictures[1:], icc_profile=profile)
        assert kind_of(file.getvalue()) == "clip"
        assert len(list(read_frames(file.getvalue()))) == 2

    def test_a_gif_that_is_cut_off_gives_what_is_there(self, clip_maker, see):
        data = self.animation(clip_maker, "GIF", (100,) * 20)
        with open_clip(data[: len(data) // 2]) as clip:
            assert 2 <= clip.info.frames < 20
            assert "ends early" in clip.info.warnings[0]
            numbers = [clip_maker.number_in(f.image.pixels) for f in clip.read(clip.choose(EVERY))]
        assert numbers == list(range(len(numbers)))


class TestDamage:
    def test_a_truncated_clip_gives_what_is_there_and_says_so(self, make, see):
        data = make(60, container="mpegts", width=320, height=240)
        cut = data[: len(data) // 2]
        got = see(cut)
        assert 15 < len(got) < 50
        assert [n for _, n, _ in got] == list(range(len(got)))

    def test_a_truncated_mp4_with_its_index_in_front(self, make):
        data = make(60, width=320, height=240, options={"movflags": "+faststart"})
        with_index_in_front = _faststart(data)
        with open_clip(with_index_in_front[: -len(data) // 3]) as clip:
            frames = list(clip.read(clip.choose(EVERY)))
            assert 10 < len(frames) < 60
            assert clip.info.warnings

    def test_an_mp4_without_its_index_is_an_error(self, make):
        data = make(60)
        with pytest.raises(Unreadable, match="damaged"):
            list(read_frames(data[: len(data) // 2]))

    def test_a_corrupt_middle_is_left_out_up_to_the_next_keyframe(self, make, see, clip_maker):
        data = bytearray(make(90, gop=30, width=320, height=240, options={"crf": "10"}))
        middle = clip_maker.place_of(bytes(data), 40)
        data[middle : middle + 3000] = np.random.default_rng(0).bytes(3000)
        with open_clip(bytes(data)) as clip:
            from_clip = [f.index for f in clip.read(clip.choose(EVERY))]
            assert clip.damaged > 0
        got = see(bytes(data))
        assert [g[0] for g in got] == from_clip
        assert all(index == number for index, number, _ in got)
        assert {*range(30), *range(60, 90)} <= set(from_clip)
        assert len(from_clip) < 90

    @pytest.mark.parametrize(
        ("data", "error", "says"),
        [
            (b"", Unreadable, "empty"),
            (b"this is text\n" * 100, Unsupported, "no video"),
            (b"\0" * 5000, Unsupported, "no video"),
            (b"\0\0\0\x20ftypisom" + b"\0" * 100, Unreadable, "damaged"),
            (b"\x1a\x45\xdf\xa3" + b"\x80" * 500, Unreadable, "damaged"),
            (b"GIF89a" + b"\1\0\1\0\0\0\0", Unreadable, "damaged"),
        ],
    )
    def test_what_is_no_clip(self, data, error, says):
        with pytest.raises(error, match=says) as caught:
            list(read_frames(data))
        assert caught.value.hint

    def test_sound_without_pictures(self, clip_maker):
        with pytest.raises(Unsupported, match="sound without pictures"):
            list(read_frames(clip_maker.sound_only()))

    @pytest.mark.parametrize(
        ("damage", "words"),
        [
            (lambda d, i: d[: i - 500], r"its index \(moov\) is missing"),
            (lambda d, i: d[:i] + b"mooX" + d[i + 4 :], r"its index \(moov\) is missing"),
            (lambda d, i: d[: i + 400], r"its index \(moov\) is cut off"),
            (lambda d, i: d[: i + 4] + bytes(len(d) - i - 4), r"its index \(moov\) is damaged"),
            (lambda d, i: d[: i + 208] + bytes(300) + d[i + 508 :], r"its index \(moov\) is damaged"),
            (lambda d, i: d.replace(b"avcC", b"xxxx"), r"its index \(moov\) is damaged"),
        ],
    )
    def test_a_damaged_index_is_called_so(self, make, damage, words):
        data = make(30, width=320, height=240, sound_s=1)
        with pytest.raises(Unreadable, match=words) as caught:
            list(read_frames(damage(data, data.index(b"moov"))))
        assert "repair" in caught.value.hint

    def test_an_unknown_codec_is_called_so(self, make):
        data = make(30, width=320, height=240)
        with pytest.raises(Unsupported, match="unknown codec"):
            list(read_frames(data.replace(b"avc1\0", b"zzzz\0")))

    def test_every_cut_ends_in_an_answer(self, make):
        """However short a file is cut, the end is frames or one of our errors."""
        for container in ("mp4", "matroska", "avi", "mpegts", "flv"):
            codec = "mpeg4" if container == "avi" else "libx264"
            data = make(12, 80, 48, container=container, codec=codec)
            for share in range(1, 20):
                try:
                    assert len(list(read_frames(data[: len(data) * share // 20]))) <= 12
                except (Unreadable, Unsupported):
                    continue

    def test_a_playlist_is_never_opened(self, tmp_path):
        secret = tmp_path / "secret.txt"
        secret.write_text("secret")
        for text in (f"#EXTM3U\n#EXTINF:1,\n{secret}\n", f"ffconcat version 1.0\nfile {secret}\n"):
            path = tmp_path / "clip.mp4"
            path.write_text(text)
            with pytest.raises(Unsupported):
                list(read_frames(path))


class TestLimits:
    def test_bytes_pixels_sides_and_duration(self, make):
        data = make(40)
        for limits, says in (
            (Limits(max_clip_bytes=1000), "1,000 bytes"),
            (Limits(max_pixels=10_000), "19,200 pixels"),
            (Limits(max_side_px=100), "160 x 120"),
            (Limits(max_duration_s=2), "longer than 2 s"),
        ):
            with pytest.raises(TooLarge, match=says):
                list(read_frames(data, limits=limits))

    def test_web_addresses_are_refused(self):
        with pytest.raises(Refused):
            list(read_frames("https://example.org/a.mp4"))


class TestSources:
    def test_path_bytes_and_file_say_the_same(self, make, see, tmp_path):
        data = make(8, sound_s=0.5)
        path = tmp_path / "ein schöner clip: 1 日本.mp4"
        path.write_bytes(data)
        with path.open("rb") as file:
            assert see(path) == see(str(path)) == see(data) == see(file)
        with open_clip(path) as clip:
            assert clip.info.has_sound
            assert clip.info.source == str(path)
        assert [p.name for p in tmp_path.iterdir()] == [path.name]

    def test_a_stream_that_cannot_seek(self, make, see):
        class Pipe(io.RawIOBase):
            def __init__(self, data):
                self.rest = io.BytesIO(data)

            def readable(self):
                return True

            def read(self, count=-1):
                return self.rest.read(min(count, 1000) if count >= 0 else -1)

        assert len(see(Pipe(make(8)))) == 8

    def test_pictures_are_no_clips(self, portrait_path):
        assert kind_of(portrait_path) == "picture"
        assert kind_of(np.zeros((4, 4, 3), np.uint8)) == "picture"
        assert kind_of(b"text" * 100) == "unknown"
        assert kind_of("/nowhere/at/all.mp4") == "unknown"


def _with_display_orientation(data, *, hflip, vflip):
    """Put an SEI message of display orientation in front of the first picture of a bare H.264 stream."""
    payload = int(f"0{hflip:d}{vflip:d}{0:016b}10100", 2).to_bytes(3, "big")
    first = data.index(b"\0\0\x01\x65")
    return data[:first] + b"\0\0\x01\x06\x2f\x03" + payload + b"\x80" + data[first:]


def _faststart(data):
    """Move the index of an MP4 in front of the pictures, correcting the offsets in it."""
    boxes, at = {}, 0
    while at < len(data):
        size, kind = struct.unpack_from(">I4s", data, at)
        boxes[kind] = data[at : at + size]
        at += size
    moov = bytearray(boxes[b"moov"])
    at = 0
    while (at := moov.find(b"stco", at)) >= 0:
        (count,) = struct.unpack_from(">I", moov, at + 8)
        for i in range(count):
            (offset,) = struct.unpack_from(">I", moov, at + 12 + 4 * i)
            struct.pack_into(">I", moov, at + 12 + 4 * i, offset + len(moov))
        at += 4
    rest = b"".join(body for kind, body in boxes.items() if kind not in (b"ftyp", b"moov"))
    return boxes[b"ftyp"] + bytes(moov) + rest
