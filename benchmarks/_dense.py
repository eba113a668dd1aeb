"""The dense associative memory of Krotov and Hopfield, for patterns of signs."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

import assocmem_jax as am


class DenseDifference(am.AbstractRule[am.Pairs]):
    r"""The update of every unit by the difference of energies, $F(x) = x^p$.

    Coordinate i is $\sum_\mu [F(v^\mu_i + y^\mu_i) - F(-v^\mu_i + y^\mu_i)]$ in units
    of $d^p$, where $y^\mu_i$ is the overlap of key and query over the other units. Keys
    and values are the patterns, or the sum has no meaning.

    Attributes:
        degree: p.

    References:
        Krotov & Hopfield (2016), arXiv:1606.01164, sec. 2.
    """

    degree: int = eqx.field(static=True)

    def write(self, pairs: am.Pairs, fold: am.Fold = am.Fold()) -> am.Pairs:
        """The patterns themselves."""
        del fold
        return pairs

    def read(
        self, memory: am.Pairs, query: Float[Array, " d"], fold: am.Fold = am.Fold()
    ) -> Float[Array, " d"]:
        """The fields of all units."""
        d = query.shape[0]

        def fields(block):
            overlap = fold.dot(block.keys, query)
            others = (overlap[:, None] - block.keys * query[None]) / d
            own = block.values / d
            # Rows that are not stored are zero, and so is their difference.
            difference = (own + others) ** self.degree - (others - own) ** self.degree
            return jnp.sum(difference, axis=0)

        return fold(fields, jnp.add, memory)
