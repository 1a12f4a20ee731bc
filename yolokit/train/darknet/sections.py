"""The sections of a Darknet ``.cfg``, and which of their keys are known.

A key is honoured, or it is harmless: it steers training or memory, never what a trained network
computes or how its weights lie in the file. Everything else is refused, unless it has the value
that its absence means.

Source: AlexeyAB/darknet, ``src/parser.c`` (``read_cfg``, ``parse_*``), ``src/option_list.c`` (of
a key that appears twice the first counts).
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from yolokit.core.suggest import nearest
from yolokit.errors import DataError

if TYPE_CHECKING:
    from pathlib import Path

HINT = (
    "what is translated computes the same here: padded convolutions with batch norm (leaky, mish), "
    "pools, residual blocks of 1x1 and 3x3, routes, upsampling"
)
_MAX_SIZE = 65536
_ALIASES = {"network": "net", "conv": "convolutional", "max": "maxpool"}


@dataclass(frozen=True, slots=True)
class Section:
    """One ``[section]`` of a cfg: its kind, its options and the line where it begins."""

    kind: str
    options: dict[str, str]
    line: int
    lines: dict[str, int] = field(default_factory=dict)

    def number(self, key: str, default: int) -> int:
        """Return an option as a whole number.

        Raises:
            ValueError: It is none.
        """
        return int(self.options.get(key, default))

    def size(self, key: str, default: int = 1) -> int:
        """Return an option as a number of channels or px.

        Raises:
            ValueError: It is none, or out of all bounds.
        """
        value = self.number(key, default)
        if not 1 <= value <= _MAX_SIZE:
            raise ValueError(f"{key}={value}: must be from 1 to {_MAX_SIZE}")
        return value

    def stride(self) -> int:
        """Return the stride of both axes; ``stride_x`` and ``stride_y`` go before ``stride``.

        Raises:
            ValueError: The axes have different ones.
        """
        along_x, along_y = (
            self.size(key) if self.number(key, -1) >= 1 else self.size("stride")
            for key in ("stride_x", "stride_y")
        )
        if along_x != along_y:
            raise ValueError(f"stride_x={along_x} and stride_y={along_y}: must be the same")
        return along_x


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys of one kind of section.

    Attributes:
        honoured: The translation reads them.
        harmless: They do not change what a trained network computes.
        neutral: Those that do, with the value that changes nothing, or None if each one does.
    """

    honoured: frozenset[str]
    harmless: frozenset[str] = frozenset()
    neutral: dict[str, str | None] = field(default_factory=dict)


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Every layer may have these; the last two leave out what the file holds.
_COMMON = _words(
    "burnin_update clip dont_update learning_rate onlyforward stopbackward train_only_bn"
)
_COMMON_NEUTRAL: dict[str, str | None] = {"dontload": "0", "dontloadscales": "0"}
_KEYS = {
    "net": _Keys(
        _words("channels"),
        _words(
            "adam adversarial_lr angle aspect attention augment_speed b1 b2 "
            "badlabels_rejection_percentage batch blur burn_in contrastive contrastive_color "
            "contrastive_jit_flip cutmix decay dynamic_minibatch ema_alpha eps equidistant_point "
            "exposure flip gamma gaussian_noise height hue inputs label_smooth_eps learning_rate "
            "learning_rate_min letter_box loss_scale max_batches max_chart_loss max_crop "
            "max_epochs min_crop mixup momentum mosaic mosaic_bound num_sigmas_reject_badlabels "
            "optimized_memory policy power resize_step saturation scale scales seen seq_scales "
            "sequential_subdivisions sgdr_cycle sgdr_mult show_receptive_field step steps "
            "subdivisions time_steps track try_fix_nan unsupervised use_cuda_graph "
            "weights_reject_freq width workspace_size_limit_mb"
        ),
    ),
    "convolutional": _Keys(
        _words(
            "activation batch_normalize cbn filters groups pad padding size "
            "stride stride_x stride_y"
        ),
        _words("angle assisted_excitation dot grad_centr reverse stream wait_stream"),
        {
            "antialiasing": "0",
            "bin_output": "0",
            "binary": "0",
            "coordconv": "0",
            "dilation": "1",
            "flipped": "0",
            "rotate": "0",
            "share_index": None,
            "stretch": "0",
            "stretch_sway": "0",
            "sway": "0",
            "xnor": "0",
        },
    ),
    "shortcut": _Keys(
        _words("activation from"), _words("weights_normalization"), {"weights_type": "none"}
    ),
    "maxpool": _Keys(
        _words("padding size stride stride_x stride_y"),
        _words("out_channels"),  # of a pool along channels, which maxpool_depth makes
        {"antialiasing": "0", "maxpool_depth": "0", "maxpool_zero_nonmax": "0"},
    ),
    "upsample": _Keys(_words("stride"), neutral={"scale": "1"}),
    # Without groups, group_id has no effect.
    "route": _Keys(_words("layers"), _words("group_id stream wait_stream"), {"groups": "1"}),
}


def parse_cfg(text: str, path: Path) -> list[Section]:
    """Split a cfg into sections.

    Raises:
        DataError: A line is neither a section, nor ``key=value``, nor a comment.
    """
    sections: list[Section] = []
    for number, raw in enumerate(text.splitlines(), 1):
        line = re.split(r"[#;]", raw, maxsplit=1)[0].strip()
        if not line:
            continue
        if line.startswith("[") and line.endswith("]"):
            kind = line[1:-1].strip().lower()
            sections.append(Section(_ALIASES.get(kind, kind), {}, number))
            continue
        key, equals, value = line.partition("=")
        if not equals or not sections:
            raise DataError(
                f"{line!r} is neither a [section] nor key=value",
                path=path,
                line=number,
                hint="a cfg begins with [net]; each line below a [section] is key=value",
            )
        sections[-1].options.setdefault(key.strip().lower(), value.strip())
        sections[-1].lines.setdefault(key.strip().lower(), number)
    return sections


def check_keys(section: Section, path: Path) -> None:
    """Refuse keys that change what a layer computes in a way that has no counterpart.

    All of ``[yolo]`` says how to read anchors, which are replaced: none of it matters.

    Raises:
        DataError: There is such a key, or an unknown one; with its line.
    """
    keys = _KEYS.get(section.kind)
    if keys is None:
        return
    common = section.kind != "net"
    known = keys.honoured | keys.harmless | (_COMMON if common else frozenset())
    neutral = keys.neutral | (_COMMON_NEUTRAL if common else {})
    for key, value in section.options.items():
        if key in known:
            continue
        if key not in neutral:
            near = nearest(key, [*known, *neutral])
            raise DataError(
                f"{key}: not a known key of [{section.kind}]",
                path=path,
                line=section.lines[key],
                hint=f"did you mean {near!r}?" if near else "remove it if it has no effect",
            )
        allowed = neutral[key]
        if not _is_neutral(section, key, allowed):
            only = f"only {key}={allowed} is, which its absence means as well; " if allowed else ""
            raise DataError(
                f"{key}={value} of [{section.kind}] has no counterpart here",
                path=path,
                line=section.lines[key],
                hint=only + HINT,
            )


def _is_neutral(section: Section, key: str, allowed: str | None) -> bool:
    if key == "dilation" and section.options.get("size", "1") == "1":
        return True  # Darknet: there is nothing to spread
    value = section.options[key]
    try:
        return allowed is not None and float(value) == float(allowed)
    except ValueError:
        return value == allowed
