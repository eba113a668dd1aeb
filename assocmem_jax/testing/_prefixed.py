"""Laws of rules that a study asks at all loads at once."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

from .._core import linear
from .._core.fold import Fold
from .._core.linear import AbstractLinear
from .._core.pairs import Pairs
from .._core.rule import joined, split
from .._core.separation import (
    AbstractSeparation,
    weight_sums,
    weighted,
    weighted_prefixes,
)
from .._core.sums import IndexedKeys, ValueSums
from ._case import Case, must_be_close
from ._compiled import quick
from ._law import law


@law(
    "prefixes",
    "one pass over the pairs gives the answers at all loads",
    "make `join` and `merge` associative, and let `solve` look at its summary alone",
)
def prefixes(case: Case) -> None:
    """For separations that look once, and linear rules."""
    if not _in_one_pass(case):
        return
    n, d = case.numbers[2], case.d
    arrays = case.arrays(n)
    numbers, static = split("check_rule", "rule", case.rule)
    for stops in ({1, d, d + 2, 2 * d, n}, {2, 4, 3 * d, n - 1, n}):
        for size in (4, 64):
            given = jnp.asarray(sorted(stops), jnp.int32)
            outs = _values(numbers, *arrays, given, static=static, size=size)
            for out, stop in zip(outs, sorted(stops), strict=True):
                keys, values, queries = arrays
                expected = case.expected(keys[:stop], values[:stop], queries)
                where = f"at {stop} of {n} pairs in blocks of {size}"
                must_be_close(out, expected, where)


@quick("static", "size")
def _values(numbers, keys, values, queries, stops, *, static, size):
    rule, pairs, fold = joined(numbers, static), Pairs(keys, values), Fold(size)
    if isinstance(rule, AbstractSeparation):
        answers = lambda query: weighted_prefixes(
            rule, ValueSums(), query, pairs, fold, stops, 0
        )
        return jax.vmap(answers, out_axes=1)(queries)
    rule, pairs = linear.prepared(rule, pairs, fold)
    sums = linear.summaries(rule, pairs, fold, stops)

    def at(given):
        summary, stop = given
        upto = fold.up_to(stop)
        memory = rule.solve(summary, pairs, upto)
        return jax.vmap(lambda query: rule.read(memory, query, upto))(queries)

    return jax.lax.map(at, (sums, stops))


@law(
    "weights",
    "the weights that answers give to values are those of a dense computation",
    "let `left` return the matrix of the memory M = L K^T V, and `weigh` see no value",
)
def weights(case: Case) -> None:
    """The weight of the right value, and the squares of the others."""
    linear_one = isinstance(case.rule, AbstractLinear) and case.rule.has_left
    if not (linear_one or isinstance(case.rule, AbstractSeparation)):
        return
    n, d, target = case.numbers[2], case.d, 1
    keys, _, _ = case.arrays(n)
    query = keys[target] + np.asarray(0.1, keys.dtype)
    numbers, static = split("check_rule", "rule", case.rule)
    stops = sorted({max(d - 1, 2), d + 2, max(2 * d, 2), 4 * d, n})
    for size in (4, 7, 512):
        given = jnp.asarray(stops, jnp.int32)
        found = _weights(numbers, keys, query, target, given, static=static, size=size)
        for j, stop in enumerate(stops):
            stored = keys[:stop]
            dense = case.expected(stored, np.eye(stop), query[None])[0]
            rest = np.delete(dense, target)
            whole = dense @ dense
            where = f"at {stop} of {n} pairs in blocks of {size}"
            right = found.unit[j] * np.array(
                [found.target[j], found.unit[j] * found.noise[j]]
            )
            scale = np.array([whole**0.5, whole])
            desired = np.array([dense[target], rest @ rest])
            must_be_close(
                np.append(right / scale, 1), np.append(desired / scale, 1), where
            )


@quick("static", "size")
def _weights(numbers, keys, query, target, stops, *, static, size):
    rule, fold, n = joined(numbers, static), Fold(size), len(keys)
    index, stored = jnp.arange(n, dtype=jnp.int32), jnp.ones(n, bool)
    table = IndexedKeys(keys, index, stored)
    if isinstance(rule, AbstractSeparation):
        index = jnp.asarray(target, jnp.int32)
        sums = weight_sums(rule, query, keys[target], index, fold)
        if rule.looks == "once":
            return weighted_prefixes(rule, sums, query, table, fold, stops, 0)
        at = lambda stop: weighted(rule, sums, query, table, fold.up_to(stop))
        return jax.lax.map(at, stops)
    bare = eqx.tree_at(lambda pairs: pairs.values, Pairs(keys, keys), keys[:, :0])
    rule, bare = linear.prepared(rule, bare, fold)
    grams = linear.grams(rule, bare, fold, stops)

    def under(given):
        gram, stop = given
        left = rule.left(gram, bare, fold.up_to(stop))
        return linear.weights(rule, left, query, keys[target], fold)

    return jax.lax.map(under, (grams, stops))


def _in_one_pass(case: Case) -> bool:
    separation = isinstance(case.rule, AbstractSeparation)
    once = separation and case.rule.looks == "once"
    return once or isinstance(case.rule, AbstractLinear)
