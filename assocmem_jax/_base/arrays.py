"""Arrays of a caller, of any library, taken as arrays of JAX."""

import warnings
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Shaped

from .checks import is_traced
from .errors import ArgumentError, ArgumentTypeError, call_text, first_line


_AXES = {
    1: ("one axis", "Reshape it."),
    2: (
        "two axes, one row per item",
        "Pass `x[None]` for a single item, and map by `jax.vmap` over further axes.",
    ),
}


def to_array(function: str, argument: str, x: Any) -> Shaped[Array | np.ndarray, "..."]:
    """`x` as an array of JAX or NumPy, of a type and byte order that JAX knows.

    Raises:
        TypeError: if NumPy cannot take `x` for an array.
        ValueError: if `x` is ragged, or entries of it are masked.
    """
    if isinstance(x, Array):
        return x
    _refuse_masked(function, argument, x)
    try:
        array = np.asarray(x)
    except ValueError as error:
        raise ArgumentError(
            function, argument, f"must be a full array: {error}"
        ) from error
    except (TypeError, RuntimeError) as error:
        # Tensors of torch that have a gradient, or no counterpart; traced entries.
        raise ArgumentTypeError(
            function,
            argument,
            f"must be an array, got a {type(x).__name__} that NumPy cannot read: "
            f"{first_line(error)}",
            "Convert it first; arrays of JAX in a list by `jnp.stack`.",
        ) from error
    if array.dtype.kind == "f" and array.dtype.itemsize > 8:
        array = array.astype(np.float64)
    return array if array.dtype.isnative else array.astype(array.dtype.newbyteorder())


def _refuse_masked(function: str, argument: str, x: Any) -> None:
    # NumPy drops the masks of arrays without a word, in lists of rows, too.
    parts = x if isinstance(x, list | tuple) else [x]
    for part in parts:
        if isinstance(part, np.ma.MaskedArray) and np.ma.is_masked(part):
            raise ArgumentError(
                function,
                argument,
                f"must be a full array, got one of which {np.ma.count_masked(part)} "
                "entries are masked",
                "Leave these rows out, or pass `x.data` and, where there is one, "
                "`mask=~x.mask.any(1)`.",
            )


def to_real(
    function: str, argument: str, x: Any, ndim: int | None = None
) -> Float[Array, "..."]:
    """`x` as a floating-point JAX array.

    Args:
        function: the function as the user called it, such as `retrieve`.
        argument: the argument, such as `keys`.
        x: what was passed: an array of any library, or nested lists of numbers.
        ndim: number of axes it must have. `None` leaves it open.

    Returns:
        The array. Whole numbers become floating point. Other types are kept, except
        that JAX holds float64 only in its 64-bit mode.

    Raises:
        TypeError: if `x` does not hold real numbers.
        ValueError: if `x` is ragged, or masked, or has another number of axes, or an
            empty one.
    """
    given, x = x, to_array(function, argument, x)
    if _is_narrowed(given, x):
        warnings.warn(
            f"{call_text(function, [argument])} is float64 and JAX's 64-bit mode "
            "is off: it is computed in float32. Pass float32, or switch the mode "
            'on with `jax.config.update("jax_enable_x64", True)`.',
            stacklevel=3,
        )
    dtype = x.dtype
    real = (jnp.floating, jnp.integer, jnp.bool_)
    # NumPy counts spans of time among the integers.
    if not any(jnp.issubdtype(dtype, kind) for kind in real) or dtype.kind == "m":
        raise ArgumentTypeError(
            function,
            argument,
            f"must hold real numbers, got an array of {dtype}",
            "Convert it to floating point.",
        )
    if ndim is not None and x.ndim != ndim:
        axes, advice = _AXES[ndim]
        complaint = f"must have {axes}, got shape {x.shape}"
        raise ArgumentError(function, argument, complaint, advice)
    if 0 in x.shape:
        raise ArgumentError(
            function,
            argument,
            f"must not be empty, got shape {x.shape}",
            "Pass at least one item of dimension at least 1.",
        )
    if not jnp.issubdtype(dtype, jnp.floating):
        dtype = jnp.result_type(float)
    # Known numbers stay known inside a traced function, and so can be checked.
    with jax.ensure_compile_time_eval():
        return jnp.asarray(x, jax.dtypes.canonicalize_dtype(dtype))


def _is_narrowed(given: Any, x: Any) -> bool:
    """Whether an array that was float64 on purpose will be float32."""
    if x.dtype != np.float64 or jax.config.read("jax_enable_x64"):
        return False
    return not _is_of_literals(given)


def _is_of_literals(x: Any) -> bool:
    """Whether these are numbers as Python has them, which chose no type."""
    if isinstance(x, list | tuple):
        return all(map(_is_of_literals, x))
    return type(x) in (bool, int, float)


def to_mask(function: str, argument: str, mask: Any, n: int) -> Shaped[Array, " n"]:
    """`mask` as an array of n booleans; all True where it is `None`."""
    mask = np.ones(n, bool) if mask is None else to_array(function, argument, mask)
    if mask.dtype != bool:
        raise ArgumentTypeError(
            function,
            argument,
            "must hold booleans, True where a pair is stored, got an array of "
            f"{mask.dtype}",
            "Pass `mask.astype(bool)`.",
        )
    if mask.shape != (n,):
        raise ArgumentError(
            function,
            argument,
            f"must have one entry per key, got shape {mask.shape} and {n} keys",
            "Pass one boolean per key; map by `jax.vmap` over queries that have masks "
            "of their own.",
        )
    if is_traced(mask):
        return jnp.asarray(mask)
    with jax.ensure_compile_time_eval():
        return jax.device_put(mask)


def to_index(function: str, argument: str, index: Any, n: int) -> Int[Array, "..."]:
    """`index` as an array of whole numbers from 0 to below n, where known.

    JAX would take the nearest entry for an index that is out of range.
    """
    index = to_array(function, argument, index)
    if not jnp.issubdtype(index.dtype, jnp.integer) or index.dtype.kind == "m":
        raise ArgumentTypeError(
            function,
            argument,
            f"must hold whole numbers, got an array of {index.dtype}",
            "Pass the numbers of rows, from 0.",
        )
    if not is_traced(index):
        known = np.asarray(index)
        outside = known[(known < 0) | (known >= n)]
        if outside.size:
            raise ArgumentError(
                function,
                argument,
                f"must be from 0 to below {n}, got {outside.flat[0]}",
                "Pass the numbers of rows.",
            )
    return jnp.asarray(index)
