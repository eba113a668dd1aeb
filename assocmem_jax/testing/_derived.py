"""Laws of derivatives."""

import jax
import jax.numpy as jnp
import numpy as np

from .._core.fold import Fold
from .._core.pairs import Pairs
from .._core.retrieve import retrieve
from .._core.rule import joined, split
from ._case import Case, must, must_be_close, tolerance, widest
from ._compiled import quick, read_all
from ._law import law


@law(
    "gradients",
    "derivatives are finite differences, forwards and backwards, and masked pairs have "
    "none",
    "divide by nothing that may be zero under a `jnp.where`, and stop no gradient that "
    "counts",
)
def gradients(case: Case) -> None:
    """By keys, values and queries; with all pairs stored, and some of them."""
    for n in case.numbers:
        arrays = case.arrays(n, m=2)
        every, some = np.ones(n, bool), np.random.default_rng(n).random(n) < 0.7
        some[0], some[-1] = True, False
        for mask, garbage in ((every, 0.0), (some, 1e30), (some, np.nan)):
            keys, values, queries = (x.copy() for x in arrays)
            keys[~mask], values[~mask] = garbage, garbage
            where = f"for {mask.sum()} of {n} pairs, {garbage:g} under the mask"
            _check(case, (keys, values, queries), mask, where)


def _check(case, arrays, mask, where):
    tangents = case.arrays(len(mask), m=2, seed=1)
    out = np.random.default_rng(2).standard_normal((2, case.v)).astype(widest())
    numbers, static = split("check_rule", "rule", case.rule)
    change, pulled = jax.tree.map(
        np.asarray,
        _both_ways(numbers, arrays, mask, tangents, out, static=static),
    )
    step = float(np.cbrt(np.finfo(widest()).eps))
    step = max(min(step, 1e-2), 1e-5)
    ends = [
        case.expected(*_moved(arrays, tangents, sign * step), mask) for sign in (1, -1)
    ]
    desired = (ends[0] - ends[1]) / (2 * step)
    # Differences: step^2 of truncation, 1e-16 / step of rounding.
    bound = max(1e-7, 10 * tolerance(widest()))
    _must_agree(change, desired, bound, f"forwards {where}")
    for name, gradient in zip(("keys", "values", "queries"), pulled, strict=True):
        must(np.all(np.isfinite(gradient)), f"a gradient by {name} not finite {where}")
        if name != "queries":
            must(not np.any(gradient[~mask]), f"a gradient by masked {name} {where}")
            some = np.any(gradient[mask]) or not _moves(case, name, arrays, mask)
            must(some, f"no gradient by {name} {where}")
    pairs = zip(pulled, tangents, strict=True)
    backwards = sum(np.sum(a.astype(np.float64) * b) for a, b in pairs)
    _must_agree(backwards, np.sum(desired * out), bound, f"backwards {where}")


def _moves(case, name, arrays, mask):
    """Whether answers change with keys, or with values, at all."""
    keys, values, queries = arrays
    moved = [1.001 * keys, values] if name == "keys" else [keys, 1.001 * values]
    change = case.expected(*moved, queries, mask) - case.expected(*arrays, mask)
    return np.any(np.abs(change) > 1e-9)


def _moved(arrays, tangents, step):
    return [
        (x + step * t).astype(x.dtype) for x, t in zip(arrays, tangents, strict=True)
    ]


def _must_agree(actual, desired, bound, where):
    error = np.max(np.abs(actual - desired) - bound * (1 + np.abs(desired)))
    must(error <= 0, f"{np.max(np.abs(actual - desired)):.1e} off {where}")


@quick("static")
def _both_ways(numbers, arrays, mask, tangents, cotangent, *, static):
    rule = joined(numbers, static)
    fn = lambda *arrays: retrieve(rule, *arrays, mask=mask, fold=Fold(4))
    _, change = jax.jvp(fn, tuple(arrays), tuple(tangents))
    _, pull = jax.vjp(fn, *arrays)
    return change, pull(cotangent)


@law(
    "tangents",
    "derivatives at a stop are those of the prefix",
    "see pairs through `fold` alone, which knows the stop",
)
def tangents(case: Case) -> None:
    """Forwards: a loop of unknown length has no other derivative."""
    numbers, static = split("check_rule", "rule", case.rule)
    below, _, beyond = case.numbers
    far = (below, 2 * case.d - 1, 2 * case.d + 2, beyond)
    for n, stops in ((below, (1, below)), (beyond, far)):
        arrays, moved = case.arrays(n), case.arrays(n, seed=1)
        for stop in stops:
            change, desired = _at_stop(
                numbers, arrays, moved, jnp.asarray(stop, jnp.int32), static=static
            )
            where = f"at a stop of {stop} of {n} pairs"
            must_be_close(change, desired, where, scale=10.0)


@quick("static")
def _at_stop(numbers, arrays, tangents, stop, *, static):
    """Derivatives by a loop that ends at the stop, and under a mask from there on."""
    rule = joined(numbers, static)
    stored = jnp.arange(len(arrays[0]), dtype=jnp.int32) < stop

    def stopped(keys, values, queries):
        return read_all(rule, Pairs(keys, values), queries, Fold(4, stop=stop))

    def masked(keys, values, queries):
        return read_all(rule, Pairs(keys, values, stored), queries, Fold(4))

    arrays, tangents = tuple(arrays), tuple(tangents)
    return [jax.jvp(fn, arrays, tangents)[1] for fn in (stopped, masked)]
