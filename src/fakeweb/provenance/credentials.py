"""The border to c2pa: Content Credentials of a file, read and validated, without the network.

c2pa would fetch a manifest that a file only points to, and may ask a certificate's issuer (OCSP); both are switched off
in its settings, no host is allowed, and signed identities (CAWG), whose check may visit addresses of its own, are not
decoded. No trust list comes along: without the user's own, a whole signature is ``valid`` and never ``trusted``.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from importlib import metadata
from typing import Any, BinaryIO, Final

from fakeweb.media.limits import one_line
from fakeweb.provenance.blocks import MAX_CREDENTIALS_BYTES
from fakeweb.provenance.names import source_type
from fakeweb.provenance.values import Action, Credentials, Ingredient, Signer

_MOST: Final = 50
_SETTINGS: Final[Mapping[str, Any]] = {
    "verify": {"remote_manifest_fetch": False, "ocsp_fetch": False},
    "core": {
        "allowed_network_hosts": [],
        "allow_redirects": False,
        "decode_identity_assertions": False,
        "max_decompressed_manifest_size_in_mb": MAX_CREDENTIALS_BYTES >> 20,
    },
}
_NO_PROBLEM: Final = frozenset({"signingCredential.untrusted"})


def read_credentials(source: bytes | BinaryIO, size_bytes: int, trust: str | None) -> Credentials:
    """Read and validate the content credentials of a file that has some.

    Args:
        source: The whole file.
        size_bytes: Of its manifest store.
        trust: Certificates of those the user trusts, PEM; None for nobody.
    """
    if size_bytes > MAX_CREDENTIALS_BYTES:
        return _unread(f"they are larger than {MAX_CREDENTIALS_BYTES >> 20} MiB")
    try:
        import c2pa
    except ImportError:
        return _unread("the extra 'provenance' is not installed")
    file = io.BytesIO(source) if isinstance(source, bytes) else source
    file.seek(0)
    try:
        with c2pa.Reader(None, file, context=_context(trust)) as reader:
            text, remote_url = reader.json(), reader.get_remote_url()
        if len(text) > MAX_CREDENTIALS_BYTES:
            return _unread("they are longer than is read")
        return _from_store(json.loads(text), remote_url)
    except (c2pa.C2paError, ValueError, RecursionError) as error:
        return _unread(one_line(error, 160))


def credentials_reader() -> str | None:
    """Return what reads content credentials here, with its version; None where the extra is not installed."""
    try:
        return f"c2pa-python {metadata.version('c2pa-python')}"
    except metadata.PackageNotFoundError:
        return None


@lru_cache(maxsize=4)
def _context(trust: str | None) -> Any:
    import c2pa

    return c2pa.Context.from_dict({**_SETTINGS, "trust": {"user_anchors": trust}} if trust else _SETTINGS)


def check_trust(trust: str) -> str | None:
    """Return why these certificates cannot be used, or None where they can."""
    try:
        import c2pa
    except ImportError:
        return None  # said where credentials are met
    try:
        c2pa.Context.from_dict({**_SETTINGS, "trust": {"user_anchors": trust}})
    except c2pa.C2paError as error:
        return one_line(error, 160)
    return None


def _unread(why: str) -> Credentials:
    return Credentials("unread", problems=(why,))


def _from_store(store: Mapping[str, Any], remote_url: str | None) -> Credentials:
    manifests = _mapping(store.get("manifests"))
    active = _mapping(manifests.get(store.get("active_manifest", "")))
    problems = tuple(
        dict.fromkeys(
            _text(_mapping(s).get("code")) or "unknown"
            for s in _list(store.get("validation_status"))
            if _mapping(s).get("code") not in _NO_PROBLEM
        )
    )
    state = str(store.get("validation_state", "Invalid")).lower()
    actions = _actions(active)
    info = _mapping(active.get("signature_info"))
    labels = [str(_mapping(a).get("label", "")) for a in _list(active.get("assertions"))]
    types = [a.digital_source_type for a in actions] + _other_types(active)
    return Credentials(
        state=state if state in ("trusted", "valid") else "invalid",  # type: ignore[arg-type]
        signer=Signer(*(_text(info.get(k)) for k in ("common_name", "issuer", "alg", "time")))
        if info
        else None,
        generator=_generator(active),
        title=_text(active.get("title")),
        actions=tuple(actions),
        ingredients=tuple(
            _ingredient(_mapping(i), manifests) for i in _list(active.get("ingredients"))[:_MOST]
        ),
        digital_source_types=tuple(dict.fromkeys(t for t in types if t)),
        manifests=len(manifests),
        identity=any(label.startswith("cawg.identity") for label in labels),
        remote_url=_text(remote_url, 500),
        problems=problems[:_MOST],
    )


def _actions(manifest: Mapping[str, Any]) -> list[Action]:
    found: list[Action] = []
    for assertion in _list(manifest.get("assertions")):
        if not str(_mapping(assertion).get("label", "")).startswith("c2pa.actions"):
            continue
        for action in _list(_mapping(_mapping(assertion).get("data")).get("actions")):
            step = _mapping(action)
            agent = step.get("softwareAgent")
            named = _mapping(agent).get("name") if isinstance(agent, Mapping) else agent
            kind = _text(step.get("digitalSourceType"))
            found.append(
                Action(
                    action=(_text(step.get("action")) or "unknown").removeprefix("c2pa."),
                    software=_text(named),
                    when=_text(step.get("when")),
                    digital_source_type=source_type(kind) or kind if kind else None,
                    description=_text(step.get("description")),
                )
            )
    return found[:_MOST]


def _other_types(manifest: Mapping[str, Any]) -> list[str | None]:
    """Return digital source types that stand in other assertions, as metadata and older manifests have them."""
    data = [_mapping(_mapping(a).get("data")) for a in _list(manifest.get("assertions"))]
    keys = ("digitalSourceType", "Iptc4xmpExt:DigitalSourceType", "iptcExt:DigitalSourceType")
    return [source_type(d[k]) for d in data for k in keys if isinstance(d.get(k), str)]


def _ingredient(ingredient: Mapping[str, Any], manifests: Mapping[str, Any]) -> Ingredient:
    inner = _mapping(manifests.get(str(ingredient.get("active_manifest", ""))))
    types = [a.digital_source_type for a in _actions(inner) if a.digital_source_type]
    return Ingredient(
        title=_text(ingredient.get("title")),
        relationship=_text(ingredient.get("relationship")),
        format=_text(ingredient.get("format")),
        digital_source_type=types[0] if types else None,
        has_manifest=bool(inner),
    )


def _generator(manifest: Mapping[str, Any]) -> str | None:
    info = _list(manifest.get("claim_generator_info"))
    first = _mapping(info[0]) if info else {}
    if first.get("name"):
        return _text(f"{first['name']} {first.get('version') or ''}".strip())
    return _text(manifest.get("claim_generator"))


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _text(value: Any, limit: int = 200) -> str | None:
    return one_line(value.strip(), limit) if isinstance(value, str) and value.strip() else None
