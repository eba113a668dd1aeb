"""Checks of a study's settings: on the host, before anything compiles."""

import reprlib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from jaxtyping import Array

from .._base.checks import check_seed, check_size, is_whole, to_scalar
from .._base.errors import ArgumentError, ArgumentTypeError, called_as
from .._base.suggest import suggest
from .._core.fields import hyperparameters, static_fields, varied
from .._core.linear import AbstractLinear, check_columns
from .._core.rule import AbstractRule
from .._core.separation import AbstractSeparation
from ..metrics._own import OwnMetric, rows_of
from ..metrics._table import METRICS
from ..patterns import AbstractEnsemble, Samples
from .asked import MOST_PAIRS, check_asked
from .axes import AXES, corruptions
from .levels import (
    as_levels,
    at_dimension,
    depends_on_d,
    is_alone,
    is_static,
    point_at,
    taken_by,
)
from .loads import Loads


if TYPE_CHECKING:
    from .spec import Spec


_EXAMPLES = {
    "rules": '{"softmax": Softmax()}',
    "d": "[16, 32]",
    "n": "[4, 8]",
    "v": "8 or [8, 16]",
    "metrics": '("cosine", "recall")',
    "vary": '{"beta": [0.1, 1.0]}',
    "ensemble": "Gaussian()",
    "values": 'Gaussian(), "keys", "one-hot" or "marginalized"',
    "success_cosine": "0.9",
}
# A large array as its first numbers.
_SHORT = reprlib.Repr()
_SHORT.maxlist = 3


def check_spec(spec: "Spec") -> None:
    """Raise unless the settings make a study.

    Messages name the call of `Spec`; callers that make one say it of their own.

    Raises:
        TypeError: if a setting is of the wrong kind.
        ValueError: if one is out of range, or they do not go together.
    """
    _check_rules(spec.rules)
    _check_sizes("d", spec.d)
    if isinstance(spec.n, Loads):
        for d in spec.d:
            _check_sizes("n", spec.n.at(d))
    else:
        _check_sizes("n", spec.n)
    largest = max(_largest(spec, d) for d in spec.d)
    for name, rule in spec.rules.items():
        check_columns("Spec", "rules", rule, largest, name)
    check_size("Spec", "trials", spec.trials)
    check_seed("Spec", "seed", spec.seed)
    _check_metrics(spec.metrics)
    for ensemble in _check_ensembles(spec.ensemble):
        for d in spec.d:
            ensemble.check("Spec", _largest(spec, d), d)
    _check_values(spec)
    for name, levels in spec.levels.items():
        _check_corruption(name, levels, spec.d)
    _check_real("success_cosine", spec.success_cosine)
    if not -1 < spec.success_cosine < 1:
        raise ArgumentError(
            "Spec",
            "success_cosine",
            f"must be above -1 and below 1, got {spec.success_cosine}",
            "Use 0.9 for answers that are nearly right.",
        )
    check_asked(spec, max(_largest(spec, d) for d in spec.d))
    _check_vary(spec)


def _largest(spec: "Spec", d: int) -> int:
    """The largest number of pairs at a dimension."""
    return max(spec.n.at(d) if isinstance(spec.n, Loads) else spec.n)


def _refuse(name: str, given: Any) -> NoReturn:
    advice = ""
    # A study keeps arrays as lists.
    if name in ("ensemble", "values") and isinstance(given, list | Array | np.ndarray):
        advice = "For the rows of an array, pass `Samples(array)`."
    short = " ".join(_SHORT.repr(given).split())
    complaint = f"must be like `{_example(name)}`, got {short}"
    raise ArgumentTypeError("Spec", name, complaint, advice)


def _example(name: str) -> str:
    """An example of a setting, as it is typed."""
    return _EXAMPLES[name] if name in _EXAMPLES else corruptions()[name].example


def _check_kind(name: str, given: Any, kind: Any) -> None:
    # A text is a collection of letters.
    if not isinstance(given, kind) or isinstance(given, str):
        _refuse(name, given)


def _check_real(name: str, numbers: Any) -> None:
    """Raise unless it is a real number, or one axis of them."""
    try:
        array = np.asarray(numbers)
    except ValueError:
        _refuse(name, numbers)
    if array.dtype.kind not in "iuf" or array.ndim > 1:
        _refuse(name, numbers)


def _check_entries(name: str, entries: Collection) -> None:
    """Raise if an axis has no entry, or one of them twice."""
    if len(entries) == 0:
        raise ArgumentError(
            "Spec",
            name,
            f"must not be empty, got {entries!r}",
            f"Pass something like `{_example(name)}`.",
        )
    if len(set(entries)) < len(entries):
        complaint = f"must not repeat, got {entries!r}"
        raise ArgumentError("Spec", name, complaint, "Pass each entry once.")


def _check_distinct(name: str, levels: Collection) -> None:
    """Raise if an axis has no level, or one of them twice, as kernels see them."""
    _check_entries(name, levels)
    numbers = [level for level in levels if not isinstance(level, str)]
    with np.errstate(over="ignore"):
        same = np.unique(np.asarray(numbers, np.float64).astype(np.float32))
    if len(same) < len(numbers):
        complaint = f"must not repeat in 32 bits, got {levels!r}"
        raise ArgumentError("Spec", name, complaint, "Pass each level once.")


def _check_rules(rules: Any) -> None:
    _check_kind("rules", rules, Mapping)
    _check_named("rules", rules, AbstractRule, "rules such as `Softmax()`")


def _check_ensembles(given: Any) -> list[AbstractEnsemble]:
    """The ensemble, or those of the axis that they make."""
    if not isinstance(given, Mapping):
        _check_kind("ensemble", given, AbstractEnsemble)
        return [given]
    _check_named("ensemble", given, AbstractEnsemble, "ensembles such as `Gaussian()`")
    return list(given.values())


def _check_named(setting: str, given: Mapping, kind: type, what: str) -> None:
    """Raise unless entries of a kind have names."""
    for name, entry in given.items():
        if not isinstance(entry, kind) or not isinstance(name, str):
            raise ArgumentTypeError(
                "Spec",
                setting,
                f"must map names to {what}, got {entry!r} for {name!r}",
            )
        # What no file can hold would fail after the first chunk was computed.
        if "\0" in name or _is_broken(name):
            raise ArgumentError(
                "Spec",
                setting,
                f"must have names that a file can hold, got {name!r}",
                "Use text without NUL and without halves of characters.",
            )
    _check_entries(setting, given)


def _is_broken(text: str) -> bool:
    """Whether a text has halves of characters, as the names of some files do."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _check_sizes(name: str, sizes: Any) -> None:
    _check_kind(name, sizes, Collection | np.ndarray)
    for size in sizes:
        check_size("Spec", name, size)
    sizes = [int(size) for size in sizes]
    _check_entries(name, sizes)
    if sizes and max(sizes) > MOST_PAIRS:
        complaint = f"must be at most {MOST_PAIRS}, got {max(sizes)}"
        raise ArgumentError("Spec", name, complaint, "Ask for less.")
    if sizes != sorted(sizes):
        complaint = f"must ascend, got {sizes}"
        raise ArgumentError("Spec", name, complaint, "Pass `sorted(...)`.")


def _check_metrics(metrics: Any) -> None:
    _check_kind("metrics", metrics, Collection)
    for metric in metrics:
        if isinstance(metric, OwnMetric):
            if metric.name in AXES:
                complaint = f"has {metric.name!r}, the name of an axis"
                advice = "Rename the metric."
                raise ArgumentError("Spec", "metrics", complaint, advice)
        elif not (isinstance(metric, str) and metric in METRICS):
            advice = suggest(str(metric), METRICS)
            raise ArgumentError("Spec", "metrics", f"has no metric {metric!r}", advice)
    names = [x.name if isinstance(x, OwnMetric) else x for x in metrics]
    _check_entries("metrics", names)


def _check_values(spec: "Spec") -> None:
    values, v = spec.values, spec.v
    # An array is compared entry by entry.
    names = ("keys", "one-hot", "marginalized")
    is_name = isinstance(values, str) and values in names
    if values is not None and not is_name:
        _check_kind("values", values, AbstractEnsemble)
    if isinstance(v, Collection):
        _check_sizes("v", v)
    elif v is not None:
        check_size("Spec", "v", v)
    has_own = any(
        isinstance(x, Samples) and x.has_values for x in _check_ensembles(spec.ensemble)
    )
    given = (is_name and values == "keys") or (values is None and has_own)
    if v is not None and given:
        raise ArgumentError(
            "Spec",
            "v",
            f"must be left out where values are not drawn, got {v}",
            'Their dimension is known: `values="keys"` stores each key as its own '
            "value, and an ensemble may have values of its own.",
        )
    if is_name and values == "marginalized":
        _check_marginalized(spec)
    if isinstance(values, AbstractEnsemble):
        names = {"n": "values", "d": "values"}
        with called_as("Spec", names, instead_of=("Spec",)):
            for d in spec.d:
                for columns in v if isinstance(v, Collection) else [v or d]:
                    values.check("Spec", _largest(spec, d), columns)


def _check_marginalized(spec: "Spec") -> None:
    known = [name for name, metric in METRICS.items() if metric.expected is not None]
    for name, row in rows_of(spec.metrics).items():
        if row.expected is None:
            raise ArgumentError(
                "Spec",
                "values",
                f"knows no expectation of {name!r}",
                f"Choose from {', '.join(map(repr, known))}, or draw values.",
                given='"marginalized"',
            )
    for name, rule in spec.rules.items():
        linear = isinstance(rule, AbstractLinear) and rule.has_left
        if not linear and not isinstance(rule, AbstractSeparation):
            raise ArgumentError(
                "Spec",
                "values",
                "must know what weights a rule gives to its values, got "
                f"{name!r}, a `{type(rule).__name__}` that does not say",
                "Write it as an `AbstractSeparation`, or an `AbstractLinear` with "
                "`left`, or draw values.",
                given='"marginalized"',
            )


def _check_levels(name: str, levels: Any, sizes: Collection[int]) -> tuple[Any, ...]:
    """The levels of an axis as a study keeps them; raise unless they are some."""
    alone = is_alone(levels)
    if not alone:
        _check_kind(name, levels, Collection | np.ndarray)
    given = [levels] if alone else list(levels)
    numbers = [x for x in given if not depends_on_d(x)]
    try:
        _check_real(name, numbers)
    except ArgumentTypeError:
        _refuse(name, levels)
    found = as_levels(name, levels, [int(d) for d in sizes])
    if not alone:
        _check_distinct(name, list(found))
    return found


def _check_corruption(name: str, levels: Any, sizes: Collection[int]) -> None:
    for level in _check_levels(name, levels, sizes):
        for d in sizes if isinstance(level, str) else list(sizes)[:1]:
            number = to_scalar("Spec", name, at_dimension(level, int(d)))
            corruptions()[name].check("Spec", name, number)


def _check_vary(spec: "Spec") -> None:
    vary: Any = spec.vary
    rules = spec.rules
    _check_kind("vary", vary, Mapping)
    metrics = rows_of(spec.metrics)
    measured = {name for metric in metrics for name in (metric, f"{metric}_std")}
    known = {
        name
        for rule in rules.values()
        for name in (*hyperparameters(rule), *static_fields(rule))
    }
    for name, levels in vary.items():
        if name not in known:
            complaint = f"has {name!r}, a hyperparameter of no rule here"
            advice = suggest(str(name), sorted(known))
            raise ArgumentError("Spec", "vary", complaint, advice)
        if name in AXES or name in measured:
            of = "another axis" if name in AXES else "something that is measured"
            complaint = f"has {name!r}, the name of {of}"
            raise ArgumentError("Spec", "vary", complaint, "Rename the hyperparameter.")
        if is_static(rules, name):
            _check_kind("vary", levels, Collection)
            _check_static(name, levels)
        elif is_alone(levels) and not depends_on_d(levels):
            _refuse("vary", levels)
        else:
            levels = _check_levels("vary", levels, spec.d)
        for rule in rules.values():
            if taken_by(rule, name):
                for level in levels:
                    for d in spec.d if isinstance(level, str) else spec.d[:1]:
                        # The rule itself knows what it takes.
                        varied(rule, point_at(rule, {name: level}, int(d)))


def _check_static(name: str, levels: Collection) -> None:
    """Raise unless these are levels of a static field: all numbers, or all texts."""
    kinds = {str if isinstance(x, str) else int for x in levels if not _is_odd(x)}
    if len(kinds) > 1 or any(map(_is_odd, levels)):
        raise ArgumentTypeError(
            "Spec",
            "vary",
            f"must have whole numbers or texts for {name!r}, which rules are compiled "
            f"for, got {list(levels)!r}",
            'Pass something like `{"degree": [2, 3]}`.',
        )
    _check_entries("vary", levels)


def _is_odd(level: Any) -> bool:
    return not (isinstance(level, str) or is_whole(level))
