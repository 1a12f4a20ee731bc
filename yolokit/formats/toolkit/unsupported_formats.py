"""The table of formats that are not read: their names, their marks, and how to convert them.

It is looked at only when no format was recognised, so that messages can name what a source is.
"""

from __future__ import annotations

from typing import NamedTuple


class Unsupported(NamedTuple):
    """A format that is not read.

    Attributes:
        name: What people call it.
        advice: How to get its labels into a format that is read, as a hint.
        files: A regular expression for the name of a file, with ``/``, case aside.
        marks: Regular expressions that are all found in the head of that file.
        anywhere: They are looked for in all of it, since long lists may come first.
    """

    name: str
    advice: str
    files: str
    marks: tuple[bytes, ...] = ()
    anywhere: bool = False


_TO_COCO = "export it as COCO from {} instead"
_NO_BOXES = "it holds no boxes; give the labels of the objects in it, for instance as COCO"
_BY_SCRIPT = (
    "write it as COCO, or as CSV with filename,xmin,ymin,xmax,ymax,class, by a small script"
)
_MASKS = (
    "trace each region of a class and write it as COCO, for instance with "
    "`supervision` or `datumaro`; yolokit reads masks in COCO, labelme and Supervisely"
)
_JSON, _LINES, _XML = r"\.json$", r"\.(json|jsonl|ndjson|odgt|manifest)$", r"\.xml$"

TABLE: tuple[Unsupported, ...] = (
    Unsupported(
        "text in UTF-16",
        "save it again as UTF-8",
        r"\.(jsonl?|ndjson|csv|tsv|txt)$",
        (rb"\A(\xff\xfe|\xfe\xff)",),
    ),
    # Tools
    Unsupported(
        "VIA 3 (VGG Image Annotator 3)",
        "export it as COCO from VIA 3, or annotate with VIA 2",
        _JSON,
        (rb'"vid"\s*:', rb'"xy"\s*:\s*\[', rb'"metadata"\s*:\s*\{'),
    ),
    Unsupported(
        "LabelMe XML of MIT (also CVAT's `LabelMe 3.0`), whose objects have a <polygon>",
        "export it as COCO or as `CVAT for images`; labelme's JSON files are read too",
        _XML,
        (rb"<annotation[\s>]", rb"<polygon>", rb"<pt>"),
    ),
    Unsupported(
        "a backup of CVAT",
        "in CVAT choose `Export task dataset` as `CVAT for images 1.1` instead of `Backup task`",
        _JSON,
        (rb'"tags"\s*:\s*\[', rb'"shapes"\s*:\s*\[', rb'"tracks"\s*:\s*\[', rb'"version"\s*:'),
    ),
    Unsupported(
        "Labelbox NDJSON",
        _BY_SCRIPT,
        _LINES,
        (rb'"data_row"\s*:\s*\{', rb'"projects"\s*:\s*\{|"media_attributes"'),
    ),
    Unsupported(
        "Labelbox JSON (before 2023)",
        f"export it again and {_BY_SCRIPT}",
        _JSON,
        (rb'"(DataRow ID|Labeled Data)"\s*:', rb'"Label"\s*:'),
    ),
    Unsupported(
        "V7 Darwin JSON",
        _TO_COCO.format("V7, or convert it with darwin-py"),
        _JSON,
        (rb'darwin_json|"workview_url"|"darwin"', rb'"annotations"\s*:\s*\['),
    ),
    Unsupported(
        "NDJSON of ultralytics",
        "make a YOLO set of it with `ultralytics.data.converter.convert_ndjson_to_yolo`",
        _LINES,
        (rb'"type"\s*:\s*"dataset"', rb'"(task|class_names)"\s*:'),
    ),
    Unsupported(
        "Scale AI JSON",
        _BY_SCRIPT,
        _LINES,
        (rb'"task_id"\s*:', rb'"response"\s*:\s*\{', rb'"annotations"\s*:'),
    ),
    Unsupported(
        "Roboflow JSONL for PaliGemma or Florence-2",
        _TO_COCO.format("Roboflow"),
        _LINES,
        (rb'"(prefix|suffix)"\s*:', rb"<loc_?[0-9]+>"),
    ),
    Unsupported(
        "Hasty JSON",
        _TO_COCO.format("Hasty"),
        _JSON,
        (rb'"export_format_version"', rb'"label_classes"'),
    ),
    Unsupported(
        "Dataloop JSON",
        _TO_COCO.format("Dataloop (its converters)"),
        _JSON,
        (rb'"coordinates"\s*:\s*[\[{]', rb'"(datasetId|itemMetadata|annotationsCount|datasetID)"'),
    ),
    Unsupported(
        "Diffgram JSON",
        _TO_COCO.format("Diffgram"),
        _JSON,
        (rb'"(annotation_list|instance_list)"\s*:\s*\[', rb'"(label_map|label_file_id|readme)"'),
    ),
    Unsupported(
        "Encord JSON",
        _TO_COCO.format("Encord"),
        _JSON,
        (rb'"(data_units|label_hash|data_hash)"\s*:', rb'"(objectHash|object_answers|objects)"'),
    ),
    Unsupported(
        "RectLabel JSON",
        _TO_COCO.format("RectLabel"),
        _JSON,
        (rb'"(x_y_w_h|cx_cy_w_h_angle)"\s*:',),
    ),
    Unsupported(
        "SuperAnnotate JSON",
        _TO_COCO.format("SuperAnnotate"),
        _JSON,
        (rb'"instances"\s*:\s*\[', rb'"className"\s*:'),
    ),
    Unsupported("Kili JSON", _TO_COCO.format("Kili"), _JSON, (rb'"jsonResponse"\s*:',)),
    Unsupported(
        "Segments.ai JSON",
        _TO_COCO.format("Segments.ai"),
        _JSON,
        (rb'"(segmentation_bitmap|task_attributes)"\s*:', rb'"(samples|dataset)"\s*:'),
    ),
    Unsupported(
        "CSV of Label Studio",
        "export it from Label Studio as JSON instead",
        r"\.(csv|tsv)$",
        (rb"(rectangle|polygon|brush|keypoint|ellipse)labels",),
    ),
    Unsupported(
        "JSON of Azure Custom Vision", _BY_SCRIPT, _JSON, (rb'"regions?"\s*:', rb'"tagName"\s*:')
    ),
    Unsupported(
        "VoTT JSON",
        "export it from VoTT as Pascal VOC or CSV",
        r"\.(json|vott)$",
        (rb'"(asset|assets)"\s*:\s*\{', rb'"(regions|tags|securityToken)"\s*:'),
    ),
    Unsupported(
        "Prodigy JSONL",
        _BY_SCRIPT,
        _LINES,
        (rb'"_(task|input)_hash"\s*:', rb'"spans"\s*:\s*\['),
    ),
    Unsupported(
        "Lightly predictions",
        "join its files into one COCO file: they have COCO's boxes",
        _JSON,
        (rb'"file_name"\s*:', rb'"predictions"\s*:\s*\['),
    ),
    Unsupported(
        "Azure ML JSONL",
        _TO_COCO.format("the labelling project"),
        _LINES,
        (rb'"image_url"\s*:', rb'"topX"\s*:'),
    ),
    Unsupported(
        "Vertex AI (Google AutoML) JSONL",
        _BY_SCRIPT,
        _LINES,
        (rb'"imageGcsUri"\s*:',),
    ),
    Unsupported(
        "Google AutoML CSV",
        _BY_SCRIPT,
        r"\.csv$",
        (rb"(?m)^(TRAIN|TEST|VALIDATION?|UNASSIGNED)?,?gs://[^,\n]*,",),
    ),
    Unsupported(
        "PPOCRLabel", _BY_SCRIPT, r"\.txt$", (rb'\t\[\{"transcription"\s*:', rb'"points"\s*:')
    ),
    Unsupported(
        "SageMaker semantic segmentation (its masks are PNG files)",
        _MASKS,
        _LINES,
        (rb'"internal-color-map"|groundtruth/semantic-segmentation',),
    ),
    Unsupported(
        "SageMaker image classification",
        _NO_BOXES,
        _LINES,
        (rb"groundtruth/(image|text)-classification",),
    ),
    Unsupported(
        "an ImageFolder of Hugging Face (metadata.jsonl)",
        _BY_SCRIPT,
        r"(^|/)metadata\.jsonl$",
        (rb'"file_name"\s*:', rb'"objects"\s*:\s*\{'),
    ),
    Unsupported(
        "COCO results, which are predictions of a detector",
        "take the file of annotations that they are compared with",
        _JSON,
        (rb"^\s*\[\s*\{", rb'"(bbox|segmentation)"\s*:', rb'"score"\s*:', rb'"category_id"\s*:'),
    ),
    Unsupported(
        "annotations of MMDetection's own kind",
        _BY_SCRIPT,
        _JSON,
        (rb'"(ann|instances)"\s*:\s*[\[{]', rb'"(bboxes|bbox_label)"\s*:'),
    ),
    # Data sets
    Unsupported(
        "COCO panoptic",
        "take `instances_*.json` of the same images",
        _JSON,
        (rb'"segments_info"',),
        anywhere=True,
    ),
    Unsupported(
        "COCO captions",
        "take `instances_*.json` of the same images",
        _JSON,
        (rb'"annotations"\s*:\s*\[', rb'"caption"\s*:'),
        anywhere=True,
    ),
    Unsupported(
        "Cityscapes polygons",
        "make COCO of it, for instance with `cityscapesscripts` or `datumaro`",
        _JSON,
        (rb'"imgHeight"\s*:', rb'"polygon"\s*:\s*\['),
    ),
    Unsupported(
        "Mapillary (Vistas or Traffic Sign)",
        _BY_SCRIPT,
        _JSON,
        (rb'"objects"\s*:\s*\[', rb'"key"\s*:', rb'"(polygon|bbox)"\s*:', rb'"(ispano|width)"\s*:'),
    ),
    Unsupported(
        "ADE20K",
        _MASKS,
        r"_(seg|parts_1)\.png$|_atr\.txt$|ADE_(train|val)_[0-9]+\.(json|png)$",
    ),
    Unsupported(
        "nuImages or nuScenes",
        "make COCO of it, for instance with `nuimage_converter.py` of mmdetection3d",
        _JSON,
        (rb'"(sample_data_token|sample_token)"\s*:',),
    ),
    Unsupported(
        "Waymo Open Dataset",
        "it holds frames of its own kind: make COCO of it with a converter of Waymo's",
        r"_with_camera_labels\.tfrecord$|(^|/)camera_box/.*\.parquet$",
    ),
    Unsupported(
        "CrowdHuman", _BY_SCRIPT, r"\.odgt$|\.jsonl?$", (rb'"gtboxes"\s*:\s*\[', rb'"[fhv]box"\s*:')
    ),
    Unsupported(
        "TT100K", _BY_SCRIPT, _JSON, (rb'"imgs"\s*:\s*\{', rb'"types"\s*:\s*\[|"objects"\s*:\s*\[')
    ),
    Unsupported(
        "TextOCR", _BY_SCRIPT, _JSON, (rb'"imgs"\s*:\s*\{', rb'"(anns|imgToAnns)"\s*:\s*\{')
    ),
    Unsupported(
        "MOT Challenge (or MOTS)",
        "make YOLO or COCO of it, for instance with `datumaro` or `fiftyone`; CVAT imports it",
        r"(^|/)(gt|det)\.txt$|(^|/)seqinfo\.ini$",
        (rb"(?m)^ ?[0-9]+[, ] ?-?[0-9]+[, ] ?-?[0-9.]+[, ]|\[Sequence\]",),
    ),
    Unsupported(
        "KITTI tracking",
        "take KITTI's object detection set, or write a file of 15 columns for each frame",
        r"\.txt$",
        (rb"(?m)^[0-9]+ -?[0-9]+ [A-Za-z]\w*( -?[0-9.]+){14,15} ?\r?$",),
    ),
    Unsupported(
        "ICDAR text localisation",
        "convert it to DOTA: eight numbers and a class name with spaces between them",
        r"(^|/)(gt_)?[^/]*\.txt$",
        (rb"(?m)^(\xef\xbb\xbf)?-?[0-9]+(, ?-?[0-9]+){7}, ?[^,\n]+",),
    ),
    Unsupported(
        "rows of a class name and four numbers (OIDv4 ToolKit, Cartucho's mAP)",
        _BY_SCRIPT,
        r"\.txt$",
        (rb"\A[A-Za-z][^\n]*?( [0-9]+(\.[0-9]+)?){4}\s*?(\n|\Z)",),
    ),
    Unsupported(
        "run lengths of masks (Kaggle)",
        "decode each mask, trace it and write it as COCO",
        r"\.csv$",
        (rb"(?i)\A[^\n]*\bEncodedPixels\b",),
    ),
    Unsupported(
        "YOLO labels without the names of their classes",
        "put a classes.txt beside them, one name a line in the order of the classes; if there is "
        "one, or a data.yaml, give the folder that has it",
        r"\.txt$",
        (rb"\A(\xef\xbb\xbf)?\s*[0-9]{1,4}([ \t]+(0?\.[0-9]+|[01](\.0*)?)){4,}\s*?(\n|\Z)",),
    ),
    Unsupported(
        "GeoJSON",
        "its coordinates are of the Earth: bring them into pixels of each image, as COCO",
        r"\.(geo)?json$",
        (rb'"type"\s*:\s*"FeatureCollection"',),
    ),
    # Containers
    Unsupported("an SFrame of Turi Create", "save it as Create ML JSON", r"dir_archive\.ini$"),
    Unsupported(
        "a MATLAB file",
        f"read it with scipy.io.loadmat, and {_BY_SCRIPT}",
        r"\.mat$",
    ),
    Unsupported(
        "Parquet or Arrow, as data sets of Hugging Face",
        f"load it with `datasets`, and {_BY_SCRIPT}",
        r"\.(parquet|arrow|feather)$",
    ),
    Unsupported("HDF5", f"read it with h5py, and {_BY_SCRIPT}", r"\.(h5|hdf5)$"),
    Unsupported("an LMDB", f"read it with lmdb, and {_BY_SCRIPT}", r"(^|/)data\.mdb$"),
    Unsupported("a spreadsheet", "save it as CSV", r"\.(xlsx?|ods)$"),
    Unsupported("a pickle, which could run code", _BY_SCRIPT, r"\.(pkl|pickle)$"),
    Unsupported(
        "a packed file",
        "unpack it first, or give the archive itself as the source",
        r"\.(zip|tar|tgz|t?bz2|t?xz|gz|rar|7z)$",
    ),
    # Images alone
    Unsupported("masks of Pascal VOC", _MASKS, r"(^|/)Segmentation(Class|Object)[^/]*/.*\.png$"),
    Unsupported(
        "images with masks of classes",
        _MASKS,
        r"(^|/)([a-z]*_?(masks?|segmentations?|labelids|seg|annotations?))/.*\.(png|bmp|tiff?)$",
    ),
)

CLASSES_BY_FOLDER = Unsupported("images sorted into folders by their class", _NO_BOXES, "")
