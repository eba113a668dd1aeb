"""Patterns in clusters."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from .._base import random
from .._base.checks import as_int, check_size, scalar
from .._base.exact import rounded
from ._ensemble import AbstractEnsemble
from ._parameters import check_share


class Clustered(AbstractEnsemble):
    r"""Noise about a random center, $x = \sqrt{1-s}\,c_\ell + \sqrt s\,\epsilon$.

    The label $\ell$ is uniform on the clusters; the coordinates of centers and noise
    are independent from N(0, 1). Centers belong to the random key: given them, x is a
    mixture of normals. Over keys, a coordinate of x is from N(0, 1), and the covariance
    of two patterns is $(1-s)I$ in one cluster and zero otherwise.

    Attributes:
        num_clusters: number of clusters.
        spread: share s of the variance within clusters, from 0 to 1. Zero puts every
            pattern on a center; one leaves `Gaussian`.

    Raises:
        TypeError: if `num_clusters` is not a whole number.
        ValueError: if `num_clusters` is below 1, or `spread` is out of range or not
            one number.

    References:
        McLachlan & Peel (2000), doi:10.1002/0471721182 (mixtures).
    """

    num_clusters: int = eqx.field(static=True, converter=as_int)
    spread: Float[Array, ""] = eqx.field(converter=scalar("Clustered", "spread"))

    def __check_init__(self):
        check_size("Clustered", "num_clusters", self.num_clusters)
        check_share(
            "Clustered", "spread", self.spread, "It is a share of the variance."
        )

    def labels(self, rng: Key[Array, ""], index: Int[Array, " b"]) -> Int[Array, " b"]:
        """The clusters of the patterns at these indices, from 0.

        Args:
            rng: the key that the patterns are drawn with.
            index: which patterns, from 0 to below 2**31.

        Returns:
            One label per pattern.
        """
        label_rng, _, _ = random.streams(rng, 3)
        words = random.bits(label_rng, index, 1)[:, 0]
        return (words % np.uint32(self.num_clusters)).astype(jnp.int32)

    def rows(
        self, rng: Key[Array, ""], index: Int[Array, " b"], d: int
    ) -> Float[Array, "b d"]:
        """The patterns at these indices, in float32, one per row."""
        _, center_rng, noise_rng = random.streams(rng, 3)
        spread = self.spread.astype(jnp.float32)
        center = random.normal(center_rng, self.labels(rng, index), d)
        noise = random.normal(noise_rng, index, d)
        center = rounded(jnp.sqrt(1 - spread) * center)
        return center + rounded(jnp.sqrt(spread) * noise)
