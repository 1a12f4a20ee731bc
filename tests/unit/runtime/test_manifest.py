"""The manifest: everything survives the file, newer files stay readable, broken ones do not."""

from __future__ import annotations

import json

import msgspec
import pytest

from yolokit.errors import InferenceError
from yolokit.runtime.manifest import (
    SCHEMA_VERSION,
    BoxPorts,
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
        head=ModelHead(
            output_name="output0", layout="raw", names=("Mutter", "螺母"), conf=0.4,
            class_conf=(0.3, 0.5),
        ),
        provenance=Provenance(
            precision="fp32", opset=17, run="ab", ancestors=("cd", "ef"),
            class_conf_source="best F1", tool_versions={"yolokit": "0.1.0"},
        ),
    )  # fmt: skip


def test_it_leads_back() -> None:
    assert decode_manifest(encode_manifest(manifest())) == manifest()


def test_equal_manifests_have_equal_text() -> None:
    assert encode_manifest(manifest()) == encode_manifest(manifest())
    assert "螺母" in encode_manifest(manifest())


# As the first version wrote it.
WRITTEN = (
    '{"head": {"conf": 0.4, "iou": 0.7, "layout": "end2end", "least_score": 0.0, '
    '"max_count": 100, "names": ["Mutter", "螺母"], "output_name": "output0", "task": "detect"}, '
    '"io": {"color_order": "rgb", "input_name": "images", "input_wh": [640, 320], '
    '"pad_value": 114, "pixel_scale": 0.00392156862745098, "shape": [null, 3, 320, 640], '
    '"stride_px": 32}, "provenance": {"architecture": "yolo26n", "data_sha256": "", '
    '"license": "AGPL-3.0", "opset": 17, "precision": "fp32", '
    '"tool_versions": {"yolokit": "0.1.0"}, "weights_sha256": "ab"}, "schema_version": 1}'
)


def test_what_earlier_versions_wrote_is_read_and_written_alike() -> None:
    read = decode_manifest(WRITTEN)
    assert (read.head.layout, read.head.task, read.head.max_det) == ("end2end", "detect", 100)
    assert encode_manifest(read) == WRITTEN


def test_what_later_versions_added_leads_back_and_is_written_only_where_it_says_something() -> None:
    plain = manifest()
    ports = BoxPorts(image_wh="image_wh")
    assert ports.inputs == ("conf", "iou", "max_det", "multi_label", "clip", "image_wh")
    assert ports.outputs == ("scores", "classes", "count")
    embedded = msgspec.structs.replace(
        plain,
        io=msgspec.structs.replace(plain.io, kind="image"),
        head=msgspec.structs.replace(plain.head, layout="boxes", ports=ports),
    )
    assert decode_manifest(encode_manifest(embedded)) == embedded
    assert "kind" not in encode_manifest(plain)
    assert "ports" not in encode_manifest(plain)


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
    ("part", "key", "value"),
    [
        ("io", "input_wh", [0, 320]),
        ("io", "input_wh", [1_000_000_000, 320]),
        ("io", "shape", [1, 3, -1, -1]),
        ("io", "shape", [1_000_000_000, 3, 320, 640]),
        ("io", "pixel_scale", 0),
        ("io", "pixel_scale", -1),
        ("io", "pixel_scale", 1e300),
        ("io", "pad_value", 256),
        ("io", "stride_px", 0),
        ("head", "conf", -0.1),
        ("head", "iou", 1e300),
        ("head", "max_count", 0),
        ("head", "least_score", 2),
    ],
)
def test_a_value_that_cannot_be_meant_is_refused(part: str, key: str, value: object) -> None:
    content = json.loads(encode_manifest(manifest()))
    assert key in content[part]
    content[part][key] = value
    with pytest.raises(InferenceError, match=rf"\$\.{part}\.{key}") as caught:
        decode_manifest(json.dumps(content))
    assert caught.value.hint


def test_a_manifest_that_is_nested_too_deep_is_refused() -> None:
    text = encode_manifest(manifest()).replace("{", '{"x": ' + "[" * 99_999 + "]" * 99_999 + ",", 1)
    with pytest.raises(InferenceError, match="manifest is unreadable"):
        decode_manifest(text)


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
