"""Random numbers by coordinates: each is a function of a key, a row and a column.

No number depends on how many others are drawn, in which order, or in which batch. The
cipher is Threefry-2x32 with 20 rounds, JAX's own, written out round by round: on a CPU
that is about twice as fast as the loop of `jax.random.normal`.

References:
    Salmon et al. (2011), doi:10.1145/2063384.2063405.
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int, Key, UInt32

from .exact import rounded


_ROTATIONS = ((13, 15, 26, 6), (17, 29, 16, 24))
_PARITY = np.uint32(0x1BD11BDA)


@functools.partial(jax.jit, static_argnames="d")
def bits(rng: Key[Array, ""], index: Int[Array, " b"], d: int) -> UInt32[Array, "b d"]:
    """Random words, uniform on the whole numbers from 0 to below 2**32.

    The word at (row, column) is the first of the two that the cipher makes of them: one
    pass that fuses and writes once. To keep both words takes a CPU half as long again.

    Args:
        rng: key made by `jax.random.key`, of the Threefry generator.
        index: which rows, from 0 to below 2**31.
        d: number of columns. Rows of other lengths share numbers with these: take
            another key for each.

    Returns:
        One row per entry of `index`.

    Raises:
        TypeError: if `rng` is not a key made by `jax.random.key`.
        ValueError: if `rng` is not one key, or belongs to another generator.
    """
    shape = index.shape[0], d
    row = jnp.broadcast_to(index.astype(jnp.uint32)[:, None], shape)
    column = jnp.broadcast_to(jnp.arange(d, dtype=jnp.uint32)[None, :], shape)
    return _threefry(_key_words(rng), row, column)[0]


@functools.partial(jax.jit, static_argnames="d")
def uniform(
    rng: Key[Array, ""], index: Int[Array, " b"], d: int
) -> Float[Array, "b d"]:
    """Random numbers, uniform on the open interval (0, 1), in float32.

    They are the odd multiples of 2**-24: their law is symmetric about 1/2.

    Args:
        rng: key made by `jax.random.key`, of the Threefry generator.
        index: which rows, from 0 to below 2**31.
        d: number of columns. Rows of other lengths share numbers with these: take
            another key for each.

    Returns:
        One row per entry of `index`.

    Raises:
        TypeError: if `rng` is not a key made by `jax.random.key`.
        ValueError: if `rng` is not one key, or belongs to another generator.
    """
    return _to_uniform(bits(rng, index, d))


@functools.partial(jax.jit, static_argnames="d")
def normal(rng: Key[Array, ""], index: Int[Array, " b"], d: int) -> Float[Array, "b d"]:
    """Random numbers from N(0, 1), in float32.

    Their law is symmetric about 0. None is 0, and none is larger than 5.5.

    Args:
        rng: key made by `jax.random.key`, of the Threefry generator.
        index: which rows, from 0 to below 2**31.
        d: number of columns. Rows of other lengths share numbers with these: take
            another key for each.

    Returns:
        One row per entry of `index`.

    Raises:
        TypeError: if `rng` is not a key made by `jax.random.key`.
        ValueError: if `rng` is not one key, or belongs to another generator.
    """
    return _to_normal(bits(rng, index, d))


def streams(rng: Key[Array, ""], count: int) -> tuple[Key[Array, ""], ...]:
    """Keys of `count` independent streams of numbers."""
    return tuple(stream(rng, number) for number in range(count))


def stream(rng: Key[Array, ""], number: int) -> Key[Array, ""]:
    """Key of one of many independent streams of numbers."""
    return jax.random.fold_in(rng, number)


def trial_words(seed: int, d: int, trials: np.ndarray) -> UInt32[np.ndarray, "t 3 2"]:
    """The words of three keys for each trial of a study at one dimension.

    They are those of `jax.random.fold_in`, applied to `jax.random.key(seed)` with d,
    the trial, and 0, 1 and 2, computed on the host.
    """
    words = np.array([[0, seed]], np.uint32)
    for coordinate in (np.array([d]), trials[:, None], np.arange(3)[None]):
        zero = np.zeros_like(coordinate, np.uint32)
        key = words[..., 0], words[..., 1]
        words = np.stack(_threefry(key, zero, coordinate.astype(np.uint32)), axis=-1)
    return words


def _key_words(rng) -> UInt32[Array, "2"]:
    if not jnp.issubdtype(rng.dtype, jax.dtypes.prng_key):
        raise TypeError(
            f"`rng` must be a typed key, got an array of {rng.dtype}. Make it by "
            "`jax.random.key(seed)`."
        )
    if rng.shape != ():
        raise ValueError(
            f"`rng` must be one key, got shape {rng.shape}. Use `jax.vmap` for many."
        )
    generator = str(jax.random.key_impl(rng))
    if generator != "threefry2x32":
        raise ValueError(
            f"`rng` must be a key of the Threefry generator, got one of `{generator}`. "
            'Make it by `jax.random.key(seed, impl="threefry2x32")`.'
        )
    return jax.random.key_data(rng)


def _threefry(key, first, second):
    """Encrypt two words."""
    schedule = key[0], key[1], key[0] ^ key[1] ^ _PARITY
    first, second = first + schedule[0], second + schedule[1]
    for group in range(5):
        for rotation in _ROTATIONS[group % 2]:
            first = first + second
            left = second << np.uint32(rotation)
            second = (left | (second >> np.uint32(32 - rotation))) ^ first
        first = first + schedule[(group + 1) % 3]
        second = second + schedule[(group + 2) % 3] + np.uint32(group + 1)
    return first, second


def _to_uniform(words: UInt32[Array, "..."]) -> Float[Array, "..."]:
    # 23 bits and a half are exact in float32; one more bit would round up to 1.
    whole = (words >> np.uint32(9)).astype(jnp.int32).astype(jnp.float32)
    return (whole + np.float32(0.5)) * np.float32(2**-23)


def _to_normal(words: UInt32[Array, "..."]) -> Float[Array, "..."]:
    # An odd integer is never 0, and its negative is as likely: that of the inverted
    # word. Rounded to float32 it can be +-2**31, whose normal number is infinite.
    odd = lax.bitcast_convert_type(words | np.uint32(1), jnp.int32)
    sides = odd.astype(jnp.float32) * np.float32(2**-31)
    limit = np.float32(1 - 2**-24)
    return rounded(np.float32(2**0.5) * lax.erf_inv(jnp.clip(sides, -limit, limit)))
