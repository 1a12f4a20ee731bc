"""Classes by name: several joined into one, some kept or dropped, data sets merged."""

from __future__ import annotations

import unicodedata
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from yolokit.core.suggest import describe_unknown
from yolokit.errors import ConfigError, DataError
from yolokit.labels.model import Category, Dataset, LabelledImage

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.labels.ledger import Ledger


class ClassMap(msgspec.Struct, frozen=True):
    """What is to become of classes.

    Attributes:
        keep: The only new names that are kept; empty to keep all.
        drop: New names that are left out.
    """

    renames: dict[str, str] = {}
    keep: tuple[str, ...] = ()
    drop: tuple[str, ...] = ()

    @classmethod
    def parse(cls, maps: Sequence[str], keep: Sequence[str], drop: Sequence[str]) -> ClassMap:
        r"""Read ``car,Car,auto=car`` and lists such as ``car,bus``; ``\\\\,`` is a comma in a name.

        Raises:
            ValueError: A map has no ``=``, or a name is mapped to two.
        """
        renames: dict[str, str] = {}
        for text in maps:
            old, equals, new = compose(text).rpartition("=")
            if not equals or not new.strip() or not old.strip():
                raise ValueError(f"{text!r} is not OLD,OLD=NEW")
            for name in _split(old):
                if renames.setdefault(name, new.strip()) != new.strip():
                    raise ValueError(f"{name!r} is mapped to {renames[name]!r} and {new.strip()!r}")
        kept = tuple(name for text in keep for name in _split(text))
        dropped = tuple(name for text in drop for name in _split(text))
        return cls(renames, kept, dropped)

    @property
    def is_empty(self) -> bool:
        """Whether it changes nothing."""
        return not (self.renames or self.keep or self.drop)


def _split(text: str) -> list[str]:
    hidden = compose(text).replace("\\,", "\x00")
    names = [name.replace("\x00", ",").strip() for name in hidden.split(",")]
    return [name for name in names if name]


def compose(name: str) -> str:
    """Return a name in the Unicode form in which names are compared; macOS writes another."""
    return name if name.isascii() else unicodedata.normalize("NFC", name)


def compose_names(dataset: Dataset) -> Dataset:
    """Bring the names of classes into one Unicode form; two spellings of one are one class."""
    composed = [compose(name) for name in dataset.names]
    if composed == list(dataset.names):
        return dataset
    index = {name: at for at, name in enumerate(dict.fromkeys(composed))}
    ids = {compose(one.name): one.source_id for one in reversed(dataset.categories)}
    changed = [name for name, old in zip(composed, dataset.names, strict=True) if name != old]
    told = f"names of classes are brought to one Unicode form: {', '.join(changed)}"
    if len(index) < len(composed):
        told += "; names that were spelled in two forms are one class"

    def iter_images() -> Iterator[LabelledImage]:
        yield from _renumber(dataset, [index[name] for name in composed])

    return msgspec.structs.replace(
        dataset,
        categories=tuple(Category(at, name, ids[name]) for name, at in index.items()),
        iter_images=iter_images,
        evidence=(*dataset.evidence, told),
    )


def merge_datasets(
    datasets: Sequence[Dataset], shown: Sequence[str], *, splits_matter: bool, poses_matter: bool
) -> Dataset:
    """Concatenate data sets; classes of one name are one class.

    All must have splits or none where these matter, and the same keypoints where those do;
    ``shown`` is what each is called in messages.

    Raises:
        DataError: Some have splits and some have none, or their keypoints differ.
    """
    if len(datasets) == 1:
        return datasets[0]
    if poses_matter and len({dataset.pose for dataset in datasets}) > 1:
        raise DataError("the sources have different keypoints, and cannot become one set")
    with_splits = [name for name, one in zip(shown, datasets, strict=True) if one.has_splits]
    if splits_matter and with_splits and len(with_splits) < len(datasets):
        without = next(name for name in shown if name not in with_splits)
        raise DataError(
            f"{with_splits[0]} has splits and {without} has none",
            hint="--split 0.8,0.1,0.1 makes new ones for all",
        )
    names = list(dict.fromkeys(name for dataset in datasets for name in dataset.names))
    ids = {category.name: category.source_id for one in datasets for category in one.categories}
    index = {name: at for at, name in enumerate(names)}

    def iter_images() -> Iterator[LabelledImage]:
        for origin, dataset in enumerate(datasets):
            for labelled in _renumber(dataset, [index[name] for name in dataset.names]):
                image = msgspec.structs.replace(labelled.image, origin=origin)
                yield LabelledImage(image, labelled.annotations)

    counts = [dataset.image_count for dataset in datasets]
    return Dataset(
        tuple(Category(at, name, ids[name]) for name, at in index.items()),
        iter_images,
        has_splits=bool(with_splits),
        image_count=None if None in counts else sum(count or 0 for count in counts),
        pose=datasets[0].pose if poses_matter else None,
    )


def map_classes(dataset: Dataset, class_map: ClassMap, ledger: Ledger) -> Dataset:
    """Rename, join and leave out classes; annotations that are left out are entered as excluded.

    Raises:
        ConfigError: A name is not a class of the data set; all of them are listed.
    """
    if class_map.is_empty:
        return dataset
    problems = [
        describe_unknown("class", name, dataset.names)
        for name in class_map.renames
        if name not in dataset.names
    ]
    renamed = [class_map.renames.get(name, name) for name in dataset.names]
    chosen = (*class_map.keep, *class_map.drop)
    problems += [describe_unknown("class", name, renamed) for name in chosen if name not in renamed]
    if problems:
        raise ConfigError("mistakes in the classes that are named:", problems=problems)
    kept = [
        name
        for name in dict.fromkeys(renamed)
        if (not class_map.keep or name in class_map.keep) and name not in class_map.drop
    ]
    if not kept:
        raise ConfigError("no class would be left")
    targets = [kept.index(name) if name in kept else -1 for name in renamed]

    def iter_images() -> Iterator[LabelledImage]:
        for labelled in _renumber(dataset, targets):
            unwanted = np.flatnonzero(labelled.annotations.category_indices < 0).tolist()
            messages = dict.fromkeys(unwanted, "its class was not asked for")
            yield ledger.exclude(labelled, "class-left-out", messages)

    categories = tuple(Category(at, name) for at, name in enumerate(kept))
    return msgspec.structs.replace(dataset, categories=categories, iter_images=iter_images)


def _renumber(dataset: Dataset, targets: Sequence[int]) -> Iterator[LabelledImage]:
    table = np.array(targets, np.int64)
    for labelled in dataset.iter_images():
        old = labelled.annotations
        if len(old):
            new = msgspec.structs.replace(old, category_indices=table[old.category_indices])
            yield LabelledImage(labelled.image, new)
        else:
            yield labelled
