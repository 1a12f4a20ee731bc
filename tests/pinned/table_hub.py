"""Cases of ``weights`` and ``data get``: against the recording's own server, or offline."""

from __future__ import annotations

from collections.abc import Iterator

from tests.pinned.table import Case, case

MIRRORS = {"YOLOKIT_WEIGHTS_MIRROR": "$BASE", "YOLOKIT_DATA_MIRROR": "$BASE"}
HOME = {"YOLOKIT_HOME": "."}
OTHER = "0" * 64


def list_cases() -> Iterator[Case]:
    """Yield all cases of what is fetched, locked, bundled and listed."""
    yield case(
        "weights/catalog", "weights list", "weights list --json", "weights list --task segment",
        "weights list --family darknet", "weights list --family yolo62", "weights list --task x",
        "weights info yolo26n", "weights info yolo26n --json", "weights info yolo62n",
        "weights info torchvision:resnet50", "weights info darknet53.conv.74",
        "weights info $BASE/net.pt", "weights info hf://o/r/net.pt", "weights where",
        "weights info yolov3.weights", "weights list --installed", "weights verify",
    )  # fmt: skip
    yield case(
        "weights/pull", "weights pull $BASE/net.pt", "weights pull $BASE/net.pt",
        f"weights pull $BASE/net.pt#sha256={OTHER}", "weights pull $BASE/net.pt --require-hash",
        "weights pull $BASE/other.pt --json", "weights list --installed", "weights verify",
        "weights list --installed --json", "weights info net.pt --json", "weights info net.pt",
        "weights bundle net.pt other.pt --out w.tar", "weights bundle net.pt --out w.tar",
        "weights bundle net.pt --out w.tar --overwrite", "weights import w.tar",
        "weights bundle net.pt --out w.zip", "weights verify net.pt", "weights verify gone.pt",
        "+append weights/net.pt x", "weights verify", "weights verify --json",
        "weights import w.tar", "weights pull $BASE/net.pt", "weights info net.pt",
        env=HOME,
    )  # fmt: skip
    yield case(
        "weights/refused", "weights pull $BASE/gone.pt", "weights pull yolo62n",
        "weights pull $BASE/net.pt#sha256=12", f"weights pull $BASE/net.pt#sha256={OTHER}",
        "weights pull $BASE/net.pt --require-hash", "weights pull $BASE/net.pt --offline",
        "weights pull ftp://x/net.pt", "weights pull hf://o", "weights pull file:///gone/net.pt",
        "weights pull yolo26n --offline", "weights pull yolov5nu", "weights pull in/net.pt",
        "weights pull http://example.com/net.pt", "weights pull $BASE/", "weights pull",
        "weights import in/net.pt", "weights import gone.tar", "weights bundle gone --out w.tar",
        "weights bundle yolo26n --out w.tar --offline", "weights pull file://$INPUTS/web/net.pt",
        env=HOME, put={"in": "web"},
    )  # fmt: skip
    yield case(
        "weights/mirror", "weights pull yolov5nu", "weights list --installed",
        "weights pull yolov5nu --offline --require-hash", "weights pull yolo26n-cls",
        env=HOME | MIRRORS,
    )  # fmt: skip
    yield case(
        "weights/faults", "weights pull $BASE/cut.pt", "weights pull $BASE/reset.pt",
        "weights pull $BASE/login.pt", "weights pull $BASE/moved.pt", "weights pull $BASE/500.pt",
        "weights pull $BASE/403.pt", "weights pull $BASE/away.pt",
        env=HOME,
    )  # fmt: skip
    yield case(
        "weights/environment",
        "weights pull $BASE/net.pt",
        "weights pull yolo26n",
        env=HOME | {"YOLOKIT_OFFLINE": "1", "YOLOKIT_WEIGHTS_MIRROR": "nonsense"},
    )
    yield from _list_sets()


def _list_sets() -> Iterator[Case]:
    names = ("bccd", "coco128-seg", "coco8-pose", "coco128", "kitti", "voc2007", "dota8")
    yield case(
        "get/catalog", "data list", "data list --json", "data list --task pose",
        "data list --task x", "data list --installed", "data info bccdd", "data info bccd --json",
        *(f"data info {name}" for name in names),
    )  # fmt: skip
    yield case(
        "get/plain", "data get bccd", "data get bccd", "data get bccd --overwrite --keep-archive",
        "data get coco128-seg --task detect --out there", "data get coco128-seg --json",
        "data get coco128-seg --require-hash --overwrite --sample 5", "data list --installed",
        "data info bccd", "data get bccd --to coco --out coco",
        env=HOME | MIRRORS,
    )  # fmt: skip
    yield case(
        "get/refused", "data get", "data get bcd", "data get coco8 --offline", "data get coco8",
        "data get bccd --require-hash", "data get bccd --task segment", "data get bccd --to x",
        "data get bccd --split 2", "data get bccd --max-drop 0 --sample 100%", "data get voc2012",
        "data get dota8", "data get widerface", "data get kitti --allow x", "data get kitti",
        env=HOME | MIRRORS,
    )  # fmt: skip
