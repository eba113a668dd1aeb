"""Checks of which pairs a study asks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from .._base.checks import check_size
from .._base.errors import ArgumentError
from ..metrics._own import rows_of
from ..patterns import Samples


if TYPE_CHECKING:
    from .spec import Spec


# Numbers of pairs, and of dimensions, are in 32 bits, the last block of pairs included.
MOST_PAIRS = 2**31 - 2**12
# A remainder of a division by this number, twice, is in 32 bits.
MOST_ASKED = 2**30
# A product of two of them is in 31 bits.
MOST_AGES = 2**15


def check_asked(spec: "Spec", largest: int) -> None:
    """Raise unless it makes sense which pairs are asked.

    Args:
        spec: the study.
        largest: the largest number of pairs.
    """
    limits = {"asked": MOST_ASKED, "ages": MOST_AGES, "held_out": MOST_ASKED}
    for name, limit in limits.items():
        given = getattr(spec, name)
        if given is None:
            continue
        check_size("Spec", name, given)
        if given > limit:
            complaint = f"must be at most {limit}, got {given}"
            raise ArgumentError("Spec", name, complaint, "Pass a smaller number.")
    for name, row in rows_of(spec.metrics).items():
        part = -(-largest // (spec.ages or 1))
        if row.follows and spec.asked is not None and spec.asked < part:
            raise ArgumentError(
                "Spec",
                ("asked", "metrics"),
                f"cannot tell {name!r} of {largest} pairs from answers for "
                f"{spec.asked} of them",
                f"Leave out `asked`, or measure {row.follows!r}.",
            )
    if spec.held_out is not None:
        _check_held_out(spec, largest, spec.held_out)


def _check_held_out(spec: "Spec", largest: int, held_out: int) -> None:
    for name in ("asked", "ages"):
        if getattr(spec, name) is not None:
            raise ArgumentError(
                "Spec",
                (name, "held_out"),
                "cannot go together: what is held out is not stored",
                "Leave one of them out.",
            )
    if isinstance(spec.values, str) and spec.values == "marginalized":
        raise ArgumentError(
            "Spec",
            ("values", "held_out"),
            "cannot go together: an answer gives no weight to a value that is not "
            "stored",
            "Draw values, or pass those of `Samples`.",
        )
    if largest + held_out > MOST_PAIRS:
        complaint = f"must be at most {MOST_PAIRS} together, got {largest + held_out}"
        advice = "Ask for fewer."
        raise ArgumentError("Spec", ("n", "held_out"), complaint, advice)
    kinds = spec.ensemble
    ensembles = kinds.values() if isinstance(kinds, Mapping) else [kinds]
    for given in (*ensembles, spec.values):
        if isinstance(given, Samples) and largest + held_out > len(given.keys):
            raise ArgumentError(
                "Spec",
                ("n", "held_out"),
                f"needs {largest} pairs that are stored and {held_out} that are "
                f"not, and `Samples` holds {len(given.keys)}",
                "Ask for fewer, or pass more rows.",
            )
