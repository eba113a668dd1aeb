"""Which of the stored pairs are asked, batch by batch."""

import dataclasses
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, UInt32


@dataclasses.dataclass(frozen=True)
class Questions:
    """The stored pairs, in order; or some, evenly spread over the stored order.

    Where they begin is drawn, so that each pair is asked as often: rules for which the
    order matters are measured without bias. By ages, it is the pairs of one part of the
    order; or pairs that are not stored at any load.

    Attributes:
        size: pairs in a batch.
        asked: number of pairs that are asked, where there are more; `None` asks all.
        ages: number of parts that the stored order has, the newest pairs in part 0;
            `None` has one.
        fresh: number of the first pair that is not stored, and asked; `None` asks
            stored ones.
        begin: uniform on (0, 1), where those begin that are evenly spread.
    """

    size: int
    asked: Int[Array, ""] | None
    ages: Int[Array, ""] | None = None
    fresh: Int[Array, ""] | None = None
    begin: Float[Array, ""] | None = None

    def count(self, load: Int[Array, ""], part: Int[Array, ""]) -> Int[Array, ""]:
        """Number of pairs that are asked, of one part at a load."""
        if self.fresh is not None:
            assert self.asked is not None
            return self.asked
        first, stop = self._part(load, part)
        every = stop - first
        return every if self.asked is None else jnp.minimum(self.asked, every)

    def batches(self, load: Int[Array, ""], part: Int[Array, ""]) -> Int[Array, ""]:
        """Number of batches that ask for them."""
        return num_batches(self.count(load, part), self.size)

    def index(
        self, i: Int[Array, ""], load: Int[Array, ""], part: Int[Array, ""]
    ) -> Int[Array, " b"]:
        """The numbers of the pairs of batch i; those past the last are of no matter."""
        count = self.count(load, part)
        place = i * self.size + jnp.arange(self.size, dtype=jnp.int32)
        place = jnp.clip(place, 0, jnp.maximum(count - 1, 0))
        if self.fresh is not None:
            return self.fresh + place
        first, stop = self._part(load, part)
        if self.asked is None:
            return first + place
        assert self.begin is not None
        every = jnp.maximum(stop - first, 1)
        start = (self.begin * every.astype(self.begin.dtype)).astype(jnp.int32)
        start = jnp.clip(start, 0, every - 1)
        return first + spread(place, jnp.maximum(count, 1), every, start)

    def _part(
        self, load: Int[Array, ""], part: Int[Array, ""]
    ) -> tuple[Int[Array, ""], Int[Array, ""]]:
        """The first pair of a part, and the one after its last."""
        if self.ages is None:
            return jnp.zeros_like(load), load
        ages = self.ages
        whole, rest = jax.lax.div(load, ages), jax.lax.rem(load, ages)
        # The product of all of the load and the part may be out of range.
        before = lambda part: part * whole + jax.lax.div(part * rest, ages)
        return load - before(part + 1), load - before(part)


def num_asked(
    loads: Sequence[int], asked: int | None, ages: int | None, held_out: int | None
) -> Int[np.ndarray, "*ages n"]:
    """Numbers of pairs that are asked at each load, and of each age where there are."""
    every = np.array(loads)
    if held_out is not None:
        return np.full_like(every, held_out)
    if ages is not None:
        every = np.diff(every * np.arange(ages + 1)[:, None] // ages, axis=0)
    return every if asked is None else np.minimum(every, asked)


def num_batches(count: Int[Array, ""], size: int) -> Int[Array, ""]:
    """How many batches of a size hold `count` entries."""
    # Not rounded up by an addition, which may be out of range.
    more = (jax.lax.rem(count, jnp.int32(size)) > 0).astype(count.dtype)
    return jax.lax.div(count, jnp.int32(size)) + more


def spread(
    place: Int[Array, " b"],
    count: Int[Array, ""],
    n: Int[Array, ""],
    start: Int[Array, ""],
) -> Int[Array, " b"]:
    r"""Number `place` of `count` numbers, evenly spread from 0 to below n.

    They are $\lfloor (kn + s) / c \rfloor$, each once, for a count c from 1 to n, at
    most $2^{30}$. Over all starts s from 0 to below n, each number comes as often.
    """
    whole, rest = jax.lax.div(n, count), jax.lax.rem(n, count)
    share, left = _divided(place, rest, count)
    further, beyond = jax.lax.div(start, count), jax.lax.rem(start, count)
    carry = (left >= count - beyond).astype(place.dtype)
    return place * whole + share + further + carry


def _divided(
    place: Int[Array, " b"], part: Int[Array, ""], count: Int[Array, ""]
) -> tuple[Int[Array, " b"], Int[Array, " b"]]:
    """Quotient and remainder of `place * part / count`: a product may take 64 bits.

    Both factors are below the count. It is a division on paper, digit by digit.
    """
    place, part, count = (x.astype(jnp.uint32) for x in (place, part, count))

    def digit(i, state: tuple[UInt32[Array, " b"], UInt32[Array, " b"]]):
        quotient, rest = state
        bit = (place >> (jnp.uint32(29) - i.astype(jnp.uint32))) & jnp.uint32(1)
        rest = 2 * rest + bit * part
        return 2 * quotient + jax.lax.div(rest, count), jax.lax.rem(rest, count)

    nothing = jnp.zeros_like(place)
    quotient, rest = jax.lax.fori_loop(0, 30, digit, (nothing, nothing))
    return quotient.astype(jnp.int32), rest.astype(jnp.int32)
