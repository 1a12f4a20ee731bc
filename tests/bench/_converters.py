"""Other converters, each as a script: what to read, where to write labels of YOLO to.

None of them looks at an image, except supervision, which decodes every one twice.
"""

from __future__ import annotations

from typing import NamedTuple


class Converter(NamedTuple):
    """A peer.

    Attributes:
        module: What it is imported as.
        script: Python; ``sys.argv`` has the source and the folder to make.
    """

    module: str
    script: str


_LABELFORMAT = """
import sys
from pathlib import Path
from labelformat.formats.{module} import {reader}
from labelformat.formats.yolov8 import YOLOv8ObjectDetectionOutput
source, out = Path(sys.argv[1]), Path(sys.argv[2])
out.mkdir()
labels = {reader}({arguments})
YOLOv8ObjectDetectionOutput(output_file=out / "data.yaml", output_split="train").save(labels)
"""

_GLOBOX = """
import os, sys
from globox import AnnotationSet
labels = AnnotationSet.{reader}
ids = {{name: index for index, name in enumerate(sorted(labels._labels()))}}
labels.save_yolo_v5(sys.argv[2], label_to_id=ids)
"""

_DATUMARO = """
import os, sys
from datumaro.components.dataset import Dataset
Dataset.import_from(sys.argv[1], "{format}").export(sys.argv[2], "yolo", save_media=False)
"""

_ULTRALYTICS = """
import os, sys
from ultralytics.data.converter import convert_coco
convert_coco(os.path.dirname(sys.argv[1]), sys.argv[2], cls91to80=False)
"""

_SUPERVISION = """
import sys
import supervision
source, out = sys.argv[1:]
folders = source + "/JPEGImages", source + "/Annotations"
labels = supervision.DetectionDataset.from_pascal_voc(*folders)
labels.as_yolo(annotations_directory_path=out)
"""

_NAMES = "','.join(f'class {index}' for index in range(1, 81))"

CONVERTERS: dict[str, tuple[Converter, ...]] = {
    "coco": (
        Converter("ultralytics", _ULTRALYTICS),
        Converter(
            "labelformat",
            _LABELFORMAT.format(
                module="coco", reader="COCOObjectDetectionInput", arguments="input_file=source"
            ),
        ),
        Converter("globox", _GLOBOX.format(reader="from_coco(sys.argv[1])")),
    ),
    "voc": (
        Converter(
            "labelformat",
            _LABELFORMAT.format(
                module="pascalvoc",
                reader="PascalVOCObjectDetectionInput",
                arguments=f"input_folder=source / 'Annotations', category_names={_NAMES}",
            ),
        ),
        Converter(
            "globox",
            _GLOBOX.format(reader="from_pascal_voc(os.path.join(sys.argv[1], 'Annotations'))"),
        ),
        Converter("datumaro", _DATUMARO.format(format="voc")),
        Converter("supervision", _SUPERVISION),
    ),
    "cvat": (
        Converter(
            "labelformat",
            _LABELFORMAT.format(
                module="cvat", reader="CVATObjectDetectionInput", arguments="input_file=source"
            ),
        ),
        Converter("globox", _GLOBOX.format(reader="from_cvat(sys.argv[1])")),
        Converter("datumaro", _DATUMARO.format(format="cvat")),
    ),
}
"""What reads an input: those that are known to."""
