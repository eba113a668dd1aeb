"""A study by its description, as its dataset carries it."""

from collections.abc import Mapping
from typing import Any

from .axes import middles
from .loads import from_texts


def levels_of(described: Mapping[str, Any], axis: str) -> list[Any]:
    """The levels of an axis, or the one level of a setting that is none.

    Args:
        described: what `Spec.describe` said.
        axis: its name.
    """
    if axis == "n":
        return sorted({n for d in described["d"] for n in loads_at(described, d)})
    if axis == "age" and described.get("ages") is not None:
        return list(middles(described["ages"]))
    levels = {**described, **described["vary"]}.get(axis, [])
    if isinstance(levels, Mapping):
        return list(levels)
    return levels if isinstance(levels, list) else [levels]


def loads_at(described: Mapping[str, Any], d: int) -> tuple[int, ...]:
    """Numbers of pairs that a study has at a dimension."""
    sizes = described["n"]
    known = all(isinstance(size, str) for size in sizes)
    return from_texts(sizes).at(d) if known else tuple(sizes)


def level_of(described: Mapping[str, Any], axis: str, label: Any) -> Any:
    """The level that has a label in the dataset.

    Raises:
        ValueError: if there is none.
    """
    for level in levels_of(described, axis):
        if label in (level, str(level)):
            return level
    raise ValueError(f"There is no {label!r} along `{axis}`.")
