"""Sparsemax (sparse modern Hopfield) rule."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.checks import scalar
from .._core.about import About
from .._core.rule import Looks
from .._core.tempered import AbstractTempered


class Sparsemax(AbstractTempered):
    r"""Sparse Hopfield retrieval, $\hat v = V^\top \mathrm{sparsemax}(\beta K q)$.

    The weights are the point of the simplex nearest to the scores,
    $p_j = \max(s_j - \tau, 0)$ with $\tau$ such that they sum to 1. Keys whose scores
    are far below the best have weight 0: where the best is ahead by 1, its value is the
    answer, exactly. $\tau$ is found by Newton's method, a pass over the pairs for each
    step, about ten. With no pair stored, it answers zero.

    Attributes:
        beta: inverse temperature $\beta$. 0 answers the mean of all values; larger is
            closer to the value of the key with the largest score. In training nothing
            checks it: a rule that holds the exponential of a parameter keeps it
            positive.

    Raises:
        ValueError: if `beta` is negative, NaN or infinite, or not one number.

    References:
        Hu et al. (2023), arXiv:2309.12673 (the rule).
        Martins & Astudillo (2016), arXiv:1602.02068, proposition 1 (sparsemax).
        Michelot (1986), doi:10.1007/BF00938486 (the steps, which end after at most n).
    """

    about: ClassVar[About] = About(
        formula="V^T sparsemax(beta K q)",
        write="0",
        read="about 22 n d + 2 n v",
        state="n (d + v)",
        source="Hu et al. (2023), arXiv:2309.12673",
    )
    looks: ClassVar[Looks] = "again"
    beta: Float[Array, ""] = eqx.field(
        default=1.0, converter=scalar("Sparsemax", "beta")
    )
    strength: Float[Array, ""] | None = eqx.field(
        default_factory=lambda: None, init=False, repr=False
    )
    # The largest score, and by how much the threshold is above it: of one query.
    threshold: tuple[Float[Array, ""], Float[Array, ""]] | None = eqx.field(
        default_factory=lambda: None, init=False, repr=False
    )

    def weigh(self, scores, mask):
        """What the scores exceed the threshold by."""
        assert self.threshold is not None
        top, threshold = self.threshold
        return None, jax.nn.relu(self._excess(scores, mask, top) - threshold)

    def prepare(self, query, table, fold):
        """The rule with the threshold for one query."""
        self = super().prepare(query, table, fold)
        # No derivative is taken of the search: a threshold depends on what is above it.
        fixed = jax.lax.stop_gradient((self, query, table))
        top = _largest(*fixed, fold)

        def step(state):
            _, count, threshold = state
            fewer, total = _above(*fixed, fold, top, threshold)
            return count, fewer, _solved(fewer, total)

        # Newton's method from below: ever fewer scores are above, until it is exact.
        start = _above(*fixed, fold, top, -jnp.ones_like(top))
        state = (start[0] + 1, start[0], _solved(*start))
        _, _, threshold = jax.lax.while_loop(lambda s: s[1] < s[0], step, state)
        exact = _solved(*_above(self, query, table, fold, top, threshold))
        found = (top, exact)
        return eqx.tree_at(
            lambda rule: rule.threshold, self, found, is_leaf=lambda x: x is None
        )

    def _excess(self, scores, mask, top):
        """By how much scores are above the top, those of absent pairs below all."""
        return (_stored(scores, mask) - top) * self.strength


def _stored(scores, mask):
    """The scores, those of absent pairs below all others."""
    return jnp.where(mask, scores, jnp.finfo(scores.dtype).min)


def _largest(rule: Sparsemax, query, table, fold):
    """The largest score."""
    of_block = lambda block: jnp.max(
        _stored(rule.scores(query, block, fold), block.mask)
    )
    return fold(of_block, jnp.maximum, table)


def _above(rule: Sparsemax, query, table, fold, top, threshold):
    """How many scores are above the threshold, and their sum, both from the top."""

    def of_block(block):
        excess = rule._excess(rule.scores(query, block, fold), block.mask, top)
        above = block.mask & (excess > threshold)
        return jnp.sum(above), jnp.sum(jnp.where(above, excess, 0))

    return fold(of_block, lambda a, b: (a[0] + b[0], a[1] + b[1]), table)


def _solved(count, total):
    """The threshold above which the scores exceed it by 1 in total."""
    return (total - 1) / jnp.maximum(count, 1).astype(total.dtype)
