"""The user's own arrays."""

import math
import os
import pathlib
import zipfile
from collections.abc import Iterable
from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int, Key

from .._base import random
from .._base.arrays import to_index
from .._base.checks import ArrayLike, is_traced
from .._base.errors import ArgumentError, BadArgument, argument_error
from .._base.files import check_fits, to_path
from ._ensemble import AbstractEnsemble
from ._parameters import to_float32


class Samples(AbstractEnsemble):
    """The rows of an array, in random order and without repeats.

    Their norms are as they come: nothing is centered or scaled.

    Attributes:
        keys: the patterns, one per row; held in float32.
        values: one value per row of `keys`, or `None`.

    Raises:
        TypeError: if an array does not hold real numbers.
        ValueError: if an array does not have two axes, is empty or not finite, or
            `values` does not have as many rows as `keys`.
    """

    # Every draw shuffles all rows.
    draws_alone: ClassVar[bool] = False

    keys: Float[Array, "rows d"] = eqx.field(converter=lambda x: _to_keys(x))
    values: Float[Array, "value_rows v"] | None = eqx.field(
        default=None, converter=lambda x: _to_values(x)
    )

    def __check_init__(self):
        _require_finite("Samples", "keys", self.keys)
        if self.values is None:
            return
        _require_finite("Samples", "values", self.values)
        if self.keys.shape[0] != self.values.shape[0]:
            raise ArgumentError(
                "Samples",
                "values",
                f"needs one value per key, got {self.keys.shape[0]} keys and "
                f"{self.values.shape[0]} values",
                "Pass arrays with one row per pair.",
            )

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> "Samples":
        """Read the arrays of a file that NumPy saved.

        Args:
            path: a `.npy` file, which holds the keys, or a `.npz` file, which holds
                arrays named `keys` and, if there are any, `values`.

        Returns:
            The ensemble.

        Raises:
            FileNotFoundError: if there is no such file.
            OSError: if it cannot be read.
            MemoryError: if its arrays do not fit into half of the memory.
            TypeError: if an array does not hold real numbers.
            ValueError: if the file is not one of these, or `Samples` refuses its
                arrays.
        """
        return cls(**_read(to_path("Samples.load", "path", path)))

    @property
    def has_values(self) -> bool:
        """Whether there are values."""
        return self.values is not None

    def check(self, function: str, n: int, d: int) -> None:
        """Raise if there are fewer than n rows, or they are not of dimension d."""
        rows, dimension = self.keys.shape
        if n > rows:
            raise ArgumentError(
                function,
                "n",
                f"asks for {n} patterns, and `Samples` holds {rows}",
                "Ask for fewer, or pass more rows.",
            )
        if d != dimension:
            raise ArgumentError(
                function,
                "d",
                f"asks for dimension {d}, and `Samples` holds patterns of dimension "
                f"{dimension}",
                "Ask for that.",
            )

    def rows(
        self, rng: Key[Array, ""], index: Int[Array, " b"], d: int
    ) -> Float[Array, "b d"]:
        """The patterns at these indices, in float32, one per row.

        Indices past the last pattern are refused; while they are traced, they give the
        last.
        """
        del d
        return self.keys[self._places("rows", rng, index)]

    def value_rows(
        self, rng: Key[Array, ""], index: Int[Array, " b"]
    ) -> Float[Array, "b v"]:
        """The values of the patterns at these indices, in float32, one per row.

        Args:
            rng: the key that the patterns are drawn with.
            index: which patterns, as in `rows`.

        Returns:
            One value per row.

        Raises:
            ValueError: if there are no values, or no such patterns.
        """
        if self.values is None:
            raise ArgumentError(
                "Samples",
                "values",
                "has no values for `value_rows` to draw",
                "Pass one value per key.",
                given="None",
            )
        return self.values[self._places("value_rows", rng, index)]

    def _places(self, function, rng, index):
        """The rows of these patterns in the arrays: by a shuffle, the same for all."""
        rows = self.keys.shape[0]
        index = to_index(function, "index", index, rows)
        words = random.bits(rng, jnp.zeros(1, jnp.int32), rows)[0]
        order = jnp.argsort(words, stable=True)
        return order[jnp.clip(index, 0, rows - 1)]


def _to_keys(x: ArrayLike) -> Float[Array, "..."]:
    return to_float32("Samples", "keys", x, 2)


def _to_values(x: ArrayLike | None) -> Float[Array, "..."] | None:
    return None if x is None else to_float32("Samples", "values", x, 2)


def _require_finite(function: str, argument: str, x: Float[Array, "n d"]) -> None:
    if is_traced(x):
        return
    broken = np.flatnonzero(~np.isfinite(np.asarray(x)).all(axis=1))
    if broken.size:
        raise ArgumentError(
            function,
            argument,
            f"must be finite in float32, and {broken.size} of {x.shape[0]} rows are "
            f"not, the first at [{broken[0]}]",
            "Repair them, or leave them out.",
        )


def _read(path: pathlib.Path) -> dict[str, np.ndarray]:
    if path.suffix not in (".npy", ".npz"):
        raise ArgumentError(
            "Samples.load",
            "path",
            f"must end in `.npy` or `.npz`, got '{path}'",
            "Write it by `numpy.save` or `numpy.savez`.",
        )
    if not path.is_file():
        raise argument_error(FileNotFoundError)(
            "Samples.load", "path", f"finds no file '{path}'"
        )
    try:
        if path.suffix == ".npy":
            with path.open("rb") as file:
                return {"keys": _array(file)}
        with zipfile.ZipFile(path) as file:
            members = {name.removesuffix(".npy"): name for name in file.namelist()}
            if set(members) not in ({"keys"}, {"keys", "values"}):
                raise _other_arrays(path, members)
            arrays = {}
            for name, member in members.items():
                with file.open(member) as stream:
                    arrays[name] = _array(stream)
            return arrays
    except BadArgument:
        raise
    except (OSError, MemoryError) as error:
        # What is wrong with the system is nothing wrong with the file.
        said = getattr(error, "strerror", None) or str(error) or "no memory"
        raise argument_error(type(error))(
            "Samples.load", "path", f"cannot read '{path}': {said}"
        ) from error
    # What is damaged makes the readers raise errors of many kinds.
    except Exception as error:
        raise ArgumentError(
            "Samples.load", "path", f"cannot read '{path}': {error}"
        ) from error


def _array(stream: Any) -> np.ndarray:
    """The array in a stream, once its header says that it fits into memory."""
    version = np.lib.format.read_magic(stream)
    read_header = {
        (1, 0): np.lib.format.read_array_header_1_0,
        (2, 0): np.lib.format.read_array_header_2_0,
    }.get(version)
    if read_header is None:
        raise ValueError(f"its format {version} is not that of an array of numbers")
    shape, _, dtype = read_header(stream)
    check_fits(math.prod(shape) * dtype.itemsize)
    stream.seek(0)
    array = np.lib.format.read_array(stream, allow_pickle=False)
    # JAX knows the byte order of this machine alone.
    return array.astype(array.dtype.newbyteorder("="), copy=False)


def _other_arrays(path: pathlib.Path, names: Iterable[str]) -> ArgumentError:
    held = ", ".join(f"`{name}`" for name in sorted(names)) or "none"
    return ArgumentError(
        "Samples.load",
        "path",
        "takes a file of the arrays `keys` and, if there are any, `values`; "
        f"'{path}' holds {held}",
        "Write it by `numpy.savez(path, keys=keys, values=values)`.",
    )
