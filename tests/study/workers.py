"""Rules that workers know by name, as those of a user's own module."""

import multiprocessing
import os
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

import assocmem_jax as am


class Powers(am.AbstractSeparation):
    """Weights are sums of powers of the scores."""

    looks: ClassVar = "once"
    shares: Float[Array, " powers"] = eqx.field(converter=jnp.asarray)
    degree: int = eqx.field(static=True, default=3)

    def weigh(self, scores, mask):
        del mask
        powers = jnp.stack([scores, scores**2], axis=-1)
        return None, powers @ self.shares.astype(scores.dtype) + scores**self.degree


class Ending(am.DotProduct):
    """Ends the process of a worker that is to compute with it."""

    def summarize(self, block, fold):
        if multiprocessing.parent_process() is not None:
            os._exit(1)
        return super().summarize(block, fold)


class Failing(am.DotProduct):
    """Fails in the processes of workers."""

    def summarize(self, block, fold):
        if multiprocessing.parent_process() is not None:
            raise ValueError("not here")
        return super().summarize(block, fold)
