"""How the pairs of a trial are spread over devices."""

import dataclasses

import jax.numpy as jnp
from jaxtyping import Array, Int


@dataclasses.dataclass(frozen=True)
class Shards:
    """Blocks of pairs, dealt out to devices in turn.

    So each device has its share of the pairs at every load, and not only of the
    largest. On a device pairs are in their order.

    Attributes:
        rows: number of pairs in all.
        count: number of devices.
        block: pairs that stay together.
    """

    rows: int
    count: int
    block: int

    @property
    def local_rows(self) -> int:
        """Number of rows of each device, some of which may be past the last pair."""
        return -(-self.rows // (self.block * self.count)) * self.block

    def numbers(self, shard: Int[Array, ""], row: Int[Array, " b"]) -> Int[Array, " b"]:
        """The numbers of the pairs in some rows of a device."""
        block, inside = row // self.block, row % self.block
        number = (block * self.count + shard) * self.block + inside
        return jnp.minimum(number, self.rows - 1)

    def stored(
        self, shard: Int[Array, ""], load: Int[Array, "*loads"]
    ) -> Int[Array, "*loads"]:
        """Number of rows of a device that hold pairs of a load: its first ones."""
        turn = self.block * self.count
        rest = load % turn - shard * self.block
        return load // turn * self.block + jnp.clip(rest, 0, self.block)
