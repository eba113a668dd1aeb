"""What a feature map is."""

import abc

import equinox as eqx
import jax
from jaxtyping import Array, Float

from .._base.text import shown


class AbstractFeatures(eqx.Module):
    r"""A map $\phi$ of keys and queries, whose dot products are a kernel.

    A linear rule of features, `Mapped(rule, features)`, has a memory of a size that
    does not depend on the number of pairs, and answers as if keys were compared by
    $\phi(k) \cdot \phi(q)$.
    """

    def __repr__(self) -> str:
        return shown(self)

    @abc.abstractmethod
    def __call__(self, x: Float[Array, " d"]) -> Float[Array, " D"]:
        """The features of one key or query, in its type. Use `jax.vmap` for many."""

    def dimension(self, d: int) -> int:
        """Number of features of a key of dimension d."""
        key = jax.ShapeDtypeStruct((d,), "float32")
        return jax.eval_shape(self, key).shape[0]
