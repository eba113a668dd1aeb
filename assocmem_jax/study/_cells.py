"""The numbers of a study, cell by cell: those that are there, and those that lack."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from .._spec.axes import AXES
from .._spec.described import levels_of, loads_at
from ..metrics._own import scored
from ..metrics._table import METRICS
from ._extent import Extent
from ._settings import (
    Settings,
    axes_of,
    facts_of,
    levels_of_questions,
    same_level,
)


class Disagreement(ValueError):
    """Two numbers for one cell."""


class Cells:
    """The cells of a study, to be filled from chunks of it and of other studies.

    Attributes:
        settings: of the study, as a store holds them.
        axes: entries of the axes before those of corruption, by name.
        levels: levels of each corruption, a single one where it is no axis; and ages.
        loads: numbers of pairs.
        scores: names of what is scored.
        numbers: by kind, mean or std, and by score, an array over all axes.
        there: whether a cell is filled, over the same axes.
    """

    def __init__(self, settings: Settings):
        """No cell is filled."""
        self.settings = settings
        self.axes: dict[str, Any] = {
            "rule": list(settings["rules"]),
            "d": settings["d"],
            **axes_of(settings),
            "trial": range(settings["trials"]),
        }
        self.levels = levels_of_questions(settings)
        self.loads = levels_of(settings, "n")
        # Of a metric of the caller's own nothing is known here but its name.
        self.scores = scored({x: METRICS.get(x) for x in settings["metrics"]})
        every = (*self.axes.values(), *self.levels.values(), self.loads)
        shape = tuple(map(len, every))
        self.there = np.zeros(shape, bool)
        self.numbers = {
            kind: {score: np.full(shape, np.nan, np.float32) for score in self.scores}
            for kind in ("mean", "std")
        }
        points = axes_of(settings)
        self._varied = {name: _places(x) for name, x in points.items()}
        self._level_at = {name: _places(x) for name, x in self.levels.items()}
        self._load_at = {n: i for i, n in enumerate(self.loads)}

    def loads_at(self, d: int) -> tuple[int, ...]:
        """The numbers of pairs that the study has at a dimension."""
        return loads_at(self.settings, d)

    def missing(
        self, rule: str, point: Mapping[str, float | int | str | None], d: int
    ) -> Bool[np.ndarray, "trials levels loads"]:
        """Which cells lack, of one rule of this study, at one dimension."""
        place = self._place(rule, point, d)
        assert place is not None
        there = self.there[_once(place)]
        levels = math.prod(map(len, self.levels.values()))
        lacks = ~there.reshape(len(there), levels, len(self.loads))
        return lacks & np.isin(self.loads, self.loads_at(d))

    def lacking(self, extent: Extent) -> tuple[int, int]:
        """How many cells of an extent lack, and how many it has of this study."""
        there = [
            self.there[_once(place)][..., loads]
            for place, loads, _ in self._parts(extent)
        ]
        size = sum(x.size for x in there)
        return size - sum(int(np.count_nonzero(x)) for x in there), size

    def by_load(self, rule: str, d: int) -> tuple[list[int], int]:
        """How many cells of a rule and dimension are filled at each load, and of all.

        Cells that are the same for all values of a hyperparameter count once.
        """
        has = {*AXES, *facts_of(self.settings, rule)["hyperparameters"]}
        varied = [slice(None) if name in has else 0 for name in self._varied]
        places = self.axes["rule"].index(rule), self.axes["d"].index(d)
        there = self.there[(*places, *varied)]
        filled = there.reshape(-1, len(self.loads)).sum(0)
        return filled.tolist(), there.size // len(self.loads)

    def counts(self) -> tuple[int, int]:
        """How many cells are filled, and how many there are."""
        done = size = 0
        for rule in self.axes["rule"]:
            for d in self.axes["d"]:
                filled, each = self.by_load(rule, d)
                done += sum(filled)
                size += each * len(self.loads_at(d))
        return done, size

    def put(
        self,
        extent: Extent,
        mean: Float[np.ndarray, "trials levels loads scores"],
        std: Float[np.ndarray, "trials levels loads scores"],
        *,
        check: bool = False,
    ) -> None:
        """Fill those cells of an extent that are of this study.

        Args:
            extent: the cells that there are numbers of.
            mean: of the scores of this study.
            std: of these.
            check: compare with the cells that are filled.

        Raises:
            Disagreement: if a cell is filled with other bits, and this is checked.
        """
        for place, loads, (trials, level, chosen) in self._parts(extent):
            there = self.there[place]
            for kind, given in (("mean", mean), ("std", std)):
                for i, score in enumerate(self.scores):
                    new = given[trials, level, :, i][:, chosen]
                    target = self.numbers[kind][score][place]
                    old = target[..., loads]
                    if check and (there[..., loads] & (_bits(old) != _bits(new))).any():
                        raise Disagreement(
                            f"{score} of {extent.rule!r} at d = {extent.d}, among "
                            f"trials {extent.first} to {extent.first + extent.count}"
                        )
                    target[..., loads] = new
            there[..., loads] = True

    def _place(self, rule: str, point: Mapping[str, float | int | str | None], d: int):
        """The index of the cells of a rule and dimension; `None` if there is none."""
        if rule not in self.axes["rule"] or d not in self.axes["d"]:
            return None
        place: list[Any] = [self.axes["rule"].index(rule), self.axes["d"].index(d)]
        for name, at in self._varied.items():
            if name not in point:
                place.append(slice(None))
            elif (level := same_level(point[name])) in at:
                place.append(at[level])
            else:
                return None
        return tuple(place)

    def _parts(self, extent: Extent) -> Iterator[tuple[Any, Any, Any]]:
        """The cells of an extent that are of this study, one level after the other.

        Yields where they are, which loads, and which of the extent's trials, levels and
        loads these are.
        """
        place = self._place(extent.rule, extent.point, extent.d)
        if self.settings["rules"].get(extent.rule) != extent.call:
            return
        stop = min(extent.first + extent.count, len(self.axes["trial"]))
        loads = [n for n in extent.loads if n in self._load_at]
        if place is None or stop <= extent.first or not loads:
            return
        at = [self._load_at[n] for n in loads]
        chosen = [extent.loads.index(n) for n in loads]
        trials = slice(extent.first, stop)
        columns = [extent.levels[name] for name in self.levels]
        for i, levels in enumerate(zip(*columns, strict=True)):
            pairs = zip(self._level_at.values(), levels, strict=True)
            found = [known.get(same_level(level)) for known, level in pairs]
            if None not in found:
                source = slice(0, stop - extent.first), i, chosen
                yield (*place, trials, *found), at, source


def _once(place: tuple) -> tuple:
    """One of the entries along axes of which a rule has not the hyperparameter."""
    return tuple(0 if x == slice(None) else x for x in place)


def _places(levels: Sequence[float | int | str]) -> dict[str, int]:
    return {same_level(level): i for i, level in enumerate(levels)}


def _bits(x: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(x).view(np.uint32)
