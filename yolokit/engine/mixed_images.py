"""Which files a training picture was put together from; upstream names the first one alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence


class MixedImage(str):  # noqa: SLOT000 - pickled with what it knows, by its arguments
    """The file of the first image of a picture, which knows the others.

    A text, since upstream's batches have a text there.

    Attributes:
        files: All of them, the first one first.
    """

    files: tuple[str, ...]

    def __new__(cls, files: Sequence[str]) -> Self:
        """Make it of all files."""
        made = super().__new__(cls, files[0])
        made.files = tuple(files)
        return made

    def __getnewargs__(self) -> tuple[tuple[str, ...]]:  # type: ignore[override]
        """Return what makes it anew, in the process that trains."""
        return (self.files,)


def list_images(batch: Iterable[str]) -> list[str]:
    """Return all files that the pictures of a batch were made of, each once, in order."""
    return list(dict.fromkeys(file for picture in batch for file in _list_files(picture)))


def _list_files(picture: str) -> Sequence[str]:
    return picture.files if isinstance(picture, MixedImage) else (picture,)


def remember_images(choose: Callable[..., dict[str, Any]]) -> Callable[..., dict[str, Any]]:
    """Return upstream's choice of what is mixed with an image, with their files remembered."""

    def choose_and_remember(mixing: Any, labels: dict[str, Any]) -> dict[str, Any]:
        chosen = choose(mixing, labels)
        mixed = [labels["im_file"], *(other["im_file"] for other in chosen["mix_labels"])]
        labels["im_file"] = MixedImage(list_images(mixed))
        return chosen

    return choose_and_remember
