"""What images are called in Label Studio: uploads, local files, buckets and addresses.

Nothing is fetched: a name is what is left of such a reference, and it is looked for locally.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, unquote, urlsplit

from yolokit.formats.toolkit.json_file import as_dict
from yolokit.images.listing import is_image_name

if TYPE_CHECKING:
    from collections.abc import Mapping

_UPLOAD_PREFIX = re.compile(r"[0-9a-f]{8}-(?=.)")
_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]+):")
_UPLOADS = "/data/upload/"
_LOCAL_FILES = "/data/local-files/"
_USUAL_KEYS = ("image", "img", "images")


def list_references(data: Any) -> list[str]:
    """Return the images that a task shows: of ``image``, or of the only value that is one.

    Raises:
        ValueError: There is none, or it is not clear which; the message names the keys.
    """
    values = as_dict(data)
    found = {key: texts for key, value in values.items() if (texts := _as_texts(value))}
    usual = [key for key in _USUAL_KEYS if key in found]
    likely = usual or [key for key, texts in found.items() if all(map(_shows_image, texts))]
    if len(likely) == 1 or usual:
        return found[likely[0]]
    if not likely:
        raise ValueError("its `data` names no image")
    raise ValueError(f"its `data` names images under several keys: {', '.join(sorted(likely))}")


def _as_texts(value: Any) -> list[str]:
    texts = value if isinstance(value, list) else [value]
    return texts if texts and all(isinstance(text, str) and text for text in texts) else []


def _shows_image(reference: str) -> bool:
    try:
        return is_image_name(name_of_reference(reference))
    except ValueError:
        return False


def name_of_reference(reference: str) -> str:
    """Return the name of the image that a reference points to.

    Raises:
        ValueError: It points to none: an image inside the text itself, or not an address.
    """
    if reference.startswith(_LOCAL_FILES):
        return _checked(_first(parse_qs(urlsplit(reference).query), "d"), reference)
    if reference.startswith(_UPLOADS):
        return _checked(_name_of_upload(unquote(urlsplit(reference).path)), reference)
    scheme = _SCHEME.match(reference)
    if scheme is None:
        return _checked(reference, reference)
    if scheme[1].lower() == "data":
        raise ValueError("its image is embedded in the JSON and has no name")
    parts = urlsplit(reference)
    is_web = parts.scheme in ("http", "https")
    if is_web and _LOCAL_FILES in f"{parts.path}/":
        return _checked(_first(parse_qs(parts.query), "d"), reference)
    path = unquote(parts.path) if is_web else reference.partition("://")[2].partition("/")[2]
    if _UPLOADS in path:
        path = _name_of_upload(path)
    return _checked(path.lstrip("/"), reference)


def _name_of_upload(path: str) -> str:
    """Return the part below the project's folder, which is a number."""
    inner = path.partition(_UPLOADS)[2]
    project, slash, name = inner.partition("/")
    return name if slash and project.isdecimal() else inner


def is_upload(reference: str) -> bool:
    """Tell whether an image was uploaded, so that its name got a prefix."""
    return _UPLOADS in reference


def without_upload_prefix(name: str) -> str | None:
    """Return the name that a file had before it was uploaded, or None if it has no prefix."""
    folder, slash, base = name.rpartition("/")
    found = _UPLOAD_PREFIX.match(base)
    return f"{folder}{slash}{base[found.end() :]}" if found else None


def _first(query: Mapping[str, list[str]], key: str) -> str:
    return query.get(key, [""])[0]


def _checked(name: str, reference: str) -> str:
    if not name or "\x00" in name or name.endswith("/"):
        raise ValueError(f"{reference[:80]!r} is not a name of an image")
    return name
