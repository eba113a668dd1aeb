"""Levels of axes: numbers, and numbers that depend on the dimension, as text.

A study keeps a level as a number or as text: a power of the dimension, `2*d**-0.5`, or
the numbers at each dimension, `{16: 0.25, 64: 0.125}`, which is what is left of a
function. What a function computes has no text that tells it apart from others.
"""

import ast
import functools
import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import numpy as np

from .._base.errors import ArgumentError, first_line
from .._base.text import number_text, shortened
from .._core.fields import hyperparameters, static_fields
from .._core.rule import AbstractRule


Level: TypeAlias = float | int | str | Callable[..., float]

_ADVICE = (
    "Pass a number, a power of d such as `2 * d**-0.5` or `1/sqrt(d)`, or a function "
    "of d."
)


class _Power(NamedTuple):
    """A number times a power of the dimension."""

    factor: float
    power: float

    def __str__(self) -> str:
        power = "d" if self.power == 1 else f"d**{number_text(self.power)}"
        return power if self.factor == 1 else f"{number_text(self.factor)}*{power}"


def is_alone(given: Any) -> bool:
    """Whether this is one level, and no collection of them."""
    return isinstance(given, str) or callable(given) or np.ndim(given) == 0


def depends_on_d(level: Any) -> bool:
    """Whether a level is no plain number, nor a text that is one."""
    if not isinstance(level, str):
        return callable(level)
    try:
        known = _parsed(level)
    except ValueError:
        return True
    return isinstance(known, dict) or known.power != 0


def taken_by(rule: AbstractRule, axis: str) -> bool:
    """Whether a rule has what an axis varies: a hyperparameter or a static field."""
    return axis in hyperparameters(rule) or axis in static_fields(rule)


def is_static(rules: Mapping[str, AbstractRule], axis: str) -> bool:
    """Whether an axis is of a static field of any rule: levels are kept as they are."""
    return any(axis in static_fields(rule) for rule in rules.values())


def as_levels(name: str, given: Any, sizes: Sequence[int]) -> tuple[float | str, ...]:
    """The level or the levels of an axis in the form that a study keeps.

    Args:
        name: the argument of `Spec`, for messages.
        given: a real number, a text, or a function of the dimension, or several.
        sizes: the dimensions of the study.

    Raises:
        ValueError: if a text is no power of d, or a function has no number at one of
            the dimensions.
    """
    levels = [given] if is_alone(given) else list(given)
    return tuple(_canonical(name, level, sizes) for level in levels)


def _canonical(name: str, level: Any, sizes: Sequence[int]) -> float | str:
    if isinstance(level, str):
        try:
            known = _parsed(level)
        except ValueError as error:
            raise ArgumentError(
                "Spec",
                name,
                f"must have levels that are numbers or powers of d, got "
                f"{shortened(level)!r}: {error}",
                _ADVICE,
            ) from error
        for d in sizes:
            _check_finite(name, _at(name, known, d), d)
        if isinstance(known, _Power) and not known.power:
            return known.factor
        return str(known)
    if callable(level):
        return str({int(d): _called(name, level, int(d)) for d in sizes})
    return float(level)


def at_dimension(level: Any, d: float | int) -> float:
    """The number that a level stands for at a dimension.

    Raises:
        ValueError: if it is not known there.
    """
    return _at("vary", _parsed(level), d) if isinstance(level, str) else float(level)


def point_at(
    rule: AbstractRule, point: Mapping[str, Any], d: float | int
) -> dict[str, Any]:
    """The fields of a rule at a point of its axes: numbers at d, static ones as is."""
    numbers = hyperparameters(rule)
    return {
        name: at_dimension(level, d) if name in numbers else level
        for name, level in point.items()
    }


def labels(levels: Sequence[Any] | np.ndarray) -> np.ndarray:
    """The labels of an axis: its levels, all as text where one of them is."""
    if any(isinstance(level, str) for level in levels):
        return np.array([str(level) for level in levels])
    return np.asarray(levels)


def _at(name: str, known: _Power | dict, d: float | int) -> float:
    if isinstance(known, _Power):
        try:
            return known.factor * d**known.power
        except OverflowError:
            return math.inf
    if d not in known:
        raise ArgumentError(
            "Spec",
            name,
            f"must have a number at each dimension, got none at d = {d}",
            "Pass the function once more.",
            given=shortened(str(known)),
        )
    return known[d]


def _called(name: str, function: Callable[[int], Any], d: int) -> float:
    try:
        number = float(function(d))
    except Exception as error:
        raise ArgumentError(
            "Spec",
            name,
            f"must be functions of d with a real number at each dimension, and one "
            f"fails at d = {d}: {type(error).__name__}: {first_line(error)}",
            _ADVICE,
        ) from error
    _check_finite(name, number, d)
    return number


def _check_finite(name: str, number: float, d: int) -> None:
    if not math.isfinite(number):
        complaint = f"must be finite at each dimension, got {number} at d = {d}"
        raise ArgumentError("Spec", name, complaint, _ADVICE)


@functools.lru_cache(1024)
def _parsed(text: str) -> _Power | dict[int, float]:
    """What a text says."""
    try:
        tree = ast.parse(text.strip().replace("^", "**"), mode="eval").body
        if isinstance(tree, ast.Dict):
            return _table(tree)
        known = _power(tree)
    # The last two are of texts with too many brackets or signs within one another.
    except (SyntaxError, TypeError, RecursionError, MemoryError) as error:
        raise ValueError("it is no formula") from error
    except (ArithmeticError, ValueError) as error:
        raise ValueError(first_line(error)) from error
    if not (math.isfinite(known.factor) and math.isfinite(known.power)):
        raise ValueError("it is not finite")
    return known


def _table(tree: ast.Dict) -> dict[int, float]:
    try:
        table = ast.literal_eval(tree)
        known = {int(d): float(number) for d, number in table.items()}
    except (TypeError, ValueError, OverflowError) as error:
        raise ValueError("it is no table of numbers") from error
    if not all(map(math.isfinite, known.values())):
        raise ValueError("it is not finite")
    return known


def _power(tree: ast.AST) -> _Power:
    match tree:
        case ast.Constant(value=bool()):
            pass
        case ast.Constant(value=int() | float() as number):
            return _Power(float(number), 0.0)
        case ast.Name(id="d"):
            return _Power(1.0, 1.0)
        case ast.UnaryOp(op=ast.USub(), operand=x):
            return _power(x)._replace(factor=-_power(x).factor)
        case ast.BinOp(left=x, op=ast.Mult(), right=y):
            a, b = _power(x), _power(y)
            return _Power(a.factor * b.factor, a.power + b.power)
        case ast.BinOp(left=x, op=ast.Div(), right=y):
            a, b = _power(x), _power(y)
            return _Power(a.factor / b.factor, a.power - b.power)
        case ast.BinOp(left=x, op=ast.Pow(), right=y):
            return _raised(_power(x), _power(y))
        case ast.Call(func=ast.Name(id="sqrt"), args=[x], keywords=[]):
            return _raised(_power(x), _Power(0.5, 0.0))
    raise ValueError("only numbers, `d`, `sqrt`, `*`, `/` and `**` are known")


def _raised(base: _Power, exponent: _Power) -> _Power:
    factor = base.factor**exponent.factor
    if exponent.power or isinstance(factor, complex):
        raise ValueError("an exponent must be a number, of a positive base")
    return _Power(factor, base.power * exponent.factor)
