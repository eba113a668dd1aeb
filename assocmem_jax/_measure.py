"""The kernel of a study: what one rule retrieves at every load of one dimension."""

import functools

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from . import metrics
from ._fold import Fold
from ._pairs import Pairs
from ._rule import AbstractRule
from .patterns import AbstractEnsemble


METRICS = {
    "cosine": metrics.cosine_similarity,
    "distance": metrics.euclidean_distance,
}


class Moments(eqx.Module):
    """Mean and spread of a number, merged without cancellation.

    Attributes:
        count: how many were seen.
        mean: their mean.
        squares: sum of their squared deviations from the mean.

    References:
        Chan, Golub & LeVeque (1983), doi:10.1080/00031305.1983.10483115, eq. 1.5.
    """

    count: Int[Array, ""]
    mean: Float[Array, ""]
    squares: Float[Array, ""]

    @staticmethod
    def of(x: Float[Array, " n"], mask) -> "Moments":
        """The moments of the entries of `x` where `mask` is True."""
        count = jnp.sum(mask)
        mean = jnp.sum(jnp.where(mask, x, 0)) / jnp.maximum(count, 1)
        squares = jnp.sum(jnp.where(mask, (x - mean) ** 2, 0))
        return Moments(count, mean, squares)

    def merge(self, other: "Moments") -> "Moments":
        """The moments of both samples together."""
        count = self.count + other.count
        share = other.count / jnp.maximum(count, 1)
        step = other.mean - self.mean
        squares = self.squares + other.squares + step**2 * self.count * share
        return Moments(count, self.mean + step * share, squares)

    @property
    def std(self) -> Float[Array, ""]:
        """Standard deviation, with the count less one; 0 for a single number."""
        return jnp.sqrt(self.squares / jnp.maximum(self.count - 1, 1))


@functools.partial(jax.jit, static_argnames=("ensemble", "d", "n_max"))
def measure(
    rule: AbstractRule,
    rng: Key[Array, ""],
    loads: Int[Array, " loads"],
    *,
    ensemble: AbstractEnsemble,
    d: int,
    n_max: int,
) -> dict[str, Moments]:
    """Store n pairs, ask for each of them, and score the answers, for every load n.

    The pairs of a load are the first of those drawn for the largest one.
    """
    keys = ensemble.draw(jax.random.fold_in(rng, 0), n_max, d)
    values = ensemble.draw(jax.random.fold_in(rng, 1), n_max, d)
    pairs = Pairs(keys, values)
    planned, batch = Fold().plan(n_max, n_max)

    def cell(n):
        fold = eqx.tree_at(lambda f: f.stop, planned, n, is_leaf=lambda x: x is None)
        memory = rule.write(pairs, fold)

        def score(block):
            answers = jax.vmap(lambda query: rule.read(memory, query, fold))(block.keys)
            return {
                name: Moments.of(metric(block.values, answers), block.mask)
                for name, metric in METRICS.items()
            }

        merge = lambda a, b: {name: a[name].merge(b[name]) for name in a}
        # The queries are the stored pairs, so the same fold runs over them.
        return fold.with_block_size(batch)(score, merge, pairs)

    return jax.lax.map(cell, loads)
