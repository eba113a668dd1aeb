"""A rule under the laws: its definition, its sizes, and what it must answer."""

import dataclasses
from collections.abc import Callable, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from numpy.typing import DTypeLike

from .._core.rule import AbstractRule
from ._compiled import answered


Definition = Callable[..., Any]
# Queries in a batch for pairs in a block: one, some, and more than there are.
BATCHES: dict[int | None, int] = {1: 100, 4: 3, 64: 1}


@dataclasses.dataclass(frozen=True)
class Case:
    """What a law is told.

    Attributes:
        rule: the rule.
        definition: from keys, values and queries in float64 to answers; `None` takes
            the rule itself, dense, on exactly the stored pairs.
        d: dimension of the keys.
        v: dimension of the values.
    """

    rule: AbstractRule
    definition: Definition | None
    d: int
    v: int

    @property
    def numbers(self) -> tuple[int, int, int]:
        """Numbers of pairs: below d, at 2 d, and beyond; enough for some blocks."""
        several = max(2 * self.d, 10)
        return max(self.d // 2 + 1, 2), several, 4 * several

    def arrays(
        self, n: int, m: int = 7, dtype: DTypeLike | None = None, seed: int = 2026
    ) -> list[np.ndarray]:
        """Random keys, values and queries."""
        rng = np.random.default_rng(seed)
        shapes = ((n, self.d), (n, self.v), (m, self.d))
        dtype = widest() if dtype is None else dtype
        return [rng.standard_normal(shape).astype(dtype) for shape in shapes]

    def expected(self, keys: Any, values: Any, queries: Any, mask: Any = None):
        """What the definition answers, from the stored pairs alone."""
        stored = slice(None) if mask is None else np.asarray(mask)
        wide = np.float64 if self.definition else widest()
        keys, values = (np.asarray(x).astype(wide)[stored] for x in (keys, values))
        queries = np.asarray(queries).astype(wide)
        if not len(keys):
            return np.zeros((len(queries), values.shape[1]))
        if self.definition is not None:
            return np.asarray(self.definition(keys, values, queries))
        return np.asarray(answered(self.rule, (keys, values, queries)))


def answers(
    case: Case, arrays: Sequence, size: int | None = 4, mask: Any = None
) -> np.ndarray:
    """What the rule answers, pairs in blocks and queries in batches."""
    mask = np.ones(len(arrays[0]), bool) if mask is None else mask
    batch = BATCHES.get(size)
    return np.asarray(answered(case.rule, arrays, mask, size=size, batch=batch))


def widest() -> Any:
    """The floating-point type of most digits that JAX is allowed to use."""
    return np.float64 if jax.config.read("jax_enable_x64") else np.float32


def floats() -> tuple[Any, ...]:
    """The floating-point types that a rule is asked in."""
    return tuple(dict.fromkeys((np.float32, widest())))


def tolerance(dtype: DTypeLike) -> float:
    """Relative error to expect of a few hundred operations on well-posed data."""
    return 200 * float(jnp.finfo(dtype).eps)


def must(holds: Any, got: str) -> None:
    """Raise with what was got, unless it holds."""
    if not holds:
        raise AssertionError(got)


def must_be_close(actual: Any, desired: Any, where: str, scale: float = 1.0) -> None:
    """Compare with the largest entry of `desired`, as errors of sums are absolute."""
    actual, desired = np.asarray(actual), np.asarray(desired, np.float64)
    must(
        actual.shape == desired.shape,
        f"shape {actual.shape} in place of {desired.shape} {where}",
    )
    largest = np.max(np.abs(desired), initial=0)
    error = np.max(np.abs(actual - desired), initial=0) / (largest or 1.0)
    must(
        error <= scale * tolerance(actual.dtype),
        f"an error of {error:.1e} of the largest entry {where}",
    )
