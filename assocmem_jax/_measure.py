"""The kernel of a study: what one rule retrieves at every load."""

import dataclasses

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int

from . import metrics
from ._fold import Fold
from ._pairs import Pairs
from ._rule import AbstractRule


AnyArray = Array | np.ndarray
METRICS = {
    "cosine": metrics.cosine_similarity,
    "distance": metrics.euclidean_distance,
}


class Moments(eqx.Module):
    """Count, mean and spread of numbers, merged without cancellation.

    Attributes:
        count: how many were seen.
        mean: their mean.
        squares: sum of their squared deviations from the mean.

    References:
        Chan, Golub & LeVeque (1979), Stanford report CS-TR-79-773 (the updating
            formula of their title).
    """

    count: Float[AnyArray, "*loads"]
    mean: Float[AnyArray, "*loads metrics"]
    squares: Float[AnyArray, "*loads metrics"]

    @staticmethod
    def of(x: Float[Array, "metrics m"], mask: Bool[Array, " m"]) -> "Moments":
        """The moments of each row of `x`, where `mask` is True."""
        # What is masked may be nan, and nan times a weight of zero is nan.
        x, weights = jnp.where(mask[None], x, 0), mask.astype(x.dtype)
        total = lambda x: jnp.matmul(x, weights, precision="highest")
        count, *sums = total(jnp.concatenate([jnp.ones_like(x[:1]), x]))
        mean = jnp.stack(sums) / jnp.maximum(count, 1)
        return Moments(count, mean, total((x - mean[:, None]) ** 2))

    def merge(self, other: "Moments") -> "Moments":
        """The moments of both samples together."""
        count = self.count + other.count
        share = other.count / jnp.maximum(count, 1)
        step = other.mean - self.mean
        squares = self.squares + other.squares + step**2 * (self.count * share)
        return Moments(count, self.mean + step * share, squares)

    @property
    def std(self) -> Float[AnyArray, "*loads metrics"]:
        """Standard deviation, from the count less one; 0 for a single number."""
        return (self.squares / (self.count - 1).clip(1)[..., None]) ** 0.5


@jax.jit
def measure(rule: AbstractRule, pairs: Pairs, loads: Int[Array, " loads"]) -> Moments:
    """Store the first n pairs, ask for each of them, and score the answers.

    Args:
        rule: how a query is answered.
        pairs: as many pairs as the largest load.
        loads: numbers n of pairs. They are not known when compiling: the loop over
            blocks ends with the load, so that a small one costs little.

    Returns:
        Moments over the stored pairs, a row per load and a column per entry of
        `METRICS`.
    """
    n = pairs.keys.shape[0]
    planned, batch = Fold().plan(n, n)

    def cell(load):
        fold = dataclasses.replace(planned, stop=load)
        memory = rule.write(pairs, fold)

        def score(block):
            answers = jax.vmap(lambda query: rule.read(memory, query, fold))(block.keys)
            scores = [metric(block.values, answers) for metric in METRICS.values()]
            return Moments.of(jnp.stack(scores), block.mask)

        # The queries are the stored keys, so the same fold runs over them.
        return fold.with_block_size(batch)(score, Moments.merge, pairs)

    return jax.lax.map(cell, loads)
