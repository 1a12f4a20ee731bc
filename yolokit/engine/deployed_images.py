"""Images of a validation as the exported file gets them: in a square, by the runtime's letterbox.

Upstream validates in rectangles, never enlarges an image in its letterbox, and rounds the resized
sides up: its figures are of a shape that nobody runs.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import cv2

from yolokit.core.types import Letterbox
from yolokit.engine import ultralytics_patches  # noqa: F401 - edits upstream

from ultralytics.data.dataset import YOLODataset  # isort: skip - after our edits
from ultralytics.data.utils import get_split_fraction  # isort: skip
from ultralytics.utils.patches import imread  # isort: skip

if TYPE_CHECKING:
    from yolokit.core.types import U8


class DeployedImages(YOLODataset):  # type: ignore[misc]
    """Upstream's data set of a validation, whose images are resized as the runtime does it.

    Its own ``LetterBox`` then only adds the border, which is that of the runtime.
    """

    def load_image(
        self,
        i: int,
        rect_mode: bool = True,  # noqa: ARG002 - upstream's signature
        resize_short: bool = False,  # noqa: ARG002
    ) -> tuple[U8, tuple[int, int], tuple[int, int]]:
        """Return an image, and its (height, width) in px before and after it was resized."""
        if self.ims[i] is not None:
            return self.ims[i], self.im_hw0[i], self.im_hw[i]
        image = imread(self.im_files[i], flags=self.cv2_flag)
        if image is None:  # as upstream puts it
            raise FileNotFoundError(f"Image Not Found {self.im_files[i]}")
        height_px, width_px = image.shape[:2]
        fitted = Letterbox.fit((width_px, height_px), (self.imgsz, self.imgsz))
        if fitted.resized_wh != fitted.image_wh:
            image = cv2.resize(image, fitted.resized_wh, interpolation=cv2.INTER_LINEAR)
        return image, (height_px, width_px), image.shape[:2]


def build_deployed_images(trainer: Any, list_file: str, batch: int | None) -> DeployedImages:
    """Build the validation images of a trainer; otherwise as upstream's ``build_yolo_dataset``."""
    args = trainer.args
    return DeployedImages(
        img_path=list_file,
        imgsz=args.imgsz,
        batch_size=batch,
        augment=False,
        hyp=args,
        rect=False,
        cache=args.cache or None,
        single_cls=args.single_cls or False,
        prefix="val: ",
        task=args.task,
        classes=args.classes,
        data=trainer.data,
        fraction=get_split_fraction(args.fraction, args.split),
    )
