"""Weighted means and covariances of stored keys around one query."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .exponential import AbstractExponential
from .fold import Fold


# Rows of a block, at least: to add matrices takes longer than to make them of few rows.
_ROWS = 32


class Moments(NamedTuple):
    """Moments of keys in a unit of theirs, under exponential weights.

    Attributes:
        near: a point near the mean, a constant to derivatives.
        mean: from there to the mean.
        covariance: of the keys.
    """

    near: Float[Array, " d"]
    mean: Float[Array, " d"]
    covariance: Float[Array, "d d"]


def moments(
    rule: AbstractExponential,
    query: Float[Array, " d"],
    table: Any,
    fold: Fold,
    unit: Float[Array, ""],
) -> Moments:
    """The moments of keys under the weights that a rule gives them for a query.

    In two passes: what is squared are deviations from the mean. The second takes small
    blocks, as each query has deviations of its own, and only adds what it finds, so
    that derivatives keep nothing of it.

    Args:
        rule: what gives weights to keys, prepared for the query.
        query: one query.
        table: the stored keys.
        fold: over them.
        unit: of the keys, a power of two.

    References:
        Chan, Golub & LeVeque (1983), doi:10.1080/00031305.1983.10483115 (sums of
        squared deviations in two passes, and what corrects the mean).
    """
    rows = max(fold.block_rows(table) // len(query), _ROWS)
    top, near = jax.lax.stop_gradient(_nearby(rule, query, table, fold, unit))

    # Derivatives compute the deviations again, rather than keep them.
    @jax.checkpoint
    def of_block(block):
        scores = rule.scores(query, block, fold)
        # By other roundings than those of the largest alone are some beyond it.
        scores -= jax.lax.stop_gradient(jnp.maximum(scores - top, 0))
        weights = rule.weights(scores, block.mask, top)
        away = block.keys * (1 / unit) - jnp.broadcast_to(near, block.keys.shape)
        squares = fold.dot((weights[:, None] * away).T, away)
        return jnp.sum(weights), fold.dot(weights, away), squares

    add = lambda a, b: jax.tree.map(jnp.add, a, b)
    total, first, second = fold.with_block_size(rows)(of_block, add, table)
    mean = first / _or_one(total)
    covariance = second / _or_one(total) - mean[:, None] * mean[None]
    return Moments(near, mean, covariance)


def _nearby(rule, query, table, fold, unit):
    """The largest score, and the mean of the keys up to rounding."""

    def of_block(block):
        scale, weights = rule.weigh(rule.scores(query, block, fold), block.mask)
        return scale, fold.dot(weights, block.keys * (1 / unit))

    def merge(a, b):
        scale, shrink_a, shrink_b = rule.join(a[0], b[0])
        return scale, shrink_a * a[1] + shrink_b * b[1]

    (top, total), first = fold(of_block, merge, table)
    return top, first / _or_one(total)


def _or_one(total: Float[Array, ""]) -> Float[Array, ""]:
    """A sum to divide by; one where nothing is summed."""
    return jnp.where(total > 0, total, 1)
