"""The settings of a study, checked, and as text."""

import dataclasses
import itertools
import math
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax
import numpy as np
from jaxtyping import Array, Float

from .._base.checks import refuse_traced
from .._base.text import to_text
from .._core.fold import Fold
from .._core.rule import AbstractRule, hyperparameters, with_arrays
from .._version import __version__
from ..patterns import AbstractEnsemble, Gaussian, OneHot, Samples
from .axes import corruptions
from .checks import check_spec


@dataclasses.dataclass(frozen=True)
class Spec:
    """The settings of a study. A cell is one rule at one point of all axes, one trial.

    Attributes:
        rules: the retrieval rules, by name.
        d: dimensions of the keys, ascending.
        n: loads, numbers of stored pairs, ascending.
        trials: independent draws of every cell.
        v: dimension of the values. Left out, it is d.
        ensemble: how keys are drawn.
        values: how values are drawn, independently of the keys; or "keys", each key its
            own value (autoassociation); or "one-hot", one of v unit vectors, at random;
            or "marginalized", not at all: the expectation over Gaussian values.
            Left out, they are the ensemble's own where it has some, else Gaussian.
        query_noise: standard deviation of the noise added to a query. Several levels
            make an axis.
        mask_fraction: share of a query's coordinates set to zero.
        flip_probability: share of a query's coordinates that change their sign.
        vary: values of the rules' hyperparameters, by name: each an axis.
        metrics: the scores of answers: cosine, distance, squared_error, success,
            recall, all_correct.
        success_cosine: the cosine above which an answer counts as a success.
        asked: how many of the stored pairs are asked, at most, evenly spread over the
            stored order. Left out, all are.
        seed: of the random numbers.
    """

    rules: Mapping[str, AbstractRule]
    d: Sequence[int]
    n: Sequence[int]
    trials: int = 1
    v: int | None = None
    ensemble: AbstractEnsemble = dataclasses.field(default_factory=Gaussian)
    values: AbstractEnsemble | str | None = None
    query_noise: float | Sequence[float] = 0.0
    mask_fraction: float | Sequence[float] = 0.0
    flip_probability: float | Sequence[float] = 0.0
    vary: Mapping[str, Sequence[float]] = dataclasses.field(default_factory=dict)
    metrics: Sequence[str] = ("cosine", "distance")
    success_cosine: float = 0.9
    asked: int | None = None
    seed: int = 0

    def __post_init__(self):
        put = lambda name, x: object.__setattr__(self, name, x)
        for field in dataclasses.fields(self):
            put(field.name, plain(field.name, getattr(self, field.name)))
        check_spec(self)
        # One form for settings that mean the same, however they were typed.
        for name in ("d", "n"):
            put(name, tuple(int(x) for x in getattr(self, name)))
        for name in ("trials", "seed"):
            put(name, int(getattr(self, name)))
        for name, level in self.levels.items():
            levels = tuple(float(x) for x in np.atleast_1d(level))
            put(name, levels if np.ndim(level) else levels[0])
        vary = {name: tuple(map(float, levels)) for name, levels in self.vary.items()}
        put("vary", vary)
        # A name may be of a kind of text that only NumPy writes to a file.
        text = str.__str__
        rules = {text(name): with_arrays(rule) for name, rule in self.rules.items()}
        put("rules", rules)
        put("metrics", tuple(map(text, self.metrics)))
        put("success_cosine", float(self.success_cosine))
        for name in ("v", "asked"):
            given = getattr(self, name)
            put(name, None if given is None else int(given))

    @property
    def levels(self) -> dict[str, Any]:
        """The level or the levels of each corruption that there is a field of."""
        fields = {field.name for field in dataclasses.fields(self)}
        return {name: getattr(self, name) for name in corruptions() if name in fields}

    @property
    def corruption_axes(self) -> dict[str, tuple[float, ...]]:
        """Levels of the corruptions that are axes, by name."""
        return {name: x for name, x in self.levels.items() if isinstance(x, tuple)}

    @property
    def combinations(self) -> list[tuple[float, ...]]:
        """All combinations of the levels of corruption, in order."""
        levels = [x if isinstance(x, tuple) else (x,) for x in self.levels.values()]
        return list(itertools.product(*levels))

    def corruptions(
        self, chosen: Sequence[int] | None = None
    ) -> dict[str, Float[Array, " levels"]]:
        """Combinations of the levels, all or those chosen, by axis of corruption."""
        combined = np.array(self.combinations, np.float32)
        columns = (combined if chosen is None else combined[list(chosen)]).T
        return dict(zip(self.levels, jax.device_put(list(columns)), strict=True))

    @property
    def num_levels(self) -> int:
        """Number of combinations of the levels of corruption."""
        return math.prod(map(len, self.corruption_axes.values()))

    @property
    def corrupted(self) -> bool:
        """Whether any query is corrupted."""
        return any(np.any(np.asarray(x)) for x in self.levels.values())

    def points(self, name: str) -> list[dict[str, float]]:
        """Values of the axes of `vary` that a rule has, in all combinations."""
        own = {
            axis: levels
            for axis, levels in self.vary.items()
            if axis in hyperparameters(self.rules[name])
        }
        return [
            dict(zip(own, values, strict=True))
            for values in itertools.product(*own.values())
        ]

    @property
    def value_source(self) -> Literal["keys", "own", "drawn", "marginalized"]:
        """The source of values: the keys, the ensemble, a draw beside it, or none."""
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
        return d if self.v is None else self.v

    def describe(self) -> dict[str, Any]:
        """Everything that the numbers depend on, as JSON can hold it."""
        described = {
            field.name: getattr(self, field.name) for field in dataclasses.fields(self)
        }
        described["rules"] = {name: to_text(x) for name, x in self.rules.items()}
        described["ensemble"] = to_text(self.ensemble)
        if isinstance(self.values, AbstractEnsemble):
            described["values"] = to_text(self.values)
        described["vary"] = {name: list(x) for name, x in self.vary.items()}
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
