"""Whether a rule can be measured: seen on a few pairs, before a study compiles.

A study stores the first n of many rows. It gives a rule zeros in place of the other
rows, a mask that says so, and a fold that stops before them. A rule that counts those
rows all the same would be measured wrongly, without a word.
"""

import contextlib
from collections.abc import Iterator

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from .._base.errors import first_line
from .._core.fold import Fold
from .._core.linear import AbstractLinear, prepared, weights
from .._core.pairs import Pairs
from .._core.rule import AbstractRule, Static, joined, split, static_advice
from .._core.separation import AbstractSeparation


# Enough for rules that choose some fixed number of pairs, among as many rows as a study
# has at least: a mean over all rows is then next to nothing.
_STORED, _ROWS = 21, 1024
# Of the answer to a query, and of the largest answer: what rounding leaves of a zero.
_TOLERANCE, _FLOOR = 1e-3, 1e-6


class Unmeasurable(Exception):
    """A rule that a study cannot measure.

    Attributes:
        complaint: what is wrong, after the name of the rule.
        advice: what to do, in a sentence.
    """

    def __init__(self, complaint: str, advice: str):
        super().__init__(f"{complaint}. {advice}")
        self.complaint, self.advice = complaint, advice


def check_runs(rule: AbstractRule, d: int, v: int) -> None:
    """Raise unless a rule can be traced for keys and values of some dimensions.

    Raises:
        Unmeasurable: if it fails, its answer is no value, or its memory is none.
    """
    table = _pairs(d, v)
    with _explained(rule, d):
        arrays, static = split("Spec", "rules", rule)
        traced = lambda arrays, table: _answers(static, arrays, table)
        alone, _ = jax.eval_shape(traced, arrays, table)
        grows = _grows(rule, table)
    shape = alone.shape[1:] if isinstance(alone, jax.ShapeDtypeStruct) else None
    if shape != (v,):
        got = f"a {type(alone).__name__}" if shape is None else f"shape {shape}"
        raise Unmeasurable(
            f"answers a query with {got} where values have dimension {v}",
            "Return one value per query.",
        )
    if grows:
        raise Unmeasurable(
            'declares `looks = "memory"`, and what `write` returns grows with the '
            "number of pairs",
            'Declare `looks = "again"` for a rule that reads its pairs.',
        )


def check_stored(rule: AbstractRule, d: int, v: int) -> None:
    """Raise unless a rule answers from the stored pairs alone.

    Raises:
        Unmeasurable: if other pairs change its answers.
    """
    arrays, static = split("Spec", "rules", rule)
    shown = _compiled_answers(static, arrays, _pairs(d, v))
    alone, among = (np.asarray(x, np.float64) for x in shown)
    if _agree(alone, among):
        return
    off = _excess(alone, among)
    worst = np.unravel_index(np.argmax(off), off.shape)
    raise Unmeasurable(
        f"counts pairs that are not stored: of {_STORED} pairs it answers "
        f"{alone[worst]:.4g}, and {among[worst]:.4g} where {_ROWS - _STORED} absent "
        "ones follow",
        "Look at the pairs through `fold` alone, and give no weight to rows where "
        "`block.mask` is False.",
    )


def check_left(rule: AbstractRule, d: int) -> None:
    """Raise unless a linear rule gives the weights that its `left` says.

    Raises:
        Unmeasurable: if it gives others, or `left` fails.
    """
    if not isinstance(rule, AbstractLinear) or not rule.has_left:
        return
    with _explained(rule, d):
        fits = _left_fits(rule, _pairs(d, 1))
    if not fits:
        raise Unmeasurable(
            "gives other weights to its values than its `left` says",
            r"`left` must return F of the memory $M = F F^\top K^\top V$ of the stored "
            "pairs. Or draw values.",
        )


@contextlib.contextmanager
def _explained(rule: AbstractRule, d: int) -> Iterator[None]:
    """Say of an error in a caller's rule, which may be any, what it means."""
    try:
        yield
    except Exception as error:
        advice = static_advice(rule, error)
        if not advice and isinstance(error, TypeError | ValueError):
            advice = "Arrays that a rule holds must fit every `d` of the study."
        raise Unmeasurable(
            f"fails at d = {d} with {type(error).__name__}: {first_line(error)}",
            advice or "Call `retrieve` with it to see where.",
        ) from error


def _pairs(d: int, v: int) -> Pairs:
    rng = np.random.default_rng(0)
    keys, values = (rng.standard_normal((_ROWS, size)) for size in (d, v))
    return Pairs(keys.astype(np.float32), values.astype(np.float32))


def _queries(keys: Float[Array, "n d"]) -> Float[Array, "m d"]:
    """Stored keys, their opposites, and no direction at all."""
    # Scores of absent rows are zero: below those of the first, above those of the
    # second, and as large as all others of the last.
    return jnp.concatenate([keys[:3], -keys[:2], jnp.zeros_like(keys[:1])])


def _answers(static: Static, arrays: list[Array], table: Pairs) -> tuple[Array, Array]:
    """Answers from the stored pairs, and from these among others that are absent."""
    rule = joined(arrays, static)
    queries = _queries(table.keys)

    def answers(pairs, fold):
        memory = rule.write(pairs, fold)
        return jax.vmap(lambda query: rule.read(memory, query, fold))(queries)

    known = isinstance(rule, AbstractSeparation | AbstractLinear)
    among = table if known else table.between(0, _STORED).present()
    stop = jnp.asarray(_STORED, jnp.int32)
    alone = answers(table.rows(0, _STORED), Fold(4))
    return alone, answers(among, Fold(4, stop=stop))


_compiled_answers = jax.jit(_answers, static_argnums=0)


def _grows(rule: AbstractRule, table: Pairs) -> bool:
    """Whether a memory that should not depend on the number of pairs does."""
    if rule.looks != "memory":
        return False
    write = lambda rows: jax.eval_shape(
        lambda pairs: jax.tree.leaves(rule.write(pairs, Fold(4))), table.rows(0, rows)
    )
    shapes = lambda rows: [x.shape for x in write(rows)]
    return shapes(_STORED) != shapes(_ROWS)


def _left_fits(rule: AbstractLinear, table: Pairs) -> bool:
    """Whether `left`, among absent rows, gives the weights of the stored pairs."""
    keys, fold = table.keys[:_STORED], Fold(4)
    query = keys[1] + jnp.asarray(0.1, keys.dtype)
    units = Pairs(keys, jnp.eye(_STORED, dtype=keys.dtype))
    given = np.asarray(rule.read(rule.write(units, fold), query, fold), np.float64)
    bare = eqx.tree_at(lambda pairs: pairs.values, table, table.keys[:, :0])
    upto = fold.up_to(jnp.asarray(_STORED, jnp.int32))
    ready, lifted = prepared(rule, bare, upto)
    seen = jax.vmap(rule.lift)(keys)
    left = ready.left(fold.dot(seen.T, seen), lifted, upto)
    found = weights(rule, left, query, keys[1], fold)
    others = np.delete(given, 1)
    unit = 1.0 if found.unit is None else float(found.unit)
    return _agree(
        np.array([given[1] ** 2, others @ others]),
        unit**2 * np.array([float(found.target) ** 2, float(found.noise)]),
    )


def _agree(right: np.ndarray, got: np.ndarray) -> bool:
    return bool(np.all(_excess(right, got) <= 1))


def _excess(right: np.ndarray, got: np.ndarray) -> np.ndarray:
    """How far off each entry is, in units of what rounding may leave in its row."""
    sizes = np.where(np.isfinite(right), np.abs(right), 0)
    most = _TOLERANCE * sizes.max(-1, keepdims=True) + _FLOOR * (sizes.max() or 1.0)
    same = (right == got) | (np.isnan(right) & np.isnan(got))
    with np.errstate(invalid="ignore"):
        off = np.where(same, 0, np.abs(right - got))
    # Not a number is the worst of all.
    return np.nan_to_num(off / most, nan=np.inf)
