"""The settings of a study, checked, and as text."""

import copy
import dataclasses
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np
from jaxtyping import Array, Float, Int

from .._base.checks import is_whole, refuse_traced
from .._base.text import to_text
from .._core.fields import varied
from .._core.fold import Fold
from .._core.rule import AbstractRule, with_arrays
from .._version import __version__
from ..metrics._own import OwnMetric, is_metrics, rows_of, taken
from ..patterns import AbstractEnsemble, Gaussian, OneHot, Samples
from .asked import MOST_PAIRS
from .axes import AXES, corruptions, point_axes, question_levels
from .checks import check_spec
from .levels import (
    Level,
    as_levels,
    at_dimension,
    is_alone,
    is_static,
    point_at,
    taken_by,
)
from .loads import Loads


@dataclasses.dataclass(frozen=True)
class Spec:
    """The settings of a study. A cell is one rule at one point of all axes, one trial.

    Attributes:
        rules: the retrieval rules, by name.
        d: dimensions of the keys, ascending.
        n: loads, numbers of stored pairs, ascending; or `loads`, multiples of d.
        trials: independent draws of every cell.
        v: dimension of the values. Left out, it is d. Several make an axis.
        ensemble: how keys are drawn. Several, by name, make an axis.
        values: how values are drawn, independently of the keys; or "keys", each key its
            own value (autoassociation); or "one-hot", one of v unit vectors, at random;
            or "marginalized", not at all: the expectation over Gaussian values.
            Left out, they are the ensemble's own where it has some, else Gaussian.
        query_noise: standard deviation of the noise added to a query. Several levels
            make an axis. A level may depend on d, such as "1/sqrt(d)".
        mask_fraction: share of a query's coordinates set to zero.
        flip_probability: share of a query's coordinates that change their sign.
        vary: values of the rules' hyperparameters, by name: each an axis. They may
            depend on d, or be those of static fields.
        metrics: the scores of answers: cosine, distance, squared_error, success,
            recall, all_correct; or functions of your own, and `OwnMetric`s.
        success_cosine: the cosine above which an answer counts as a success.
        asked: how many of the stored pairs are asked, at most, evenly spread over the
            stored order. Left out, all are.
        ages: number of parts of the stored order that are asked by themselves, an axis
            `age`. Left out, there is one.
        held_out: number of pairs that are asked and never stored, in place of stored
            ones: the last of `Samples`, or further ones of another ensemble.
        seed: of the random numbers.
    """

    rules: Mapping[str, AbstractRule]
    d: Sequence[int]
    n: Sequence[int] | Loads
    trials: int = 1
    v: int | Sequence[int] | None = None
    ensemble: AbstractEnsemble | Mapping[str, AbstractEnsemble] = dataclasses.field(
        default_factory=Gaussian
    )
    values: AbstractEnsemble | str | None = None
    query_noise: Level | Sequence[Level] = 0.0
    mask_fraction: Level | Sequence[Level] = 0.0
    flip_probability: Level | Sequence[Level] = 0.0
    vary: Mapping[str, Level | Sequence[Level]] = dataclasses.field(
        default_factory=dict
    )
    metrics: Sequence[str | OwnMetric | Callable] | Mapping[str, Any] = (
        "cosine",
        "distance",
    )
    success_cosine: float = 0.9
    asked: int | None = None
    ages: int | None = None
    held_out: int | None = None
    seed: int = 0

    def __post_init__(self):
        put = lambda name, x: object.__setattr__(self, name, x)
        for field in dataclasses.fields(self):
            put(field.name, plain(field.name, getattr(self, field.name)))
        if is_metrics(self.metrics):
            put("metrics", taken(self.metrics))
        check_spec(self)
        # One form for settings that mean the same, however they were typed.
        for name in ("d", "n", "v"):
            sizes = getattr(self, name)
            if sizes is not None and not isinstance(sizes, Loads):
                whole = int(sizes) if is_whole(sizes) else tuple(map(int, sizes))
                put(name, whole)
        for name in ("trials", "seed"):
            put(name, int(getattr(self, name)))
        for name, given in self.levels.items():
            levels = as_levels(name, given, self.d)
            put(name, levels[0] if is_alone(given) else levels)
        varied: Any = self.vary
        vary = {
            name: tuple(given)
            if is_static(self.rules, name)
            else as_levels("vary", given, self.d)
            for name, given in varied.items()
        }
        put("vary", vary)
        # A name may be of a kind of text that only NumPy writes to a file.
        text = str.__str__
        if isinstance(self.ensemble, Mapping):
            named = {text(name): x for name, x in self.ensemble.items()}
            put("ensemble", named)
        rules = {text(name): with_arrays(rule) for name, rule in self.rules.items()}
        put("rules", rules)
        metrics: Any = self.metrics
        put("metrics", tuple(text(x) if isinstance(x, str) else x for x in metrics))
        put("success_cosine", float(self.success_cosine))
        for name in ("asked", "ages", "held_out"):
            given = getattr(self, name)
            put(name, None if given is None else int(given))

    @property
    def num_pairs(self) -> tuple[int, ...]:
        """All numbers of stored pairs, at any dimension, ascending."""
        return tuple(sorted({n for d in self.d for n in self.loads_at(d)}))

    def loads_at(self, d: int) -> tuple[int, ...]:
        """Numbers of stored pairs at a dimension, ascending."""
        return self.n.at(d) if isinstance(self.n, Loads) else tuple(self.n)

    @property
    def levels(self) -> dict[str, Any]:
        """The level or the levels of each corruption that there is a field of."""
        fields = {field.name for field in dataclasses.fields(self)}
        return {name: getattr(self, name) for name in corruptions() if name in fields}

    @property
    def corruption_axes(self) -> dict[str, tuple[float | str, ...]]:
        """Levels of the corruptions that are axes, by name."""
        return {name: x for name, x in self.levels.items() if isinstance(x, tuple)}

    @property
    def question_levels(self) -> dict[str, tuple[Any, ...]]:
        """Levels of all that a question is asked under: corruptions, and the age."""
        return question_levels(self.levels, self.ages)

    @property
    def combinations(self) -> list[tuple[Any, ...]]:
        """All combinations of the levels of questions, in order."""
        return list(itertools.product(*self.question_levels.values()))

    def questions(
        self, chosen: Sequence[int] | None = None
    ) -> tuple[dict[str, Float[Array, " levels"]], Int[np.ndarray, " levels"]]:
        """Combinations of the levels, all or those chosen: of a study `at` a d.

        Returns:
            The level of each corruption, by axis, and the part of the stored order.
        """
        combined = np.array(self.combinations, np.float32)
        chosen = range(len(combined)) if chosen is None else chosen
        columns = dict(zip(self.question_levels, combined[list(chosen)].T, strict=True))
        parts = columns.pop("age", np.zeros(len(chosen)))
        parts = np.floor(parts * (self.ages or 1)).astype(np.int32)
        return jax.device_put(columns), parts

    @property
    def num_levels(self) -> int:
        """Number of combinations of the levels of questions."""
        return math.prod(map(len, self.question_levels.values()))

    @property
    def asks_all(self) -> bool:
        """Whether each stored pair is asked, in the stored order."""
        return self.asked is None and self.ages is None and self.held_out is None

    def num_questions(self, n: int) -> int:
        """The number of questions at a load, of all ages."""
        if self.held_out is not None:
            return self.held_out
        return n if self.asked is None else min(n, self.asked * (self.ages or 1))

    @property
    def first_held_out(self) -> int | None:
        """The number of the first pair that is held out, of a study `at` a point."""
        if self.held_out is None:
            return None
        sizes = [
            len(x.keys) for x in (self.ensemble, self.values) if isinstance(x, Samples)
        ]
        return min([*sizes, MOST_PAIRS]) - self.held_out

    @property
    def corrupted(self) -> bool:
        """Whether any query is corrupted."""
        levels = [x if isinstance(x, tuple) else (x,) for x in self.levels.values()]
        # A text stands for numbers, some of which may be other than zero.
        return any(level != 0 for level in itertools.chain(*levels))

    @property
    def axes(self) -> dict[str, tuple[Any, ...]]:
        """The levels of all axes but d, n, the trials and those of questions."""
        return point_axes(self.ensemble, self.v, self.vary)

    def points(self, name: str) -> list[dict[str, Any]]:
        """Levels of the axes that tell for a rule, in all combinations."""
        own = self._own_axes(name)
        return [
            dict(zip(own, values, strict=True))
            for values in itertools.product(*own.values())
        ]

    def point(self, name: str, number: int) -> dict[str, Any]:
        """One of the `points` of a rule, without the others."""
        own = self._own_axes(name)
        places = np.unravel_index(number, [len(levels) for levels in own.values()])
        return {x: own[x][place] for x, place in zip(own, places, strict=True)}

    def _own_axes(self, name: str) -> dict[str, tuple[Any, ...]]:
        rule = self.rules[name]
        known = lambda axis: axis in AXES or taken_by(rule, axis)
        return {axis: levels for axis, levels in self.axes.items() if known(axis)}

    def at(self, name: str, point: int, d: int) -> "Spec":
        """What is measured of one rule at one of its points and one dimension.

        A study of that rule, dimension, ensemble and v alone, all levels numbers: its
        axes are n, the trials and those of corruption.
        """
        place, alone = self.point(name, point), copy.copy(self)
        put = lambda name, x: object.__setattr__(alone, name, x)
        if isinstance(self.ensemble, Mapping):
            put("ensemble", self.ensemble[place.pop("ensemble")])
        if isinstance(self.v, tuple):
            put("v", place.pop("v"))
        rule = self.rules[name]
        chosen = varied(rule, point_at(rule, place, d))
        put("rules", {name: with_arrays(chosen)})
        put("vary", {})
        put("d", (d,))
        put("n", self.loads_at(d))
        for axis, level in self.levels.items():
            several = isinstance(level, tuple)
            numbers = tuple(
                at_dimension(x, d) for x in (level if several else (level,))
            )
            put(axis, numbers if several else numbers[0])
        return alone

    @property
    def value_source(self) -> Literal["keys", "own", "drawn", "marginalized"]:
        """The source of values: the keys, the ensemble, a draw beside it, or none.

        Of a study `at` a point, as are the ensemble and the dimension of values.
        """
        if isinstance(self.values, str) and self.values != "one-hot":
            return self.values  # pyright: ignore[reportReturnType]
        has_own = isinstance(self.ensemble, Samples) and self.ensemble.has_values
        return "own" if self.values is None and has_own else "drawn"

    def value_ensemble(self) -> AbstractEnsemble | None:
        """The ensemble of values that are drawn; `None` where they are not."""
        if self.value_source != "drawn":
            return None
        if isinstance(self.values, AbstractEnsemble):
            return self.values
        return OneHot() if self.values == "one-hot" else Gaussian()

    def value_dimension(self, d: int) -> int:
        """Dimension of the values that go with keys of dimension d."""
        if self.value_source == "own":
            return self.ensemble.values.shape[1]  # pyright: ignore
        return d if self.v is None else self.v  # pyright: ignore[reportReturnType]

    def describe(self) -> dict[str, Any]:
        """Everything that the numbers depend on, as JSON can hold it."""
        described = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }
        described["rules"] = {name: to_text(x) for name, x in self.rules.items()}
        several = isinstance(self.ensemble, Mapping)
        described["metrics"] = list(rows_of(self.metrics))
        described["ensemble"] = (
            {name: to_text(x) for name, x in self.ensemble.items()}  # pyright: ignore
            if several
            else to_text(self.ensemble)
        )
        if isinstance(self.n, Loads):
            described["n"] = self.n.texts()
        if isinstance(self.values, AbstractEnsemble):
            described["values"] = to_text(self.values)
        described["vary"] = {
            name: list(x)  # pyright: ignore[reportArgumentType]
            for name, x in self.vary.items()
        }
        described = {
            name: list(x) if isinstance(x, tuple) else x
            for name, x in described.items()
        }
        return {
            **described,
            "dtype": "float32",
            "precision": Fold().precision,
            "assocmem_jax": __version__,
        }


def spec_of(rules: Any, **settings: Any) -> Spec:
    """A study of settings as a caller gives them: arrays become lists of numbers."""
    return Spec(rules, **{name: plain(name, x) for name, x in settings.items()})


def plain(name: str, given: Any) -> Any:
    """A setting as it was given, arrays as lists: only these have equal entries."""
    if isinstance(given, Mapping):
        return {key: plain(name, x) for key, x in given.items()}
    if type(given) in (list, tuple):
        return type(given)(plain(name, x) for x in given)
    refuse_traced("Spec", name, given)
    is_array = hasattr(given, "tolist") and hasattr(given, "dtype")
    return given.tolist() if is_array else given  # pyright: ignore
