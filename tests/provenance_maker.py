"""Files that say where they come from: EXIF, XMP, IPTC, text chunks, thumbnails, and signed content credentials.

Certificates are made on the fly and live for this process; c2pa and cryptography are imported where a file is signed.
"""

import datetime
import io
import struct
import zlib
from functools import cache

from PIL import Image, PngImagePlugin

IPTC_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/"
CAMERA = {271: "Example", 272: "Example X100", 306: "2024:05:02 09:00:00"}
EXPOSURE = {33434: (1, 250), 33437: (4, 1), 36867: "2024:05:01 10:00:00", 37500: b"maker's own"}


def picture(pixels) -> Image.Image:
    """Return a Pillow picture of uint8 RGB."""
    return Image.fromarray(pixels)


def jpeg(pixels, *, quality=92, **more) -> bytes:
    """Save as JPEG; ``exif``, ``xmp``, ``comment``, ``qtables`` ... are Pillow's."""
    file = io.BytesIO()
    picture(pixels).save(file, "JPEG", quality=quality, **more)
    return file.getvalue()


def png(pixels, texts=(), **more) -> bytes:
    """Save as PNG with text chunks: (keyword, text), international where not Latin-1, packed where ``zip`` says so."""
    info = PngImagePlugin.PngInfo()
    for keyword, text in texts:
        info.add_itxt(keyword, text) if not text.isascii() else info.add_text(keyword, text)
    file = io.BytesIO()
    picture(pixels).save(file, "PNG", pnginfo=info, **more)
    return file.getvalue()


def save(pixels, kind: str, **more) -> bytes:
    """Save in any format of Pillow's."""
    file = io.BytesIO()
    picture(pixels).save(file, kind, **more)
    return file.getvalue()


def exif(first=None, more=None, thumbnail: bytes = b"", orientation=1) -> bytes:
    """Return EXIF as Pillow writes it, with a thumbnail where given."""
    made = Image.Exif()
    made.update({**(first or {}), 274: orientation})
    made.get_ifd(0x8769).update(more or {})
    body = made.tobytes()
    if not thumbnail:
        return body
    # Pillow writes no second directory: append one, and let the first point to it
    tiff = bytearray(body[6:])
    order = "<" if tiff[:2] == b"II" else ">"
    (at,) = struct.unpack_from(order + "I", tiff, 4)
    (count,) = struct.unpack_from(order + "H", tiff, at)
    start = len(tiff)
    struct.pack_into(order + "I", tiff, at + 2 + 12 * count, start)
    tiff += struct.pack(order + "H", 2)
    tiff += struct.pack(order + "HHII", 0x201, 4, 1, start + 2 + 24 + 4)
    tiff += struct.pack(order + "HHII", 0x202, 4, 1, len(thumbnail)) + bytes(4) + thumbnail
    return b"Exif\0\0" + bytes(tiff)


def xmp(properties: str = "", inside: str = "") -> bytes:
    """Return an XMP packet: attributes of the description, and elements inside it."""
    return (
        '<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?><x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:RDF '
        'xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about="" '
        'xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:xmpMM="http://ns.adobe.com/xap/1.0/mm/" '
        'xmlns:stEvt="http://ns.adobe.com/xap/1.0/sType/ResourceEvent#" xmlns:dcterms="http://purl.org/dc/terms/" '
        'xmlns:photoshop="http://ns.adobe.com/photoshop/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        'xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" '
        'xmlns:TC260="http://www.tc260.org.cn/ns/AIGC/1.0/" '
        f'{properties}>{inside}</rdf:Description></rdf:RDF></x:xmpmeta><?xpacket end="w"?>'
    ).encode()


def source_type(code: str) -> str:
    """Return the attribute that states a digital source type."""
    return f'Iptc4xmpExt:DigitalSourceType="{IPTC_TYPE}{code}"'


def history(*steps: tuple[str, str]) -> str:
    """Return an edit history: (action, program)."""
    items = "".join(
        f'<rdf:li stEvt:action="{action}" stEvt:softwareAgent="{agent}" stEvt:when="2024-05-0{i}T10:00:00Z"/>'
        for i, (action, agent) in enumerate(steps, 1)
    )
    return f"<xmpMM:History><rdf:Seq>{items}</rdf:Seq></xmpMM:History>"


def iptc(**records: str) -> bytes:
    """Return a JPEG segment with Photoshop's resources that hold IPTC: ``credit``, ``source``, ``instructions`` ..."""
    numbers = {"credit": 110, "source": 115, "program": 65, "instructions": 40}
    sets = b"".join(
        b"\x1c\x02" + bytes([numbers[name]]) + struct.pack(">H", len(text)) + text.encode("latin-1")
        for name, text in records.items()
    )
    body = (
        b"Photoshop 3.0\0"
        + b"8BIM\x04\x04\0\0"
        + struct.pack(">I", len(sets))
        + sets
        + b"\0" * (len(sets) & 1)
    )
    return b"\xff\xed" + struct.pack(">H", len(body) + 2) + body


def with_segment(data: bytes, segment: bytes) -> bytes:
    """Put a segment into a JPEG, right behind its beginning."""
    return data[:2] + segment + data[2:]


def png_chunk(kind: bytes, body: bytes) -> bytes:
    """Return one chunk of a PNG."""
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def with_chunk(data: bytes, kind: bytes, body: bytes) -> bytes:
    """Put a chunk into a PNG, right behind its header."""
    return data[:33] + png_chunk(kind, body) + data[33:]


def gif_with_xmp(pixels, packet: bytes) -> bytes:
    """Save as GIF with an XMP packet, which Pillow does not write."""
    data = save(pixels, "GIF")
    at = 13 + (3 << ((data[10] & 7) + 1) if data[10] & 0x80 else 0)
    trailer = bytes([1, *range(255, -1, -1), 0])
    return data[:at] + b"\x21\xff\x0bXMP DataXMP" + packet + trailer + data[at:]


def jxl(exif: bytes = b"", packet: bytes = b"", *packed: bytes) -> bytes:
    """Return the container of a JPEG XL without a picture: EXIF, XMP, and boxes packed with Brotli by their kinds."""
    boxes = [(b"JXL ", b"\r\n\x87\n"), (b"ftyp", b"jxl \0\0\0\0jxl "), (b"brob", b"jbrd?")]
    boxes += [(b"Exif", bytes(4) + exif.removeprefix(b"Exif\0\0"))] if exif else []
    boxes += [(b"xml ", packet)] if packet else []
    boxes += [(b"brob", kind + b"?") for kind in packed]
    return b"".join(struct.pack(">I", len(body) + 8) + kind + body for kind, body in boxes)


@cache
def certificates(organisation: str = "Example News") -> tuple[bytes, bytes, bytes]:
    """Return the chain of a signer, its key and its root, PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec
    from cryptography.x509.oid import AuthorityInformationAccessOID, ExtendedKeyUsageOID, NameOID

    now = datetime.datetime.now(datetime.UTC)

    def name(common):
        values = {
            NameOID.COUNTRY_NAME: "US",
            NameOID.ORGANIZATION_NAME: organisation,
            NameOID.COMMON_NAME: common,
        }
        return x509.Name([x509.NameAttribute(k, v) for k, v in values.items()])

    def usage(**yes):
        names = "digital_signature content_commitment key_encipherment data_encipherment key_agreement"
        no = dict.fromkeys(f"{names} key_cert_sign crl_sign encipher_only decipher_only".split(), False)
        return x509.KeyUsage(**{**no, **yes})

    root_key, key = (ec.generate_private_key(ec.SECP256R1()) for _ in range(2))

    def certificate(subject, public):
        return (
            x509.CertificateBuilder(issuer_name=name("Root"), subject_name=subject, public_key=public)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - datetime.timedelta(days=1))
            .not_valid_after(now + datetime.timedelta(days=30))
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(public), critical=False)
        )

    root = certificate(name("Root"), root_key.public_key())
    root = root.add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
    root = root.add_extension(usage(digital_signature=True, key_cert_sign=True, crl_sign=True), critical=True)
    leaf = certificate(name("Picture desk"), key.public_key())
    leaf = leaf.add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    leaf = leaf.add_extension(usage(digital_signature=True), critical=True)
    leaf = leaf.add_extension(x509.ExtendedKeyUsage([ExtendedKeyUsageOID.EMAIL_PROTECTION]), critical=False)
    asked = x509.AccessDescription(
        AuthorityInformationAccessOID.OCSP, x509.UniformResourceIdentifier("http://127.0.0.1:9/ocsp")
    )
    leaf = leaf.add_extension(x509.AuthorityInformationAccess([asked]), critical=False)
    issuer = x509.AuthorityKeyIdentifier.from_issuer_public_key(root_key.public_key())
    leaf = leaf.add_extension(issuer, critical=False)
    pem = [c.sign(root_key, hashes.SHA256()).public_bytes(serialization.Encoding.PEM) for c in (leaf, root)]
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return pem[0] + pem[1], secret, pem[1]


def created(code="trainedAlgorithmicMedia", software="Example Diffusion") -> dict:
    """Return the action of having made it."""
    return {
        "action": "c2pa.created",
        "softwareAgent": {"name": software},
        "digitalSourceType": IPTC_TYPE + code,
    }


def signed(
    data: bytes, mime: str, *actions: dict, ingredients=(), remote: str | None = None, embed=True, extra=()
) -> bytes:
    """Sign a file: actions, ingredients as (title, mime, bytes), the address of a manifest elsewhere."""
    import c2pa

    chain, key, _ = certificates()
    manifest = {
        "claim_generator_info": [{"name": "Example Paint", "version": "1.0"}],
        "title": "picture",
        "assertions": [
            {"label": "c2pa.actions.v2", "data": {"actions": list(actions) or [created()]}},
            *extra,
        ],
    }
    quiet = {"builder": {"thumbnail": {"enabled": False}}, "verify": {"remote_manifest_fetch": False}}
    context = c2pa.Context.from_dict(quiet)
    builder = c2pa.Builder(manifest, context=context)
    for title, kind, body in ingredients:
        builder.add_ingredient({"title": title, "relationship": "componentOf"}, kind, io.BytesIO(body))
    if remote:
        builder.set_remote_url(remote)
    if not embed:
        builder.set_no_embed()
    out = io.BytesIO()
    builder.sign(
        c2pa.Signer.from_info(c2pa.C2paSignerInfo(b"es256", chain, key, None)), mime, io.BytesIO(data), out
    )
    return out.getvalue()
