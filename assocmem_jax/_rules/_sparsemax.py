"""Sparsemax (sparse modern Hopfield) rule."""

import operator

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._checks import check_range, to_scalar
from .._fold import Fold
from .._pairs import Pairs
from .._rule import AbstractRule
from .._weights import Answer


class Sparsemax(AbstractRule[Pairs]):
    r"""Sparse Hopfield retrieval, $\hat v = V^\top \mathrm{sparsemax}(\beta K q)$.

    The weights are the point of the simplex nearest to the scores,
    $p_j = \max(s_j - \tau, 0)$ with $\tau$ such that they sum to 1. Keys whose scores
    are far below the best have weight 0: where the best is ahead by 1, its value is the
    answer, exactly. $\tau$ is found by Newton's method, a pass over the pairs for each
    step, about ten. With no pair stored, it answers zero.

    Attributes:
        beta: inverse temperature $\beta$. 0 answers the mean of all values; larger is
            closer to the value of the key with the largest score.

    Raises:
        ValueError: if `beta` is negative, NaN or infinite, or not one number.

    References:
        Hu et al. (2023), arXiv:2309.12673 (the rule).
        Martins & Astudillo (2016), arXiv:1602.02068, proposition 1 (sparsemax).
        Michelot (1986), doi:10.1007/BF00938486 (the steps, which end after at most n).
    """

    beta: Float[Array, ""] = eqx.field(default=1.0, converter=to_scalar)

    def __check_init__(self):
        check_range(
            "Sparsemax(beta=...)", self.beta, "Zero answers the mean of all values."
        )

    def write(self, pairs: Pairs, fold: Fold = Fold()) -> Pairs:
        """The pairs themselves."""
        del fold
        return pairs

    def read(
        self, memory: Pairs, query: Float[Array, " d"], fold: Fold = Fold()
    ) -> Answer:
        """Values weighted by the sparsemax of their scores."""
        # Half precision has no digits for a difference of scores, nor for a count.
        wide = query.dtype if jnp.finfo(query.dtype).bits >= 32 else jnp.float32
        beta = self.beta.astype(query.dtype)

        def scores(arguments, block):
            beta, query = arguments
            scores = fold.dot(beta * query, block.keys.T).astype(wide)
            return jnp.where(block.mask, scores, jnp.finfo(wide).min)

        def sums(arguments, memory, top, threshold):
            """How many scores are above the threshold, and their sum from the top."""

            def add_up(block):
                excess = scores(arguments, block) - top
                above = excess > threshold
                return jnp.sum(above), jnp.sum(jnp.where(above, excess, 0))

            add = lambda a, b: (a[0] + b[0], a[1] + b[1])
            return fold(add_up, add, memory)

        def solve(count, total):
            return (total - 1) / jnp.maximum(count, 1).astype(wide)

        # No derivative is taken of the search: a threshold depends on what is above it.
        arguments, fixed = jax.lax.stop_gradient(((beta, query), memory))
        highest = lambda block: jnp.max(scores(arguments, block))
        top = fold(highest, jnp.maximum, fixed)

        def step(state):
            _, count, threshold = state
            fewer, total = sums(arguments, fixed, top, threshold)
            return count, fewer, solve(fewer, total)

        # Newton's method from below: ever fewer scores are above, until it is exact.
        start = sums(arguments, fixed, top, jnp.asarray(-1, wide))
        state = (start[0] + 1, start[0], solve(*start))
        _, _, threshold = jax.lax.while_loop(lambda s: s[1] < s[0], step, state)
        threshold = solve(*sums((beta, query), memory, top, threshold))

        def weigh(block):
            weights = jax.nn.relu(scores((beta, query), block) - top - threshold)
            return fold.dot(weights.astype(query.dtype), block.values)

        return fold(weigh, operator.add, memory)
