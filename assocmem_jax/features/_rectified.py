"""Rectified features."""

import jax

from ._features import AbstractFeatures


class Rectified(AbstractFeatures):
    r"""$\max(x, 0)$ of each coordinate, ReLU features.

    Not the rule `ReLU`, which rectifies scores. Their mean is not zero, so that about
    ten Gaussian keys are kept apart, whatever d (`theory.feature_map_cosine`).

    References:
        Kasai et al. (2021), arXiv:2103.13076, section 2.2.
    """

    def __call__(self, x):
        """As many features as coordinates."""
        return jax.nn.relu(x)
