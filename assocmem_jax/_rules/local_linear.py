"""Local linear attention rule."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.checks import check_range, scalar
from .._base.coordinates import summed
from .._core.about import About
from .._core.exponential import AbstractExponential
from .._core.moments import Moments, moments
from .._core.positive import pseudoinverse
from .._core.rule import Looks, known
from .._core.tempered import held
from .._core.units import key_unit


class LocalLinear(AbstractExponential):
    r"""Local linear attention: least squares around the query, weighted by a softmax.

    The answer is the c of $\min_{c, W} \sum_j p_j |v_j - c - W (k_j - q)|^2 +
    \lambda |W|^2$ with $p = \mathrm{softmax}(\beta K q)$: where a softmax answers a
    local mean, it follows the values along a local line. As weights of the values,

    $$a_j = p_j (1 + (k_j - \bar k) \cdot (C + \lambda I)^+ (q - \bar k)),$$

    with $\bar k$ and C the mean and the covariance of the keys under p. They sum to 1
    and may be negative. Also known as local linear regression; with
    `similarities.SquaredEuclidean()` its kernel is Gaussian. Stored keys are answered
    better than by the softmax; noisy queries worse, where the softmax errs little and
    the penalty is small. Each query takes d x d numbers. The last digits of a study
    depend on how many trials fit into memory side by side.

    Attributes:
        beta: inverse temperature $\beta$. 0 is linear least squares with an intercept.
        penalty: $\lambda$ on slopes, to be compared with the variance of the keys. The
            penalty of the paper, whose weights do not sum to 1, is this one times their
            sum. 0 answers values that are affine functions of the keys exactly, as far
            as rounding shows the directions of the keys that the softmax weighs; where
            these do not span all, the slope of least norm is taken. Where the softmax
            weighs d keys or fewer, as for large `beta`, take a penalty of 1e-3 times
            the variance of the keys or more: float32 was then within 2e-3 of
            float64, for 256 keys of d = 16 and `beta` up to 4, and off by as much as
            the values without. Very large, it is `Softmax(beta)`.

    Raises:
        ValueError: if `beta` or `penalty` is negative, NaN or infinite, or not one
            number.

    References:
        Zuo et al. (2025), arXiv:2510.01450 (local linear attention).
        Cleveland (1979), doi:10.1080/01621459.1979.10481038 (local regression).
    """

    about: ClassVar[About] = About(
        formula="c of min sum p |V - c - (K - q) W|^2 + penalty |W|^2, p = softmax",
        write="0",
        read="2 n d^2 + 6 n d + 2 n v + d^3",
        state="n (d + v)",
        source="Zuo et al. (2025), arXiv:2510.01450",
    )
    looks: ClassVar[Looks] = "again"
    beta: Float[Array, ""] = eqx.field(
        default=1.0, converter=scalar("LocalLinear", "beta")
    )
    penalty: Float[Array, ""] = eqx.field(
        default=0.0, converter=scalar("LocalLinear", "penalty")
    )
    # A unit of keys, their moments, and the slope along which they count more.
    line: tuple[Float[Array, ""], Moments, Float[Array, " d"]] | None = eqx.field(
        default_factory=lambda: None, init=False, repr=False
    )

    def __check_init__(self):
        check_range("LocalLinear", "penalty", self.penalty, "Zero penalizes nothing.")

    def prepare(self, query, table, fold):
        """The rule with the line along which keys count more, for one query."""
        self = super().prepare(query, table, fold)
        unit = key_unit(table, fold)
        found = moments(self, query, table, fold, unit)
        # In the unit of the covariance, as far as a number can tell.
        largest = jnp.finfo(query.dtype).max / 16
        penalty = held(self.penalty, query.dtype) / unit / unit
        penalty = jnp.minimum(penalty, largest)
        identity = jnp.eye(len(query), dtype=query.dtype)
        matrix = found.covariance + penalty * identity
        # Where all weight is on one key, there is no line, nor a number for its slope.
        some = jnp.trace(matrix) > jnp.finfo(query.dtype).eps ** 3
        inverse, _ = pseudoinverse(jnp.where(some, matrix, 0))
        slope = fold.dot(inverse, query / unit - found.near - found.mean)
        line = unit, found, slope
        return known(self, line=line)

    def weigh_keys(self, query, block, fold):
        """Exponentials of the scores, more or less of them along the line."""
        assert self.line is not None
        unit, found, slope = self.line
        scale, weights = self.weigh(self.scores(query, block, fold), block.mask)
        # Differences first: a slope may be large, and what is along it small.
        along = summed(
            lambda key, near, mean, slope: (key - near - mean) * slope,
            block.keys * (1 / unit),
            found.near,
            found.mean,
            slope,
        )
        return scale, weights * (1 + along)
