"""Laws of answers: what they equal, and what does not matter to them."""

import jax
import jax.numpy as jnp
import numpy as np

from .._base.errors import first_line
from .._core.fold import Fold
from .._core.pairs import Pairs
from .._core.retrieve import retrieve
from .._core.rule import joined, split
from ._case import (
    BATCHES,
    Case,
    answers,
    floats,
    must,
    must_be_close,
    tolerance,
)
from ._compiled import quick, read_all
from ._law import law


@law(
    "definition",
    "the answers equal the definition, in the type of the arrays",
    "cast what the rule holds to the type of the arrays, and compare the formula",
)
def definition(case: Case) -> None:
    """In all types, below, at and beyond 2 d pairs."""
    for n in case.numbers:
        for dtype in floats():
            arrays = case.arrays(n, dtype=dtype)
            out = retrieve(case.rule, *arrays)
            where = f"for {n} pairs of {np.dtype(dtype)}"
            must(out.dtype == dtype, f"{out.dtype} {where}")
            must_be_close(out, case.expected(*arrays), where)


@law(
    "half",
    "arrays in half precision are answered as in float32, rounded once",
    "keep sums and scores in the type of the blocks, which is float32 at least",
)
def half(case: Case) -> None:
    """Of many pairs, in small blocks."""
    arrays = case.arrays(_MANY)
    for dtype in (jnp.bfloat16, jnp.float16):
        given = [jnp.asarray(x, dtype) for x in arrays]
        out = answers(case, given, 16)
        must(out.dtype == dtype, f"{out.dtype} for arrays of {np.dtype(dtype)}")
        # What is beyond the type is infinite in it.
        most = float(jnp.finfo(dtype).max)
        exact = case.expected(*given).clip(-most, most)
        out = out.astype(np.float64).clip(-most, most)
        error = np.abs(out - exact).max() / np.abs(exact).max()
        where = f"of the largest entry for {_MANY} pairs of {np.dtype(dtype)}"
        must(error <= jnp.finfo(dtype).eps, f"an error of {error:.1e} {where}")


@law(
    "blocks",
    "the sizes of blocks and of batches of queries do not matter",
    "make what is merged (`join`, `merge`) relative to what both blocks hold",
)
def blocks(case: Case) -> None:
    """One pair or query at a time, some, and more than there are."""
    for n in case.numbers:
        arrays = case.arrays(n)
        for size, batch in BATCHES.items():
            out = answers(case, arrays, size)
            where = f"for {n} pairs in blocks of {size} and queries in batches of "
            must_be_close(out, case.expected(*arrays), f"{where}{batch}")


@law(
    "order",
    "the order of pairs does not matter",
    'let no weight depend on the index of a pair; or pass `breaks=("order",)`, where '
    "the rule is meant to forget",
)
def order(case: Case) -> None:
    """In four orders."""
    for n in case.numbers:
        keys, values, queries = case.arrays(n)
        expected = case.expected(keys, values, queries)
        for seed in range(4):
            other = np.random.default_rng(seed).permutation(n)
            out = answers(case, (keys[other], values[other], queries))
            must_be_close(out, expected, f"for {n} pairs in another order")


@law(
    "masks",
    "masked pairs are absent, whatever stands in their rows",
    "let `mask` decide what counts, by `jnp.where` and not by a product",
)
def masks(case: Case) -> None:
    """Rows of zeros, of large numbers and of nan; blocks that hold no pair."""
    for n in case.numbers[1:]:
        for mask in _masks(n):
            keys, values, queries = case.arrays(n)
            expected = case.expected(keys, values, queries, mask)
            for garbage in (0.0, 1e30, np.nan):
                keys[~mask], values[~mask] = garbage, garbage
                for size in (4, None):
                    out = answers(case, (keys, values, queries), size, mask)
                    rows = f"rows of {garbage:g} under the mask"
                    where = f"for {np.sum(mask)} of {n} pairs stored and {rows}"
                    must_be_close(out, expected, f"{where}, blocks of {size}")


def _masks(n: int) -> list[np.ndarray]:
    """The second block of four absent, the first, and all but one of the rest."""
    some, late, one = (np.random.default_rng(n).random(n) < 0.6 for _ in range(3))
    some[:4], some[4:8] = True, False
    late[:4], late[4:] = False, True
    one[:], one[min(5, n - 1)] = False, True
    return [some, late, one]


@law(
    "nothing",
    "with no pair stored, the answer is zero",
    'guard the division by what is summed, or declare `breaks=("nothing",)`',
)
def nothing(case: Case) -> None:
    """All pairs masked, or a stop at zero."""
    n = case.numbers[2]
    keys, values, queries = case.arrays(n)
    none, every = np.zeros(n, bool), np.ones(n, bool)
    for size in (4, None):
        out = answers(case, (keys, values, queries), size, none)
        must(not out.any(), f"{out.ravel()[0]:.3g} with all pairs masked")
    out = np.asarray(at_stop(case, (keys, values, queries), every, 0, 4))
    must(not out.any(), f"{out.ravel()[0]:.3g} with a stop at 0")


@law(
    "stops",
    "a stop known at run time is a prefix",
    "see pairs through `fold` alone, which knows the stop",
)
def stops(case: Case) -> None:
    """Around the edges of blocks, of d and of 2 d."""
    n, d = case.numbers[2], case.d
    keys, values, queries = arrays = case.arrays(n)
    mask = np.random.default_rng(1).random(n) < 0.9
    mask[0] = True
    for stop in sorted({1, 3, 4, 5, 2 * d - 1, 2 * d, 2 * d + 1, 6 * d - 1, n}):
        before = np.arange(n) < stop
        expected = case.expected(keys, values, queries, mask & before)
        where = f"at a stop of {stop} of {n} pairs"
        for size in (4, None):
            out = at_stop(case, arrays, mask, stop, size)
            must_be_close(out, expected, f"{where}, blocks of {size}")
        # Where all pairs are known to be stored, none need be counted.
        expected = case.expected(keys, values, queries, before)
        must_be_close(at_stop(case, arrays, None, stop, 16), expected, where)


def at_stop(case: Case, arrays, mask, stop: int, size: int | None):
    """Answers at a stop, by a program that is compiled for all of them."""
    numbers, static = split("check_rule", "rule", case.rule)
    at = jnp.asarray(stop, jnp.int32)
    return _at_stop(numbers, *arrays, mask, at, static=static, size=size)


@quick("static", "size")
def _at_stop(numbers, keys, values, queries, mask, stop, *, static, size):
    fold = Fold(size, stop=stop)
    return read_all(joined(numbers, static), Pairs(keys, values, mask), queries, fold)


@law(
    "nans",
    "no step makes a nan, whatever pairs there are",
    "guard a division before it is made: `x / jnp.where(y > 0, y, 1)`",
)
def nans(case: Case) -> None:
    """Step by step, as `jax_debug_nans` looks; with keys of zeros, and with no pair."""
    n = case.numbers[0]
    keys, values, queries = (jnp.asarray(x) for x in case.arrays(n, m=2))
    every = jnp.ones(n, bool)
    ways = {
        f"for {n} pairs": (keys, every),
        f"for {n} keys of zeros": (0 * keys, every),
        "with all pairs masked": (keys, ~every),
    }
    for where, (given, mask) in ways.items():
        try:
            with jax.debug_nans(True):
                read_all(case.rule, Pairs(given, values, mask), queries, Fold(4))
        except FloatingPointError as error:
            must(False, f"a nan {where}: {first_line(error)}")


@law(
    "vmap",
    "`jax.vmap` is a loop",
    "branch by `jnp.where` or `jax.lax.cond`, on numbers of one element",
)
def vmap(case: Case) -> None:
    """Three trials, one of which has a key twice."""
    batched = quick()(jax.vmap(lambda *arrays: retrieve(case.rule, *arrays)))
    for n in case.numbers:
        trials = [case.arrays(n, seed=seed) for seed in range(3)]
        trials[1][0][-1] = trials[1][0][0]
        batch = [np.stack(arrays) for arrays in zip(*trials, strict=True)]
        outs = batched(*batch)
        for out, arrays in zip(outs, trials, strict=True):
            must_be_close(out, case.expected(*arrays), f"for a batch of {n} pairs")


@law(
    "scales",
    "answers are right wherever they are in range",
    "take the largest score off before an exponential, and scale before a square",
)
def scales(case: Case) -> None:
    """Keys, values and queries one by one, keys and queries together."""
    together = ((1, 0, 0), (0, 1, 0), (0, 0, 1), (1, 0, 1))
    for n in case.numbers[:2]:
        for dtype, ends in _ENDS.items():
            most = float(np.finfo(dtype).max)
            for end in ends:
                for chosen in together:
                    arrays = case.arrays(n, dtype=np.float64)
                    scaled = zip(arrays, chosen, strict=True)
                    kept = [
                        np.clip(x * end if on else x, -most, most) for x, on in scaled
                    ]
                    given = [x.astype(dtype) for x in kept]
                    where = f"for {n} pairs of {np.dtype(dtype)}, {_named(chosen, end)}"
                    _must_be_right(case, given, where)


_MANY = 1000
_ENDS = {np.float32: (1e-30, 1e-12, 1e12, 1e30), np.float16: (1e-4, 2e4)}


def _named(chosen, end) -> str:
    names = zip(("keys", "values", "queries"), chosen, strict=True)
    return f"{' and '.join(name for name, on in names if on)} times {end:g}"


def _must_be_right(case: Case, arrays, where: str) -> None:
    dtype = arrays[0].dtype
    with np.errstate(all="ignore"):
        right = np.asarray(case.expected(*arrays), np.float64)
    largest, info = np.abs(right).max(), jnp.finfo(dtype)
    # Not beyond the type, nor so small that its digits are lost.
    if not float(info.smallest_normal) / float(info.eps) < largest < float(info.max):
        return
    out = np.asarray(answers(case, arrays)).astype(np.float64)
    finite = np.isfinite(out).ravel()
    must(finite.all(), f"{out.ravel()[np.argmin(finite)]} {where}")
    error = np.abs(out - right).max() / largest
    bound = tolerance(np.float32) + (dtype == np.float16) * float(info.eps)
    must(error <= bound, f"an error of {error:.1e} of the largest entry {where}")


@law(
    "values",
    "new values of hyperparameters compile nothing",
    "hold what a study varies in fields of arrays, and read no number from them",
)
def values(case: Case) -> None:
    """Three values of all numbers that the rule holds."""
    numbers, static = split("check_rule", "rule", case.rule)
    arrays = case.arrays(case.numbers[1])
    traced = []

    @quick()
    def program(numbers, *arrays):
        traced.append(numbers)
        return retrieve(joined(numbers, static), *arrays)

    for factor in (1.0, 2.0, 3.5):
        given = [_times(factor, x) for x in numbers]
        out = program(given, *arrays)
        alone = retrieve(joined(given, static), *arrays)
        must_be_close(out, alone, f"with numbers times {factor}")
    must(len(traced) == 1, f"{len(traced)} programs for 3 values")


def _times(factor, x):
    """A number of floating point times a factor, by NumPy, which compiles nothing."""
    x = np.asarray(x)
    return (factor * x).astype(x.dtype) if jnp.issubdtype(x.dtype, jnp.inexact) else x
