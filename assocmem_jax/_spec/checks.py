"""Checks of a study's settings: on the host, before anything compiles."""

import dataclasses
import reprlib
from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from jaxtyping import Array

from .._base.checks import check_seed, check_size, to_scalar
from .._base.errors import ArgumentError, ArgumentTypeError, called_as
from .._base.suggest import suggest
from .._core.linear import AbstractLinear, has_left
from .._core.rule import AbstractRule, hyperparameters
from .._core.separation import AbstractSeparation
from ..metrics._table import METRICS
from ..patterns import AbstractEnsemble, Samples
from .axes import AXES, corruptions


if TYPE_CHECKING:
    from .spec import Spec


_EXAMPLES = {
    "rules": '{"softmax": Softmax()}',
    "d": "[16, 32]",
    "n": "[4, 8]",
    "metrics": '("cosine", "recall")',
    "vary": '{"beta": [0.1, 1.0]}',
    "ensemble": "Gaussian()",
    "values": 'Gaussian(), "keys", "one-hot" or "marginalized"',
    "success_cosine": "0.9",
}
# Numbers of pairs, and of dimensions, are in 32 bits, the last block of pairs included.
MOST_PAIRS = 2**31 - 2**12
# A remainder of a division by this number, twice, is in 32 bits.
MOST_ASKED = 2**30
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
    for name in ("d", "n"):
        _check_loads(name, getattr(spec, name))
    check_size("Spec", "trials", spec.trials)
    check_seed("Spec", "seed", spec.seed)
    _check_metrics(spec.metrics)
    _check_kind("ensemble", spec.ensemble, AbstractEnsemble)
    _check_values(spec)
    for name, levels in spec.levels.items():
        _check_levels(name, levels)
    _check_real("success_cosine", spec.success_cosine)
    if not -1 < spec.success_cosine < 1:
        raise ArgumentError(
            "Spec",
            "success_cosine",
            f"must be above -1 and below 1, got {spec.success_cosine}",
            "Use 0.9 for answers that are nearly right.",
        )
    _check_asked(spec)
    _check_vary(spec.vary, spec.rules, spec.metrics)
    for d in spec.d:
        spec.ensemble.check("Spec", max(spec.n), d)


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
    with np.errstate(over="ignore"):
        same = np.unique(np.asarray(levels, np.float64).astype(np.float32))
    if len(same) < len(levels):
        complaint = f"must not repeat in 32 bits, got {levels!r}"
        raise ArgumentError("Spec", name, complaint, "Pass each level once.")


def _check_rules(rules: Any) -> None:
    _check_kind("rules", rules, Mapping)
    for name, rule in rules.items():
        if not isinstance(rule, AbstractRule) or not isinstance(name, str):
            raise ArgumentTypeError(
                "Spec",
                "rules",
                "must map names to rules such as `Softmax()`, got "
                f"{rule!r} for {name!r}",
            )
        # What no file can hold would fail after the first chunk was computed.
        if "\0" in name or _is_broken(name):
            raise ArgumentError(
                "Spec",
                "rules",
                f"must have names that a file can hold, got {name!r}",
                "Use text without NUL and without halves of characters.",
            )
    _check_entries("rules", rules)


def _is_broken(text: str) -> bool:
    """Whether a text has halves of characters, as the names of some files do."""
    return any("\ud800" <= letter <= "\udfff" for letter in text)


def _check_loads(name: str, sizes: Any) -> None:
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
    for name in metrics:
        if name not in METRICS:
            advice = suggest(str(name), METRICS)
            raise ArgumentError("Spec", "metrics", f"has no metric {name!r}", advice)
    _check_entries("metrics", metrics)


def _check_values(spec: "Spec") -> None:
    values, v = spec.values, spec.v
    # An array is compared entry by entry.
    names = ("keys", "one-hot", "marginalized")
    is_name = isinstance(values, str) and values in names
    if values is not None and not is_name:
        _check_kind("values", values, AbstractEnsemble)
    if v is not None:
        check_size("Spec", "v", v)
    has_own = isinstance(spec.ensemble, Samples) and spec.ensemble.has_values
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
                values.check("Spec", max(spec.n), v or d)


def _check_asked(spec: "Spec") -> None:
    if spec.asked is None:
        return
    check_size("Spec", "asked", spec.asked)
    if spec.asked > MOST_ASKED:
        complaint = f"must be at most {MOST_ASKED}, got {spec.asked}"
        raise ArgumentError("Spec", "asked", complaint, "Leave it out to ask all.")
    every = [name for name in spec.metrics if METRICS[name].follows]
    if every and spec.asked < max(spec.n):
        raise ArgumentError(
            "Spec",
            ("asked", "metrics"),
            f"cannot tell {every[0]!r} of {max(spec.n)} pairs from answers for "
            f"{spec.asked} of them",
            f"Leave out `asked`, or measure {METRICS[every[0]].follows!r}.",
        )


def _check_marginalized(spec: "Spec") -> None:
    known = [name for name, metric in METRICS.items() if metric.expected is not None]
    for name in spec.metrics:
        if name not in known:
            raise ArgumentError(
                "Spec",
                "values",
                f"knows no expectation of {name!r}",
                f"Choose from {', '.join(map(repr, known))}, or draw values.",
                given='"marginalized"',
            )
    for name, rule in spec.rules.items():
        linear = isinstance(rule, AbstractLinear) and has_left(rule)
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


def _check_levels(name: str, levels: Any) -> None:
    _check_real(name, levels)
    if np.ndim(levels):
        _check_distinct(name, list(levels))
    for level in np.atleast_1d(levels):
        corruptions()[name].check("Spec", name, to_scalar("Spec", name, level))


def _check_vary(
    vary: Any, rules: Mapping[str, AbstractRule], metrics: Collection[str]
) -> None:
    _check_kind("vary", vary, Mapping)
    measured = {name for metric in metrics for name in (metric, f"{metric}_std")}
    known = sorted({name for rule in rules.values() for name in hyperparameters(rule)})
    for name, levels in vary.items():
        if name not in known:
            complaint = f"has {name!r}, a hyperparameter of no rule here"
            advice = suggest(str(name), known)
            raise ArgumentError("Spec", "vary", complaint, advice)
        if name in AXES or name in measured:
            of = "another axis" if name in AXES else "something that is measured"
            complaint = f"has {name!r}, the name of {of}"
            raise ArgumentError("Spec", "vary", complaint, "Rename the hyperparameter.")
        _check_kind("vary", levels, Collection | np.ndarray)
        _check_real("vary", list(levels))
        _check_distinct("vary", list(levels))
        for rule in rules.values():
            if name in hyperparameters(rule):
                for level in levels:
                    # The rule itself knows what it takes.
                    dataclasses.replace(rule, **{name: level})  # pyright: ignore
