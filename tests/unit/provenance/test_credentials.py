"""Content credentials: files are signed and changed here, with certificates made on the fly."""

import io
import os
import subprocess
import sys

import pytest

from fakeweb.errors import UsageError
from fakeweb.provenance import look_at, look_at_clip, read_trust

pytest.importorskip("c2pa", reason="needs the extra 'provenance'")


@pytest.fixture(scope="module")
def plain(provenance_maker, portrait) -> bytes:
    return provenance_maker.jpeg(portrait.pixels)


@pytest.fixture(scope="module")
def signed(provenance_maker, plain) -> bytes:
    return provenance_maker.signed(plain, "image/jpeg")


class TestStates:
    def test_whole_but_not_vouched_for(self, signed):
        found = look_at(signed)
        credentials = found.credentials
        assert (credentials.state, credentials.problems) == ("valid", ())
        assert (credentials.signer.organisation, credentials.signer.name) == ("Example News", "Picture desk")
        assert credentials.generator == "Example Paint 1.0"
        assert [(a.action, a.software) for a in credentials.actions] == [("created", "Example Diffusion")]
        assert (found.digital_source_type, found.label_text) == ("trainedAlgorithmicMedia", "AI generated")
        assert "not vouched for by a trust list" in found.signals[0].text

    def test_on_the_users_trust_list(self, signed, provenance_maker, tmp_path):
        (tmp_path / "trust.pem").write_bytes(provenance_maker.certificates()[2])
        found = look_at(signed, trust=read_trust(tmp_path / "trust.pem"))
        assert found.credentials.state == "trusted"
        assert "on your trust list" in found.signals[0].text

    def test_somebody_elses_trust_list(self, signed, provenance_maker):
        other = provenance_maker.certificates("Somebody Else")[2].decode()
        assert look_at(signed, trust=other).credentials.state == "valid"

    def test_changed_after_signing(self, signed):
        changed = bytearray(signed)
        changed[-4000] ^= 1
        found = look_at(bytes(changed))
        assert (found.credentials.state, found.credentials.problems) == (
            "invalid",
            ("assertion.dataHash.mismatch",),
        )
        assert found.label_text is found.digital_source_type is None
        assert "do not fit the content any more" in found.contradictions[0]

    def test_moved_to_another_picture(self, signed, provenance_maker, portrait):
        other = provenance_maker.jpeg(portrait.pixels[::-1].copy())
        start, end = signed.index(b"\xff\xeb"), signed.index(b"\xff\xdb")
        assert look_at(other[:2] + signed[start:end] + other[2:]).credentials.state == "invalid"

    def test_cut_off(self, signed):
        start = signed.index(b"\xff\xeb")
        found = look_at(signed[: start + 400])
        assert found.credentials.state in ("unread", "invalid")
        assert found.unread

    def test_only_an_address(self, plain, provenance_maker):
        data = provenance_maker.signed(plain, "image/jpeg", remote="http://127.0.0.1:9/a.c2pa", embed=False)
        found = look_at(data)
        assert (found.credentials.state, found.credentials.remote_url) == (
            "remote",
            "http://127.0.0.1:9/a.c2pa",
        )
        assert any("not fetched" in s.text for s in found.signals)
        assert found.contradictions == ()

    def test_without_the_extra_it_says_so(self, signed, monkeypatch):
        monkeypatch.setitem(sys.modules, "c2pa", None)
        found = look_at(signed)
        assert found.credentials.state == "unread"
        assert "the extra 'provenance' is not installed" in found.signals[0].text


class TestContent:
    @pytest.mark.parametrize("kind", ["PNG", "WEBP", "TIFF", "AVIF", "GIF"])
    def test_every_picture_that_c2pa_reads(self, provenance_maker, portrait, kind):
        data = provenance_maker.signed(provenance_maker.save(portrait.pixels, kind), f"image/{kind.lower()}")
        assert look_at(data).credentials.state == "valid"

    def test_heic(self, provenance_maker, portrait):
        heif = pytest.importorskip("pillow_heif")
        file = io.BytesIO()
        heif.from_pillow(provenance_maker.picture(portrait.pixels)).save(file)
        assert look_at(provenance_maker.signed(file.getvalue(), "image/heic")).credentials.state == "valid"

    def test_jpeg_xl(self, provenance_maker, portrait):
        jxl = pytest.importorskip("pylibjxl")
        data = jxl.jpeg_to_jxl(provenance_maker.jpeg(portrait.pixels))
        signed = provenance_maker.signed(data, "image/jxl")
        assert look_at(signed).credentials.state == "valid"
        changed = signed[:-9] + b"x" + signed[-8:]
        assert look_at(changed).credentials.state == "invalid"

    @pytest.mark.parametrize(
        ("container", "mime"), [("mp4", "video/mp4"), ("mov", "video/quicktime"), ("avi", "video/avi")]
    )
    def test_clips(self, provenance_maker, clip_maker, container, mime):
        codec = {"avi": {"codec": "mpeg4"}}.get(container, {})
        clip = clip_maker.encode([clip_maker.numbered(i) for i in range(4)], container=container, **codec)
        data = provenance_maker.signed(clip, mime)
        assert look_at_clip(io.BytesIO(data), {}).credentials.state == "valid"
        changed = data.replace(clip[-60:-50], b"0123456789") if container != "mp4" else data[:-3] + b"abc"
        assert look_at_clip(io.BytesIO(changed), {}).credentials.state in ("invalid", "unread")

    def test_a_camera(self, provenance_maker, plain):
        data = provenance_maker.signed(
            plain, "image/jpeg", provenance_maker.created("digitalCapture", "Camera X")
        )
        found = look_at(data)
        assert (found.digital_source_type, found.label_text) == ("digitalCapture", None)
        assert found.signals[0].says == "captured"

    def test_a_part_made_by_ai(self, provenance_maker, plain, signed):
        actions = (provenance_maker.created("digitalCapture", "Camera X"), {"action": "c2pa.cropped"})
        data = provenance_maker.signed(
            plain, "image/jpeg", *actions, ingredients=[("robot.jpg", "image/jpeg", signed)]
        )
        found = look_at(data)
        (part,) = found.credentials.ingredients
        assert (part.title, part.digital_source_type, part.has_manifest) == (
            "robot.jpg",
            "trainedAlgorithmicMedia",
            True,
        )
        assert found.label_text == "AI modified"
        assert any("cropped" in s.text for s in found.signals)

    def test_a_camera_signed_and_a_generator_in_the_metadata(self, provenance_maker, portrait):
        data = provenance_maker.png(portrait.pixels, [("Software", "Midjourney")])
        data = provenance_maker.signed(
            data, "image/png", provenance_maker.created("digitalCapture", "Camera X")
        )
        assert "a camera took it, other metadata that AI made it" in " ".join(look_at(data).contradictions)

    def test_an_identity_is_named_and_not_checked(self, provenance_maker, plain):
        identity = {"label": "cawg.identity", "data": {"signer_payload": {}, "signature": "", "pad1": ""}}
        data = provenance_maker.signed(plain, "image/jpeg", extra=[identity])
        assert look_at(data).credentials.identity


class TestTrust:
    @pytest.mark.parametrize("content", [b"", b"not a certificate", b"-----BEGIN CERTIFICATE-----\nAAAA"])
    def test_no_certificates(self, tmp_path, content):
        (tmp_path / "trust.pem").write_bytes(content)
        with pytest.raises(UsageError, match="cannot be used"):
            read_trust(tmp_path / "trust.pem")

    def test_no_file(self, tmp_path):
        with pytest.raises(UsageError, match="cannot be read"):
            read_trust(tmp_path / "missing.pem")


_NO_SOCKETS = """
import ctypes, platform, struct, sys
import c2pa, fakeweb.provenance  # importing may look which kinds of sockets there are
number = {"x86_64": 41, "aarch64": 198}[platform.machine()]
kill, allow = 0x80000000, 0x7FFF0000
rules = b"".join(struct.pack("HBBI", *r) for r in (
    (0x20, 0, 0, 0), (0x15, 0, 1, number), (0x06, 0, 0, kill), (0x06, 0, 0, allow)))
held = ctypes.create_string_buffer(rules)
class Program(ctypes.Structure):
    _fields_ = [("length", ctypes.c_ushort), ("filter", ctypes.c_void_p)]
libc = ctypes.CDLL(None, use_errno=True)
assert libc.prctl(38, 1, 0, 0, 0) == 0
program = Program(4, ctypes.addressof(held))
if libc.prctl(22, 2, ctypes.byref(program), 0, 0):
    sys.exit(77)
data = open(sys.argv[2], "rb").read()
if sys.argv[1] == "look":
    print(fakeweb.provenance.look_at(data, trust=open(sys.argv[3]).read()).credentials.state)
else:
    import io
    c2pa.Reader(None, io.BytesIO(data), context=c2pa.Context.from_dict({"verify": {"ocsp_fetch": True}})).json()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="needs seccomp")
class TestNoNetwork:
    """A child process is killed by the kernel as soon as it asks for a socket."""

    @pytest.fixture
    def run(self, tmp_path, provenance_maker):
        def run(how, data):
            (tmp_path / "file.jpg").write_bytes(data)
            (tmp_path / "trust.pem").write_bytes(provenance_maker.certificates()[2])
            words = [how, str(tmp_path / "file.jpg"), str(tmp_path / "trust.pem")]
            done = subprocess.run(
                [sys.executable, "-c", _NO_SOCKETS, *words],
                capture_output=True,
                text=True,
                env={**os.environ, "PYTHONWARNINGS": "ignore"},
                check=False,
            )
            if done.returncode == 77:
                pytest.skip("this kernel allows no seccomp filter")
            return done

        return run

    def test_nothing_is_fetched(self, run, plain, provenance_maker):
        remote = {"remote": "http://127.0.0.1:9/a.c2pa"}
        for expected, data in (
            ("trusted", provenance_maker.signed(plain, "image/jpeg", **remote)),
            ("remote", provenance_maker.signed(plain, "image/jpeg", **remote, embed=False)),
        ):
            done = run("look", data)
            assert (done.returncode, done.stdout.strip()) == (0, expected), done.stderr[-400:]

    def test_the_trap_works(self, run, plain, provenance_maker):
        """With c2pa's own settings the same file makes it ask for a socket."""
        data = provenance_maker.signed(plain, "image/jpeg", remote="http://127.0.0.1:9/a.c2pa", embed=False)
        assert run("as it comes", data).returncode == -31  # SIGSYS
