"""What files say, and what is made of it: metadata of every container, generators' parameters, contradictions."""

import json

import pytest

from fakeweb.provenance import look_at, look_at_clip

WEBUI = (
    "portrait of a man, best quality\nNegative prompt: lowres, ugly\n"
    'Steps: 20, Sampler: Euler a, CFG scale: 7, Seed: 1234, Size: 512x512, Model: dream, Lora hashes: "a: 1, b: 2"'
)
GRAPH = json.dumps(
    {
        "3": {"class_type": "KSampler", "inputs": {"seed": 5, "steps": 20, "cfg": 8.0, "model": ["4", 0]}},
        "4": {"class_type": "CheckpointLoaderSimple", "inputs": {"ckpt_name": "sdxl.safetensors"}},
        "6": {"class_type": "CLIPTextEncode", "inputs": {"text": "a portrait"}},
    }
)
UUID = "01234567-89ab-cdef-0123-456789abcdef"


@pytest.fixture
def says(portrait):
    """Return what a file's signals say, each once, and the whole."""

    def run(data):
        found = look_at(data, portrait)
        return {s.says for s in found.signals} - {"technical"}, found

    return run


class TestAbsence:
    def test_a_bare_picture_is_unknown_and_says_so(self, says, portrait_path):
        heard, found = says(portrait_path.read_bytes())
        assert heard == set()
        assert "unknown, neither genuine nor fake" in found.summary
        assert found.label_text is found.digital_source_type is found.credentials is None

    def test_no_file_at_all(self):
        assert look_at(b"").signals == ()

    def test_every_value_has_a_json_form(self, says, provenance_maker, portrait):
        data = provenance_maker.jpeg(
            portrait.pixels, xmp=provenance_maker.xmp(provenance_maker.source_type("print"))
        )
        text = json.dumps(says(data)[1].to_dict(), allow_nan=False)
        assert json.loads(text)["digital_source_type"] == "print"


class TestContainers:
    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF"])
    def test_exif_is_found_in_every_container(self, says, provenance_maker, portrait, kind):
        exif = provenance_maker.exif(provenance_maker.CAMERA, provenance_maker.EXPOSURE)
        if kind == "TIFF":
            tags = {271: "Example", 272: "Example X100"}
            data = provenance_maker.save(portrait.pixels, kind, tiffinfo=tags)
        else:
            data = provenance_maker.save(portrait.pixels, kind, exif=exif)
        heard, found = says(data)
        assert (heard, found.camera) == ({"captured"}, "Example X100")

    @pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "AVIF", "TIFF", "GIF"])
    def test_xmp_is_found_in_every_container(self, says, provenance_maker, portrait, kind):
        packet = provenance_maker.xmp(provenance_maker.source_type("trainedAlgorithmicMedia"))
        if kind == "PNG":
            data = provenance_maker.png(portrait.pixels)
            data = provenance_maker.with_chunk(data, b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + packet)
        elif kind == "TIFF":
            data = provenance_maker.save(portrait.pixels, kind, tiffinfo={700: packet})
        elif kind == "GIF":
            data = provenance_maker.gif_with_xmp(portrait.pixels, packet)
        else:
            data = provenance_maker.save(portrait.pixels, kind, xmp=packet)
        heard, found = says(data)
        assert (heard, found.label_text) == ({"generated"}, "AI generated")

    def test_heic(self, says, provenance_maker, portrait):
        heif = pytest.importorskip("pillow_heif")
        import io

        file = io.BytesIO()
        exif = provenance_maker.exif(provenance_maker.CAMERA, provenance_maker.EXPOSURE)
        heif.from_pillow(provenance_maker.picture(portrait.pixels)).save(file, exif=exif)
        assert says(file.getvalue())[1].camera == "Example X100"

    def test_jpeg_xl(self, says, provenance_maker):
        exif = provenance_maker.exif(provenance_maker.CAMERA, provenance_maker.EXPOSURE)
        packet = provenance_maker.xmp(provenance_maker.source_type("trainedAlgorithmicMedia"))
        _, found = says(provenance_maker.jxl(exif, packet))
        assert (found.camera, found.label_text, found.unread) == ("Example X100", "AI generated", ())
        _, found = says(provenance_maker.jxl(b"", b"", b"Exif", b"xml "))
        assert found.unread == ("metadata that are packed with Brotli are not read",)

    def test_extended_xmp_is_read_after_the_main_packet(self, says, provenance_maker, portrait):
        more = provenance_maker.xmp("", provenance_maker.history(("saved", "Adobe Photoshop 25.0")))
        body = b"http://ns.adobe.com/xmp/extension/\0" + b"A" * 32 + bytes(8) + more
        data = provenance_maker.jpeg(portrait.pixels, xmp=provenance_maker.xmp('xmp:Rating="1"'))
        segment = b"\xff\xe1" + (len(body) + 2).to_bytes(2, "big") + body
        assert [a.software for a in says(provenance_maker.with_segment(data, segment))[1].history] == [
            "Adobe Photoshop 25.0"
        ]

    @pytest.mark.parametrize("container", ["mp4", "mov", "matroska"])
    def test_clips_name_their_encoder(self, clip_maker, container):
        import io

        tags = {"encoder": "Lavf61.7.100"}
        data = clip_maker.encode([clip_maker.numbered(i) for i in range(3)], container=container)
        found = look_at_clip(io.BytesIO(data), tags)
        assert found.software == ("Lavf61.7.100",)
        assert "FFmpeg" in found.signals[0].text

    def test_a_clip_names_its_telephone(self):
        import io

        tags = {"com.apple.quicktime.make": "Apple", "com.apple.quicktime.model": "iPhone 15"}
        assert look_at_clip(io.BytesIO(b"\0\0\0\x08free"), tags).camera == "Apple iPhone 15"

    def test_an_animated_picture_is_read_as_a_picture(self, provenance_maker, portrait):
        import io

        small = provenance_maker.picture(portrait.pixels).resize((64, 64))
        file = io.BytesIO()
        packet = provenance_maker.xmp(provenance_maker.source_type("trainedAlgorithmicMedia"))
        small.save(file, "WEBP", save_all=True, append_images=[small.rotate(90)], xmp=packet)
        file.seek(7)
        assert look_at_clip(file, {}).label_text == "AI generated"
        assert file.tell() == 7


class TestGenerators:
    @pytest.mark.parametrize(
        ("texts", "name", "parameter"),
        [
            ([("parameters", WEBUI)], "Stable Diffusion", ("seed", "1234")),
            ([("parameters", WEBUI + ", Version: ComfyUI")], "ComfyUI", ("model", "dream")),
            ([("prompt", GRAPH)], "ComfyUI", ("model", "sdxl.safetensors")),
            ([("workflow", '{"nodes": [{"type": "KSampler"}]}')], "ComfyUI", None),
            (
                [("Description", f"a man --ar 2:3 --v 6 Job ID: {UUID}")],
                "Midjourney",
                ("prompt", "a man --ar 2:3 --v 6"),
            ),
            ([("Software", "NovelAI"), ("Comment", '{"seed": 7, "steps": 28}')], "NovelAI", ("seed", "7")),
            (
                [("invokeai_metadata", '{"positive_prompt": "a cat", "seed": 3}')],
                "InvokeAI",
                ("prompt", "a cat"),
            ),
            (
                [("parameters", '{"sui_image_params": {"prompt": "a dog", "seed": 2}}')],
                "SwarmUI",
                ("prompt", "a dog"),
            ),
            ([("fooocus_scheme", "fooocus"), ("parameters", "x")], "Fooocus", None),
        ],
    )
    def test_parameters_in_png(self, says, provenance_maker, portrait, texts, name, parameter):
        heard, found = says(provenance_maker.png(portrait.pixels, texts))
        assert heard == {"generated"}
        assert name in found.generation.name
        assert found.label_text == "AI generated"
        assert parameter is None or parameter in found.generation.parameters.items()

    @pytest.mark.parametrize("encoding", ["utf-16-be", "utf-16-le"])
    def test_parameters_in_exif(self, says, provenance_maker, portrait, encoding):
        exif = provenance_maker.exif({}, {37510: b"UNICODE\0" + WEBUI.encode(encoding)})
        assert (
            says(provenance_maker.jpeg(portrait.pixels, exif=exif))[1].generation.parameters["steps"] == "20"
        )

    def test_comfy_in_webp_hides_where_a_camera_stands(self, says, provenance_maker, portrait):
        exif = provenance_maker.exif({271: 'workflow:{"nodes": []}', 272: "prompt:" + GRAPH})
        _, found = says(provenance_maker.save(portrait.pixels, "WEBP", exif=exif))
        assert (found.generation.name, found.camera, found.contradictions) == ("ComfyUI", None, ())

    def test_groks_signature(self, says, provenance_maker, portrait):
        exif = provenance_maker.exif({270: "Signature: abcd==", 315: UUID})
        assert says(provenance_maker.jpeg(portrait.pixels, exif=exif))[1].generation.name == "Grok"

    def test_the_mark_by_chinese_law(self, says, provenance_maker, portrait):
        mark = json.dumps({"Label": "1", "ContentProducer": "Example Co"})
        for data in (
            provenance_maker.png(portrait.pixels, [("AIGC", mark)]),
            provenance_maker.jpeg(
                portrait.pixels,
                exif=provenance_maker.exif({}, {37510: b"ASCII\0\0\0" + f'{{"AIGC": {mark}}}'.encode()}),
            ),
            provenance_maker.jpeg(portrait.pixels, xmp=provenance_maker.xmp(f"TC260:AIGC='{mark}'")),
        ):
            heard, found = says(data)
            assert heard == {"generated"}
            assert "by Example Co" in found.signals[0].text

    def test_a_credit_line(self, says, provenance_maker, portrait):
        segment = provenance_maker.iptc(credit="Made with Google AI")
        heard, found = says(provenance_maker.with_segment(provenance_maker.jpeg(portrait.pixels), segment))
        assert (heard, found.credit) == ({"generated"}, "Made with Google AI")

    @pytest.mark.parametrize(
        ("software", "expected"),
        [
            ("Adobe Photoshop 25.0 (Macintosh)", "edited"),
            ("GIMP 2.10.34", "edited"),
            ("Midjourney", "generated"),
            ("DALL-E 3", "generated"),
            ("FaceApp", "ai_edited"),
            ("17.5.1", None),
            ("HDR+ 1.0.5", None),
            ("f.lux", None),
            ("Reflex camera 2", None),
            ("Soranet", None),
        ],
    )
    def test_names_of_programs(self, says, provenance_maker, portrait, software, expected):
        data = provenance_maker.jpeg(portrait.pixels, exif=provenance_maker.exif({305: software}))
        heard, found = says(data)
        assert heard == ({expected} if expected else set())
        assert found.software == (software,)

    def test_a_persons_comment_is_no_program(self, says, provenance_maker, portrait):
        data = provenance_maker.jpeg(portrait.pixels, comment=b"my cat, cut out by hand")
        heard, found = says(data)
        assert (heard, found.software) == (set(), ())


class TestHistory:
    def test_steps_and_programs(self, says, provenance_maker, portrait):
        steps = provenance_maker.history(
            ("created", "Adobe Photoshop 25.0"), ("saved", "Adobe Photoshop 25.0")
        )
        packet = provenance_maker.xmp('xmp:CreatorTool="Adobe Photoshop 25.0"', steps)
        heard, found = says(provenance_maker.jpeg(portrait.pixels, xmp=packet))
        assert heard == {"edited"}
        assert [(a.action, a.when) for a in found.history] == [
            ("created", "2024-05-01T10:00:00Z"),
            ("saved", "2024-05-02T10:00:00Z"),
        ]

    def test_no_place_and_no_name_of_a_person_leaves_the_file(self, says, provenance_maker, portrait):
        exif = provenance_maker.exif(
            {**provenance_maker.CAMERA, 315: "Jane Doe", 33432: "Jane Doe"}, {42033: "SN-123"}
        )
        text = json.dumps(says(provenance_maker.jpeg(portrait.pixels, exif=exif))[1].to_dict())
        assert "Jane" not in text
        assert "SN-123" not in text


class TestContradictions:
    def test_a_camera_beside_created_by_ai(self, says, provenance_maker, portrait):
        exif = provenance_maker.exif(provenance_maker.CAMERA, provenance_maker.EXPOSURE)
        packet = provenance_maker.xmp(provenance_maker.source_type("trainedAlgorithmicMedia"))
        _, found = says(provenance_maker.jpeg(portrait.pixels, exif=exif, xmp=packet))
        assert "names a camera (Example X100) and says it was made by AI" in found.contradictions[0]
        assert found.summary.startswith("The file contradicts itself.")

    def test_a_camera_that_blended_with_ai_is_none(self, says, provenance_maker, portrait):
        exif = provenance_maker.exif(provenance_maker.CAMERA)
        packet = provenance_maker.xmp(provenance_maker.source_type("compositeWithTrainedAlgorithmicMedia"))
        _, found = says(provenance_maker.jpeg(portrait.pixels, exif=exif, xmp=packet))
        assert (found.contradictions, found.label_text) == ((), "AI modified")

    def test_another_size_than_exif_says(self, says, provenance_maker, portrait):
        exif = provenance_maker.exif(provenance_maker.CAMERA, {40962: 4000, 40963: 3000})
        assert "4000 x 3000" in says(provenance_maker.jpeg(portrait.pixels, exif=exif))[1].contradictions[0]

    def test_turned_is_not_another_size(self, provenance_maker, portrait):
        from fakeweb.media import read_image

        wide = portrait.pixels[:400]
        exif = provenance_maker.exif(provenance_maker.CAMERA, {40962: 512, 40963: 400}, orientation=6)
        data = provenance_maker.jpeg(wide, exif=exif)
        assert look_at(data, read_image(data).image).contradictions == ()

    def test_changed_before_it_was_taken(self, says, provenance_maker, portrait):
        first = {**provenance_maker.CAMERA, 306: "2020:01:01 00:00:00"}
        exif = provenance_maker.exif(first, provenance_maker.EXPOSURE)
        assert (
            "before it was taken"
            in says(provenance_maker.jpeg(portrait.pixels, exif=exif))[1].contradictions[0]
        )
