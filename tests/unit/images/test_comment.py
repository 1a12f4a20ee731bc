"""Pictures that yolokit wrote are known again, and are pictures still."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from yolokit.images.comment import add_comment, has_comment

PICTURE = np.random.default_rng(0).integers(0, 255, (20, 30, 3), dtype=np.uint8)


@pytest.mark.parametrize("suffix", [".png", ".jpg"])
def test_a_comment_is_found_again_and_changes_no_pixel(suffix: str) -> None:
    _, encoded = cv2.imencode(suffix, PICTURE)
    plain = encoded.tobytes()
    commented = add_comment(plain, "made here")
    before, after = (
        cv2.imdecode(np.frombuffer(one, np.uint8), cv2.IMREAD_COLOR) for one in (plain, commented)
    )
    np.testing.assert_array_equal(before, after)
    assert has_comment(commented, "made here")
    assert not has_comment(commented, "made there")
    assert not has_comment(plain, "made here")


def test_png_readers_that_check_sums_accept_it() -> None:
    image = pytest.importorskip("PIL.Image")
    _, encoded = cv2.imencode(".png", PICTURE)
    import io

    with image.open(io.BytesIO(add_comment(encoded.tobytes(), "made here"))) as opened:
        opened.verify()
        assert opened.info["Software"] == "made here"


def test_other_content_is_refused() -> None:
    assert not has_comment(b"", "x")
    with pytest.raises(ValueError, match="neither PNG nor JPEG"):
        add_comment(b"GIF89a", "x")
