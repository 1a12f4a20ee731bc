"""What ``yolokit runs lineage`` prints: the chain link by link, and where it is broken."""

from __future__ import annotations

from typing import TYPE_CHECKING

from yolokit.cli.runs_show import describe_conditions
from yolokit.core.plural import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from yolokit.jobs.runs.links import Link


def describe_lineage(links: Sequence[Link]) -> str:
    """Return the chain in lines, the model first."""
    lines = [line for link in links for line in (*_describe_link(link), "")]
    return "\n".join([*lines, _judge(links)])


def _describe_link(link: Link) -> Iterator[str]:
    yield f"{link.kind}  {link.path or '(not here)'}"
    facts = [("sha256", link.sha256 or ""), *link.facts.items()]
    if link.record is not None:
        facts += [("started", link.record.started), *describe_conditions(link.record)]
    facts = [(name, value) for name, value in facts if value]
    width = max((len(name) for name, _ in facts), default=0)
    for name, value in facts:
        yield f"  {name:<{width}}  {value}"
    for gap in link.gaps:
        yield f"  BROKEN: {gap}"
    for fault in link.faults:
        yield f"  DOES NOT MATCH: {fault}"


def _judge(links: Sequence[Link]) -> str:
    faults = sum(len(link.faults) for link in links)
    gaps = sum(len(link.gaps) for link in links)
    if not faults and not gaps:
        return f"the chain is whole: {counted(len(links), 'link')}, and every hash matches"
    parts = []
    if faults:
        parts.append(f"{counted(faults, 'hash', 'hashes')} not as stated")
    if gaps:
        parts.append(f"broken at {counted(gaps, 'place')}")
    return f"the chain is not whole: {', '.join(parts)}"
