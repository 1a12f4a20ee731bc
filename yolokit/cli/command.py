"""How every command shows its usage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from typer.core import TyperCommand

if TYPE_CHECKING:
    from typer._click import Context


class Command(TyperCommand):
    """A command whose usage names what it needs as the help does: ``MODEL``, not ``{MODEL}``."""

    def collect_usage_pieces(self, ctx: Context) -> list[str]:
        """Return the parts of the usage line."""
        return [piece.strip("{}") for piece in super().collect_usage_pieces(ctx)]
