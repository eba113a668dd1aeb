"""Settings of stores: what has to agree, and the axes, which may grow."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from typing import Any, TypeAlias

import numpy as np

from .._core.fields import hyperparameters, static_fields, value_of
from .._core.rule import AbstractRule
from .._spec.axes import corruptions, point_axes, question_levels
from .._spec.described import levels_of
from .._spec.loads import from_texts
from .._spec.spec import Spec
from ..metrics._own import attributes_of, rows_of
from ..metrics._table import METRICS
from ._state import state_facts


JSON: TypeAlias = bool | int | float | str | list | dict | None
Settings: TypeAlias = Mapping[str, Any]

# What a store notes of each rule, and of metrics of the caller's own, as their texts
# and names alone do not say it.
_FACTS, _METRIC_FACTS = "rule_facts", "metric_facts"


def store_settings(spec: Spec) -> dict[str, Any]:
    """The settings of a study as a store holds them.

    Beside what the numbers depend on, they say of each rule which hyperparameters it
    has, where it turns, and how large its memory is: a store outlives the rules.
    """
    facts = {
        name: {
            "hyperparameters": own_values(rule),
            "critical_loads": {
                str(d): [int(n) for n in loads]
                for d in spec.d
                if (loads := rule.critical_loads(d))
            },
            "state": state_facts(spec, name),
        }
        for name, rule in spec.rules.items()
    }
    of_metrics = {
        name: {"long_name": row.long_name, **attributes_of(name, row)}
        for name, row in rows_of(spec.metrics).items()
        if name not in METRICS
    }
    return {**spec.describe(), _FACTS: facts, _METRIC_FACTS: of_metrics}


def described(settings: Settings) -> dict[str, Any]:
    """The settings as `Spec.describe` says them."""
    noted = (_FACTS, _METRIC_FACTS)
    return {name: x for name, x in settings.items() if name not in noted}


def axes_of(settings: Settings) -> dict[str, tuple[Any, ...]]:
    """The levels of the axes that tell the points of a rule apart: `Spec.axes`."""
    return point_axes(settings.get("ensemble"), settings.get("v"), settings["vary"])


def as_text(settings: Settings) -> str:
    """The settings as the attribute `spec` of a dataset has them."""
    return json.dumps(described(settings))


def levels_of_questions(settings: Settings) -> dict[str, tuple[Any, ...]]:
    """The levels of all that a question is asked under: `Spec.question_levels`."""
    known = {name: settings.get(name) for name in corruptions()}
    levels = {name: level for name, level in known.items() if level is not None}
    return question_levels(levels, settings.get("ages"))


def facts_of(settings: Settings, rule: str) -> dict[str, Any]:
    """What is noted of a rule: `hyperparameters`, `critical_loads` and `state`."""
    return settings[_FACTS][rule]


def own_values(rule: AbstractRule) -> dict[str, float | int | str | None]:
    """What a rule can be varied in, as it was given; `None` for what is no number."""
    names = hyperparameters(rule)
    numbers = {name: _number(value_of(rule, name)) for name in names}
    return numbers | {name: value_of(rule, name) for name in static_fields(rule)}


def same_level(level: Any) -> str:
    """What levels have in common that are the same number in a kernel.

    A text that stands for numbers is what it is, and so is a whole number, which a rule
    is compiled for.
    """
    if isinstance(level, str | int):
        return str(level)
    with np.errstate(over="ignore"):
        return "none" if level is None else str(np.float32(level))


def _number(x: Any) -> float | None:
    try:
        return float(same_level(np.asarray(x)[()]))
    # Left out, complex, or a random key: its rule's text tells it from others.
    except (TypeError, ValueError):
        return None


def fingerprint(settings: Settings) -> str:
    """What tells studies apart that share no store."""
    canonical = json.dumps(_base(settings), sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def differences(there: Settings, here: Settings) -> str:
    """What keeps two studies from sharing a store, as text; empty if nothing does."""
    old, new = _base(there), _base(here)
    for entry in ("rules", "ensemble"):
        named, again = (settings.get(entry) for settings in (there, here))
        if not isinstance(named, Mapping) or not isinstance(again, Mapping):
            continue
        # A name stands for one rule, or one ensemble.
        clash = [name for name in named if named[name] != again.get(name, named[name])]
        if clash:
            old[entry], new[entry] = (
                {name: known[name] for name in clash} for known in (named, again)
            )
    # A function is known at the dimensions of its study alone.
    if (tables := _tables(there)) != (others := _tables(here)):
        old["functions of d"], new["functions of d"] = tables, others
    return differing(old, new)


def _tables(settings: Settings) -> dict[str, list[str]]:
    """The levels of axes that are tables of numbers, by axis: functions of d."""
    levels = {**settings.get("vary", {})}
    levels |= {x: settings.get(x, []) for x in corruptions()}
    found = {
        name: [x for x in _listed(of) if isinstance(x, str) and x.startswith("{")]
        for name, of in levels.items()
    }
    return {name: tables for name, tables in found.items() if tables}


def union(there: Settings, here: Settings) -> dict[str, Any]:
    """The settings of a study that holds two which may share a store.

    Entries stay in the order in which they were typed first, unless there are more:
    then numbers ascend.
    """
    joined = {**here, **there}
    for name in _axes(there) & there.keys() & here.keys():
        old, new = there[name], here[name]
        if name == "trials":
            joined[name] = max(old, new)
        elif name in ("rules", "ensemble"):
            joined[name] = {**old, **new}
        elif name in ("d", "v"):
            joined[name] = _joined(old, new, int)
        elif name == "n":
            joined[name] = _joined_pairs(there, here)
        elif name == _FACTS:
            joined[name] = {x: _facts(old.get(x), new.get(x)) for x in {**old, **new}}
        elif name == "vary":
            joined[name] = {
                x: _joined(_varied(there, x), _varied(here, x), same_level)
                for x in {**old, **new}
            }
        elif old != new:
            joined[name] = _joined(_listed(old), _listed(new), same_level)
    return joined


def _facts(old: dict[str, Any] | None, new: dict[str, Any] | None) -> dict[str, Any]:
    if old is None or new is None:
        return old or new or {}
    grown = ("critical_loads", "state")
    return old | {x: {**old.get(x, {}), **new.get(x, {})} for x in grown}


def _varied(settings: Settings, name: str) -> list[float | int | str]:
    """The levels of a hyperparameter: of its axis, or else those of the rules."""
    if name in settings["vary"]:
        return settings["vary"][name]
    facts = settings.get(_FACTS, {}).values()
    own = (x["hyperparameters"].get(name) for x in facts)
    return _joined((), (x for x in own if x is not None), same_level)


def _joined(old: Iterable, new: Iterable, same: Callable[[Any], Any]) -> list:
    """Both of them, each entry once: as they were, or ascending if there are more."""
    old = list(old)
    known = {same(x) for x in old}
    more = {same(x): x for x in new if same(x) not in known}
    in_order = lambda x: (isinstance(x, str), x)
    return sorted([*old, *more.values()], key=in_order) if more else old


def _joined_pairs(there: Settings, here: Settings) -> list:
    """Numbers of pairs of both; loads as multiples of d only with their like."""
    old, new = there["n"], here["n"]
    kinds = {isinstance(x, str) for x in (*old, *new)}
    if kinds == {True}:
        return from_texts(old).joined(from_texts(new)).texts()
    if kinds == {True, False}:
        old, new = levels_of(there, "n"), levels_of(here, "n")
    return _joined(old, new, int)


def _listed(levels: Any) -> list:
    return levels if isinstance(levels, list) else [levels]


def _axes(settings: Settings) -> set[str]:
    """Settings that may differ from one call to the next."""
    always = {"rules", "d", "n", "trials", "vary", _FACTS, *corruptions()}
    kinds = {"ensemble": Mapping, "v": list}
    return always | {
        x for x, kind in kinds.items() if isinstance(settings.get(x), kind)
    }


def _base(settings: Settings) -> dict[str, Any]:
    """Settings that no call may change."""
    axes = _axes(settings)
    return {name: x for name, x in settings.items() if name not in axes}


def differing(there: Settings, here: Settings) -> str:
    """The entries that differ, as text."""
    differs = []
    for key in {**there, **here}:
        old, new = (
            json.dumps(spec[key], sort_keys=True) if key in spec else "absent"
            for spec in (there, here)
        )
        if old != new:
            # Of long entries, what is around the first difference.
            start = max(0, len(os.path.commonprefix([old, new])) - 20)
            old, new = (_excerpt(entry, start) for entry in (old, new))
            differs.append(f"`{key}`: {old} there, {new} here")
    return "; ".join(differs)


def _excerpt(text: str, start: int, size: int = 60) -> str:
    if len(text) <= size:
        return text
    end = start + size
    return "..." * (start > 0) + text[start:end] + "..." * (end < len(text))
