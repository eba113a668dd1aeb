"""How large a memory is."""

import jax.numpy as jnp
import numpy as np
from jax.typing import DTypeLike

from .._base.checks import check_size
from .._base.errors import ArgumentError, ArgumentTypeError
from .fold import Fold
from .pairs import Pairs
from .rule import AbstractRule
from .shapes import shapes_of


def state_bytes(
    rule: AbstractRule, d: int, v: int, n: int, dtype: DTypeLike = jnp.float32
) -> int:
    """Size of the memory that a rule writes, in bytes: of all of its arrays.

    It is read off the memory itself, without computing it. Rules that keep the pairs
    grow with n, those that sum them up do not. Hyperparameters are not counted.

    Args:
        rule: how pairs are stored.
        d: dimension of the keys.
        v: dimension of the values.
        n: number of stored pairs.
        dtype: of keys and values.

    Raises:
        TypeError: if the rule is none, or a size is no whole number.
        ValueError: if a size is below 1, or the type is not of floating-point numbers.

    Example:
        >>> import assocmem_jax as am
        >>> am.state_bytes(am.DotProduct(), d=64, v=64, n=1000)
        16384
    """
    if not isinstance(rule, AbstractRule):
        complaint = f"must be a rule such as `Softmax()`, got {rule!r}"
        raise ArgumentTypeError("state_bytes", "rule", complaint)
    for name, size in (("d", d), ("v", v), ("n", n)):
        check_size("state_bytes", name, size)
    if not jnp.issubdtype(dtype, jnp.floating):
        complaint = f"must be a type of floating-point numbers, got {dtype!r}"
        advice = "Pass one such as `jax.numpy.float32`."
        raise ArgumentError("state_bytes", "dtype", complaint, advice)
    # A sum over pairs is as large for one as for many, and quicker to trace.
    rows = 1 if rule.looks == "memory" else int(n)
    kind = np.dtype(dtype)
    memory = shapes_of("state_bytes", _memory, rule, int(d), int(v), rows, kind)
    return sum(x.size * x.dtype.itemsize for x in memory)


def _memory(rule: AbstractRule, d: int, v: int, n: int, dtype: np.dtype):
    keys, values = jnp.zeros((n, d), dtype), jnp.zeros((n, v), dtype)
    return rule.write(Pairs(keys, values), Fold(None))
