"""Which of the stored pairs are asked, batch by batch."""

import dataclasses

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, UInt32


@dataclasses.dataclass(frozen=True)
class Questions:
    """All stored pairs, in order; or some, evenly spread over the stored order.

    So rules for which the order matters are measured without bias.

    Attributes:
        size: pairs in a batch.
        asked: number of pairs that are asked, where more are stored; `None` asks all.
    """

    size: int
    asked: Int[Array, ""] | None

    def count(self, load: Int[Array, ""]) -> Int[Array, ""]:
        """Number of pairs that are asked at a load."""
        return load if self.asked is None else jnp.minimum(self.asked, load)

    def batches(self, load: Int[Array, ""]) -> Int[Array, ""]:
        """Number of batches that ask for them."""
        return num_batches(self.count(load), self.size)

    def index(self, i: Int[Array, ""], load: Int[Array, ""]) -> Int[Array, " b"]:
        """The numbers of the pairs of batch i; those past the last are of no matter."""
        place = i * self.size + jnp.arange(self.size, dtype=jnp.int32)
        if self.asked is None:
            return place
        count = self.count(load)
        return spread(jnp.minimum(place, count - 1), count, load)


def num_batches(count: Int[Array, ""], size: int) -> Int[Array, ""]:
    """How many batches of a size hold `count` entries."""
    # Not rounded up by an addition, which may be out of range.
    more = (jax.lax.rem(count, jnp.int32(size)) > 0).astype(count.dtype)
    return jax.lax.div(count, jnp.int32(size)) + more


def spread(
    place: Int[Array, " b"], count: Int[Array, ""], n: Int[Array, ""]
) -> Int[Array, " b"]:
    r"""Number `place` of `count` numbers, evenly spread from 0 to below n.

    They are $\lfloor kn/c \rfloor + \lfloor n/2c \rfloor$, each once, for a count c
    from 1 to n, at most $2^{30}$.
    """
    whole, rest = jax.lax.div(n, count), jax.lax.rem(n, count)
    half = jax.lax.div(whole, jnp.int32(2))
    return place * whole + _share(place, rest, count) + half


def _share(
    place: Int[Array, " b"], part: Int[Array, ""], count: Int[Array, ""]
) -> Int[Array, " b"]:
    """The whole part of `place * part / count`: a product may take 64 bits.

    Both factors are below the count. It is a division on paper, digit by digit.
    """
    place, part, count = (x.astype(jnp.uint32) for x in (place, part, count))

    def digit(i, state: tuple[UInt32[Array, " b"], UInt32[Array, " b"]]):
        quotient, rest = state
        bit = (place >> (jnp.uint32(29) - i.astype(jnp.uint32))) & jnp.uint32(1)
        rest = 2 * rest + bit * part
        return 2 * quotient + jax.lax.div(rest, count), jax.lax.rem(rest, count)

    nothing = jnp.zeros_like(place)
    return jax.lax.fori_loop(0, 30, digit, (nothing, nothing))[0].astype(jnp.int32)
