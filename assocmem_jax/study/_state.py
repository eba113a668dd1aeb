"""How large the memories of a study are."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from .._core.state import state_bytes
from .._spec.levels import is_static
from .._spec.spec import Spec


# Numbers of pairs that a size is read off at.
_PAIRS = 1024


def state_facts(spec: Spec, name: str) -> dict[str, list[int]]:
    """Bytes of the memory of a rule: those of no pair, and of each further one.

    Returns:
        Both numbers by a text that says the dimension and the levels they depend on.
        Nothing is said of a memory that grows otherwise.
    """
    found: dict[str, list[int]] = {}
    sized = lambda axis: axis == "v" or is_static(spec.rules, axis)
    for point, levels in enumerate(spec.points(name)):
        at = {axis: level for axis, level in levels.items() if sized(axis)}
        for d in spec.d:
            key = _key(d, at)
            if key in found:
                continue
            alone = spec.at(name, point, d)
            rule, v = alone.rules[name], alone.value_dimension(d)
            one, two, three = (
                state_bytes(rule, d, v, times * _PAIRS) for times in (1, 2, 3)
            )
            each = (two - one) // _PAIRS
            if two - one == three - two == each * _PAIRS:
                found[key] = [one - each * _PAIRS, each]
    return found


def state_array(
    facts: Mapping[str, Mapping[str, Sequence[int]]],
    axes: Mapping[str, Sequence[Any]],
    loads: Sequence[int],
) -> tuple[tuple[str, ...], np.ndarray]:
    """Bytes of the memory in every cell, and the axes they are along; nan if not known.

    Args:
        facts: what `state_facts` said of each rule.
        axes: levels of the axes of points, rules and dimensions among them.
        loads: numbers of stored pairs.
    """
    known = {x for of in facts.values() for key in of for x in json.loads(key)}
    dims = tuple(axis for axis in axes if axis in {*known, "rule", "d"})
    shape = tuple(len(axes[axis]) for axis in dims)
    sizes = np.full((*shape, 2), np.nan)
    for place in np.ndindex(*shape):
        at = {x: axes[x][i] for x, i in zip(dims, place, strict=True)}
        of = facts[at.pop("rule")]
        d = at.pop("d")
        # A rule that does not take an axis has no level of it.
        for key in (_key(d, at), _key(d, {x: at[x] for x in at if x == "v"})):
            if key in of:
                sizes[place] = of[key]
                break
    whole = sizes[..., :1] + sizes[..., 1:] * np.asarray(loads, float)
    return (*dims, "n"), whole


def _key(d: int, levels: Mapping[str, Any]) -> str:
    plain = lambda x: x.item() if isinstance(x, np.generic) else x
    return json.dumps({"d": int(d), **{x: plain(y) for x, y in levels.items()}})
