r"""Separations whose weights are what scores exceed a threshold by.

With $x_j$ the score of a pair above a reference, the largest score or the k-th largest,
amounts are

$$g_j = \min(m^\kappa + c\, x_j, 1)_+^{1 / \kappa}, \qquad \sum_j g_j = k,$$

where m, from 0 to 1, is the amount of the reference: $-m^\kappa / c$ is the threshold
above which scores count. Where no other score is near, m is 1 and the answer exact. As
m is what is looked for, small amounts of many pairs keep their digits.

Newton's method looks for $m^\kappa$ on $(\sum_j g_j)^\kappa = k^\kappa$, which is a
line where a single pair counts. For $\kappa \le 1$ and k = 1 the left side is a norm,
so that steps from m = 1 never go too far. Elsewhere a bracket keeps them, and is halved
where they are slow.
"""

from typing import Any, ClassVar, NamedTuple, TypeVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from .fold import Fold
from .largest import rank_score
from .rule import Looks, known
from .tempered import AbstractTempered, held


Thresholded = TypeVar("Thresholded", bound="AbstractThresholded")
# Steps of the search that may be Newton's, before it halves the bracket alone.
_FREE = 24


class Threshold(NamedTuple):
    """Above which scores of one query count.

    Attributes:
        reference: the score that others are compared with, in the unit of scores.
        amount: m, that of the reference.
    """

    reference: Float[Array, ""]
    amount: Float[Array, ""]


class AbstractThresholded(AbstractTempered):
    """A separation of what scores exceed a threshold by.

    The default is the sparsemax: weights are amounts, linear in the score. It is found
    by looking at all scores again and again, some ten times. Derivatives of first order
    are right; those of higher order only where amounts are linear in the score.

    Attributes:
        threshold: of one query; known once the rule is prepared for it.
    """

    looks: ClassVar[Looks] = "again"
    threshold: Threshold | None = eqx.field(
        default_factory=lambda: None, init=False, repr=False
    )

    @property
    def curvature(self) -> Float[Array, ""] | None:
        r"""The power $\kappa$; `None` is 1."""
        return None

    @property
    def gain(self) -> Float[Array, ""] | None:
        """The factor c of scores; `None` is 1."""
        return None

    @property
    def num_largest(self) -> int:
        """The number k."""
        return 1

    def weight(self, amounts: Float[Array, " b"]) -> Float[Array, " b"]:
        """Weights from amounts."""
        return amounts

    def weigh(
        self, scores: Float[Array, " b"], mask: Bool[Array, " b"]
    ) -> tuple[Any, Float[Array, " b"]]:
        """The sum of the weights of a block, and these."""
        assert self.threshold is not None
        amounts, _ = _amounts(self, scores, mask, self.threshold)
        weights = self.weight(amounts)
        return jnp.sum(weights), weights

    def join(self, a: Any, b: Any) -> tuple[Any, Any, Any]:
        """The sum of all weights."""
        return a + b, None, None

    def prepare(
        self: Thresholded, query: Float[Array, " d"], table: Any, fold: Fold
    ) -> Thresholded:
        """The rule with the threshold for one query."""
        self = super().prepare(query, table, fold)
        reference = rank_score(self, self.num_largest, query, table, fold)
        # No derivative is taken of the search, but of a step of Newton's from its end.
        fixed = jax.lax.stop_gradient((self, query, table))
        end, slope = _search(*fixed, fold, reference)
        total, _ = _sums(self, query, table, fold, Threshold(reference, end))
        amount = end + _over(self.num_largest - total, slope)
        beyond = jax.lax.stop_gradient(jnp.maximum(amount - 1, 0))
        return known(self, threshold=Threshold(reference, amount - beyond))


def _search(
    rule: AbstractThresholded, query: Any, table: Any, fold: Fold, reference: Array
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The amount of the reference, and by how much the sum rises with it."""
    k, eps = rule.num_largest, jnp.finfo(reference.dtype).eps
    close = lambda a, b: jnp.abs(a - b) <= 32 * eps * b

    def step(state):
        passes, low, high, m, *_ = state
        total, slope = _sums(rule, query, table, fold, Threshold(reference, m))
        moved = _moved(rule, m, total, slope)
        done = (total == k) | (m == 1) & (total < k) | close(low, high)
        done |= (slope > 0) & close(moved, m)
        low, high = jnp.where(total < k, m, low), jnp.where(total < k, high, m)
        free = (low < moved) & (moved < high) & (passes < _FREE)
        moved = jnp.where(free, moved, jnp.sqrt(low * high))
        return passes + 1, low, high, jnp.where(done, m, moved), slope, done

    unfinished = lambda state: jnp.logical_not(state[-1]) & (state[0] < most)
    most, one = _FREE + jnp.finfo(reference.dtype).bits, jnp.ones_like(reference)
    # All amounts are at most that of the reference, or k - 1 of them 1.
    low = 0.99 * one / fold.total(table)
    state = (jnp.int32(0), low, one, one, jnp.zeros_like(one), one < low)
    *_, m, slope, _ = jax.lax.while_loop(unfinished, step, state)
    return m, slope


def _moved(rule: AbstractThresholded, m: Array, total: Array, slope: Array) -> Array:
    """The amount of the reference after a step of Newton's."""
    k = rule.num_largest
    if rule.curvature is None:
        return m + _over(k - total, slope)
    power = held(rule.curvature, m.dtype)
    ratio = jnp.where(total > 0, total, 1) / k
    fall = jnp.expm1(jnp.clip(-power * jnp.log(ratio), -60, 60))
    change = _over(total / m * fall, slope)
    return m * jnp.exp(jnp.log1p(jnp.maximum(change, -0.999)) / power)


def _sums(
    rule: AbstractThresholded, query: Any, table: Any, fold: Fold, threshold: Threshold
) -> tuple[Float[Array, ""], Float[Array, ""]]:
    """The sum of all amounts, and by how much it rises with that of the reference."""

    def of_block(block):
        scores = rule.scores(query, block, fold)
        return [jnp.sum(x) for x in _amounts(rule, scores, block.mask, threshold)]

    total, slope = fold(of_block, lambda a, b: [a[0] + b[0], a[1] + b[1]], table)
    return total, slope


def _amounts(
    rule: AbstractThresholded, scores: Array, mask: Array, threshold: Threshold
) -> tuple[Float[Array, " b"], Float[Array, " b"]]:
    """The amounts of pairs, and by how much these rise with that of the reference."""
    assert rule.strength is not None
    reference, m = threshold
    above = jnp.where(mask, scores - reference, 0) * rule.strength
    if rule.gain is not None:
        above = above * held(rule.gain, above.dtype)
    if rule.curvature is None:
        base = m + above
        inside = mask & (base > 0) & (base <= 1)
        amounts, slopes = base, jnp.ones_like(base)
    else:
        power = held(rule.curvature, m.dtype)
        least = jnp.finfo(m.dtype).smallest_normal
        unit = jnp.maximum(jnp.exp(power * jnp.log(m)), least)
        base = unit + above
        inside = mask & (base > 0) & (base <= 1)
        log_ratio = jnp.log1p(jnp.where(inside, above / unit, 0)) / power
        amounts, slopes = m * jnp.exp(log_ratio), jnp.exp((1 - power) * log_ratio)
    full = jnp.where(mask & (base > 1), jnp.ones_like(base), 0)
    return jnp.where(inside, amounts, full), jnp.where(inside, slopes, 0)


def _over(x: Array, y: Array) -> Array:
    """The quotient, 0 where it has no divisor."""
    return jnp.where(y > 0, x, 0) / jnp.where(y > 0, y, 1)
