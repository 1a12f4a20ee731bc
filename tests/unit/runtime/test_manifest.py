"""The manifest: everything survives the file, newer files stay readable, broken ones do not."""

from __future__ import annotations

import json

import pytest

from yolokit.errors import InferenceError
from yolokit.runtime.manifest import (
    SCHEMA_VERSION,
    ModelHead,
    ModelIO,
    ModelManifest,
    Provenance,
    decode_manifest,
    encode_manifest,
)


def manifest() -> ModelManifest:
    return ModelManifest(
        io=ModelIO(input_name="images", shape=(None, 3, 320, 640), input_wh=(640, 320)),
        head=ModelHead(output_name="output0", layout="raw", names=("Mutter", "螺母"), conf=0.4),
        provenance=Provenance(precision="fp32", opset=17, tool_versions={"yolokit": "0.1.0"}),
    )


def test_it_leads_back() -> None:
    assert decode_manifest(encode_manifest(manifest())) == manifest()


def test_equal_manifests_have_equal_text() -> None:
    assert encode_manifest(manifest()) == encode_manifest(manifest())
    assert "螺母" in encode_manifest(manifest())


def test_unknown_keys_are_ignored() -> None:
    value = json.loads(encode_manifest(manifest()))
    value["head"]["colour_of_the_boxes"] = "blue"
    value["appendix"] = {}
    assert decode_manifest(json.dumps(value)) == manifest()


def test_a_newer_schema_is_refused_with_what_to_do() -> None:
    value = json.loads(encode_manifest(manifest()))
    value["schema_version"] = SCHEMA_VERSION + 1
    with pytest.raises(InferenceError, match=f"schema {SCHEMA_VERSION + 1}") as caught:
        decode_manifest(json.dumps(value))
    assert caught.value.hint == "update yolokit on this machine"


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"layout": "raw"', '"layout": 1'),
        ('"task": "detect"', '"task": "cook"'),
        ('"names": ["Mutter", "螺母"]', '"names": []'),
        ('"output_name": "output0", ', ""),
        ('"opset": 17', '"opset": "17"'),
        (
            "{",
            "",
        ),
    ],
)
def test_a_broken_manifest_says_so(old: str, new: str) -> None:
    text = encode_manifest(manifest())
    broken = text.replace(old, new, 1)
    assert broken != text
    with pytest.raises(InferenceError, match="manifest is unreadable"):
        decode_manifest(broken)
