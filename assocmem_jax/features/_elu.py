"""Exponential linear features."""

import jax.numpy as jnp

from ._features import AbstractFeatures


class ELU(AbstractFeatures):
    r"""$\mathrm{elu}(x) + 1$ of each coordinate: $x + 1$ above 0, $e^x$ below.

    The positive features of the first linear transformers. Their mean is not zero, so
    that all pairs have a large weight in common: about three Gaussian keys are kept
    apart, whatever d (`theory.feature_map_cosine`). `Covariance` takes the mean off.

    References:
        Katharopoulos et al. (2020), arXiv:2006.16236, eq. 7.
    """

    def __call__(self, x):
        """As many features as coordinates."""
        return jnp.where(x > 0, x + 1, jnp.exp(jnp.minimum(x, 0)))
