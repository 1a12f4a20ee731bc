"""HTML and SVG as text: elements, attributes, and text that is escaped."""

from __future__ import annotations

import html
import re

# Not allowed in HTML or SVG: control characters but for white space, lone surrogates, and
# non-characters. Right-to-left marks could make a name read as another one, so they are shown.
_UNSAFE = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff"
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


def escape(text: str) -> str:
    """Return text that is safe in an element and in a quoted attribute."""
    return html.escape(_UNSAFE.sub(_name_character, text))


def _name_character(match: re.Match[str]) -> str:
    """Name a character that cannot be shown as Python does."""
    code = ord(match[0])
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}"


def element(name: str, *children: str, **attributes: object) -> str:
    """Return an element whose children are markup already, and whose attributes are escaped.

    ``class_`` is the attribute ``class``, and ``text_anchor`` is ``text-anchor``. An attribute of
    None is left out, and one of True stands without a value.
    """
    words = [name]
    for key, value in attributes.items():
        if value is True:
            words.append(_attribute_name(key))
        elif value is not None and value is not False:
            words.append(f'{_attribute_name(key)}="{escape(_attribute_text(value))}"')
    return f"<{' '.join(words)}>{''.join(children)}</{name}>"


def _attribute_name(key: str) -> str:
    return key.rstrip("_").replace("_", "-")


def _attribute_text(value: object) -> str:
    """Return a value; a coordinate needs no more than hundredths."""
    return f"{value:.2f}".rstrip("0").rstrip(".") if isinstance(value, float) else str(value)
