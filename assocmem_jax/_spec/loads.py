"""Numbers of pairs that grow with the dimension."""

import dataclasses
import itertools
import math
from collections.abc import Sequence

import numpy as np

from .._base.errors import ArgumentError, ArgumentTypeError
from .._base.text import number_text


@dataclasses.dataclass(frozen=True, repr=False)
class Loads:
    """Loads n / d: each dimension has its own numbers of pairs. `loads` makes one.

    Attributes:
        ratios: the loads, ascending.
    """

    ratios: tuple[float, ...]

    def __repr__(self) -> str:
        return f"loads({', '.join(map(number_text, self.ratios))})"

    def at(self, d: int) -> tuple[int, ...]:
        """Numbers of pairs at a dimension, ascending: rounded, at least 1."""
        return tuple(sorted({max(1, math.floor(x * d + 0.5)) for x in self.ratios}))

    def joined(self, other: "Loads") -> "Loads":
        """The loads of both."""
        return Loads(tuple(sorted({*self.ratios, *other.ratios})))

    def texts(self) -> list[str]:
        """The loads as a study keeps them and a command line takes them, as `0.5d`."""
        return [f"{number_text(x)}d" for x in self.ratios]


def from_texts(texts: Sequence[str]) -> Loads:
    """The loads that `Loads.texts` wrote.

    Raises:
        ValueError: if a text is not like `0.5d`, or they make no loads.
    """
    try:
        if not all(text.endswith("d") for text in texts):
            raise ValueError
        ratios = [float(text.removesuffix("d")) for text in texts]
    except ValueError as error:
        said = " ".join(texts)
        raise ValueError(f"`{said}` must be loads like `0.5d 1d 2d`.") from error
    return loads(*ratios)


def loads(*ratios: float | int | np.number) -> Loads:
    """Numbers of pairs as multiples of the dimension, for `n` of a study.

    At each dimension n is the nearest whole number, at least 1. The dataset has an axis
    `n` of all numbers of pairs; the cells of those that are no multiple of their
    dimension are not computed, and NaN.

    Args:
        ratios: the loads n / d, ascending.

    Raises:
        TypeError: if a load is no real number.
        ValueError: if there is none, or they are not positive and ascending.

    Example:
        >>> import assocmem_jax as am
        >>> ds = am.sweep({"dot": am.DotProduct()}, d=[8, 16], n=am.loads(0.5, 1, 2))
        >>> ds["n"].values.tolist()
        [4, 8, 16, 32]
        >>> ds["cosine"].notnull().sum("n").values.ravel().tolist()
        [3, 3]
    """
    for ratio in ratios:
        try:
            number = float(ratio)
        except (TypeError, ValueError, OverflowError):
            number = math.nan
        wrong = ArgumentError
        if isinstance(ratio, str | bool) or np.ndim(ratio):
            wrong, number = ArgumentTypeError, math.nan
        if not 0 < number < 2**31:
            raise wrong(
                "loads",
                (),
                f"must hold positive numbers below 2**31, got {ratio!r}",
                "Pass loads n / d such as `loads(0.5, 1, 2)`.",
            )
    numbers = tuple(map(float, ratios))
    ascend = all(a < b for a, b in itertools.pairwise(numbers))
    if not numbers or not ascend:
        raise ArgumentError(
            "loads",
            (),
            f"must hold ascending numbers, got {list(numbers)}",
            "Pass loads n / d such as `loads(0.5, 1, 2)`.",
        )
    return Loads(numbers)
