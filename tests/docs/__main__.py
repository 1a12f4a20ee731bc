"""``python -m tests.docs`` writes the pages that follow from the code anew."""

from __future__ import annotations

from tests.docs.generated import write_pages

if __name__ == "__main__":
    for path in write_pages():
        print(path)
