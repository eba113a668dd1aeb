"""What a rule can be varied in: its numbers, and those of the parts it is made of."""

import dataclasses
from collections.abc import Callable, Mapping
from typing import Any

import equinox as eqx
import numpy as np
from jaxtyping import Array


def hyperparameters(rule: eqx.Module) -> list[str]:
    """Names of the numbers that a rule can be varied in, those left out included.

    Those of its parts, such as the rule that is mapped, count where no field of its own
    has the name.
    """
    own = [name for name, x in _fields(rule, static=False) if _is_scalar(x)]
    return _with_parts(rule, own, hyperparameters)


def static_fields(rule: eqx.Module) -> list[str]:
    """Names of the whole numbers and texts that a rule is compiled for."""
    own = [
        name
        for name, x in _fields(rule, static=True)
        if isinstance(x, int | str) and not isinstance(x, bool)
    ]
    return _with_parts(rule, own, static_fields)


def value_of(rule: eqx.Module, name: str) -> Any:
    """The number, whole number or text of a name, of a rule or of its parts."""
    holder = _holder(rule, name)
    return getattr(rule, name) if holder is None else value_of(holder[1], name)


def varied(rule: Any, values: Mapping[str, Any]) -> Any:
    """The rule with other numbers, whole numbers or texts, its parts' among them."""
    own: dict[str, Any] = {}
    of_parts: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        holder = _holder(rule, name)
        if holder is None:
            own[name] = value
        else:
            of_parts.setdefault(holder[0], {})[name] = value
    parts = {x: varied(getattr(rule, x), more) for x, more in of_parts.items()}
    return dataclasses.replace(rule, **own, **parts)


def _fields(module: Any, static: bool) -> list[tuple[str, Any]]:
    return [
        (field.name, getattr(module, field.name))
        for field in dataclasses.fields(module)
        if field.init and field.metadata.get("static", False) == static
    ]


def _parts(rule: Any) -> list[tuple[str, Any]]:
    """The modules that a rule is made of, by field."""
    return [(x, y) for x, y in _fields(rule, static=False) if isinstance(y, eqx.Module)]


def _with_parts(rule: Any, own: list[str], names_of: Callable) -> list[str]:
    inner = [name for _, part in _parts(rule) for name in names_of(part)]
    return list(dict.fromkeys([*own, *inner]))


def _holder(rule: Any, name: str) -> tuple[str, Any] | None:
    """The part that has what a name stands for, by field; `None` is the rule itself."""
    if name in {field.name for field in dataclasses.fields(rule) if field.init}:
        return None
    for field, part in _parts(rule):
        if name in (*hyperparameters(part), *static_fields(part)):
            return field, part
    return None


def _is_scalar(x: Any) -> bool:
    return x is None or ((is_number(x) or isinstance(x, Array)) and np.ndim(x) == 0)


def is_number(x: Any) -> bool:
    """Whether it is a plain number, or an array of NumPy, which a rule may hold."""
    # A truth value decides what is compiled.
    if isinstance(x, bool | np.bool_):
        return False
    return isinstance(x, int | float | np.ndarray | np.generic)
