"""Softmax rule with a null slot."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from .._base.checks import check_one, is_traced, scalar
from .._base.errors import ArgumentError
from .._core.about import About
from .._core.exponential import AbstractExponential
from .._core.tempered import held


class NullSoftmax(AbstractExponential):
    r"""Softmax with a null slot, weights $e^{s_j} / (e^{s_0} + \sum_i e^{s_i})$.

    The scores are $s = \beta K q$, and the null slot is one more key of score $s_0$,
    whose value is zero. A query that is like no key is answered by next to nothing.
    Also known as softmax-one or quiet attention, for a null of 0, and as attention with
    a sink. The direction of an answer is that of `Softmax`, which is the limit of a
    null of minus infinity.

    Attributes:
        beta: inverse temperature $\beta$.
        null: the score $s_0$ of the null slot. Queries whose largest score is far below
            it are answered by nothing.

    Raises:
        ValueError: if `beta` is negative, NaN or infinite, `null` is NaN or infinite,
            minus infinity excepted, or either is not one number.

    References:
        Xiao et al. (2024), arXiv:2309.17453, eq. 2 (a null of 0).
    """

    about: ClassVar[About] = About(
        formula="V^T exp(beta K q) / (exp(null) + sum(exp(beta K q)))",
        write="0",
        read="2 n (d + v)",
        state="n (d + v)",
        source="Xiao et al. (2024), arXiv:2309.17453",
    )
    beta: Float[Array, ""] = eqx.field(
        default=1.0, converter=scalar("NullSoftmax", "beta")
    )
    null: Float[Array, ""] = eqx.field(
        default=0.0, converter=scalar("NullSoftmax", "null")
    )

    def __check_init__(self):
        check_one("NullSoftmax", "null", self.null)
        if not is_traced(self.null) and not float(self.null) < jnp.inf:
            raise ArgumentError(
                "NullSoftmax",
                "null",
                f"must be a number below infinity, got {self.null}",
                "Minus infinity is `Softmax()`.",
            )

    def normalizer(self, scale):
        """The sum of all weights, and of the null slot's."""
        top, total = scale
        return total + self.from_top(held(self.null, top.dtype), top)
