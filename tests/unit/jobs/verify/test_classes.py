"""Class lists that differ are told, and matched by name alone."""

from __future__ import annotations

import numpy as np
import pytest

from yolokit.jobs.verify.classes import compare_names, join_classes

ABC = ("a", "b", "c")


@pytest.mark.parametrize("has_data", [True, False])
def test_equal_lists_are_nothing_to_tell(has_data: bool) -> None:
    assert compare_names(ABC, ABC, has_data=has_data) == []


def test_what_is_lacking_is_a_fault_unless_labels_decide() -> None:
    (check,) = compare_names(ABC, ("a", "b"), has_data=False)
    assert (check.holds, check.text) == (False, "the second model does not know 'c'")
    (check,) = compare_names(ABC, ("a", "b"), has_data=True)
    assert check.holds is None


def test_what_is_known_beside_is_told() -> None:
    more = tuple("defghij")
    (check,) = compare_names(ABC, (*ABC, *more), has_data=False)
    assert check.holds is None
    assert check.text == "the second model also knows 'd', 'e', 'f', 'g', 'h' and 2 more classes"


def test_another_order_is_told_with_the_first_number_that_differs() -> None:
    (check,) = compare_names(ABC, ("a", "c", "b"), has_data=False)
    assert check.holds is None
    assert "number 1 is 'b' in the first model and 'c' in the second" in check.text
    told = [check.text for check in compare_names(ABC, ("c",), has_data=True)]
    assert len(told) == 1, "one class has no order"


def test_boxes_of_both_get_numbers_of_one_list() -> None:
    joined, second = join_classes(ABC, ("d", "c", "a"))
    assert joined == ("a", "b", "c", "d")
    np.testing.assert_array_equal(second.data_ids, [3, 2, 0])
