"""Studies: what rules retrieve over a grid of dimensions and loads."""

import functools
import json
import platform
import time
from collections.abc import Collection, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import xarray as xr
from tqdm import tqdm

from . import __version__
from ._checks import check_seed, check_size
from ._fold import Fold
from ._measure import METRICS, measure
from ._pairs import Pairs
from ._rule import AbstractRule
from ._threads import half_the_cores, limit_lapack
from .patterns import AbstractEnsemble, Gaussian


_EXAMPLES = {
    "rules": '{"softmax": Softmax()}',
    "d": "[16, 32]",
    "n": "[4, 8]",
    "ensemble": "Gaussian()",
}
_LONG_NAMES = {
    "cosine": "cosine similarity of right and retrieved value",
    "distance": "Euclidean distance of right and retrieved value",
}


def sweep(
    rules: Mapping[str, AbstractRule],
    *,
    d: Sequence[int] | np.ndarray,
    n: Sequence[int] | np.ndarray,
    ensemble: AbstractEnsemble = Gaussian(),
    seed: int | np.integer = 0,
    progress: bool = False,
) -> xr.Dataset:
    """Store n pairs, ask for each of them, and score the answers, over a grid.

    Keys and values have the same dimension d. The draw of a dimension depends on the
    seed and d alone: all rules and loads of it see the same patterns, a load the first
    n of them. One program is compiled per rule and dimension, whatever the loads.

    Args:
        rules: the rules, by name.
        d: dimensions.
        n: loads, in number of pairs.
        ensemble: how keys and values are drawn.
        seed: of the random numbers.
        progress: show a progress bar on stderr, if that is a terminal.

    Returns:
        A dataset over `rule`, `d` and `n`: `cosine` and `distance`, each the mean over
        the stored pairs, `cosine_std` and `distance_std`, the standard deviations over
        the stored pairs, and in its attributes where the numbers come from.

    Raises:
        TypeError: if an argument is of the wrong kind, or a dimension, load or seed is
            not a whole number.
        ValueError: if there is no rule, dimension or load, one is below 1 or there
            twice, or the seed is not from 0 to below 2**32.
    """
    _check_grid(rules, d, n, ensemble, seed)
    d, n, seed = [int(size) for size in d], [int(load) for load in n], int(seed)
    start = time.perf_counter()
    loads = jnp.asarray(np.array(n, np.int32))
    shape = (len(rules), len(d), len(n), len(METRICS))
    mean, std = np.empty(shape, np.float32), np.empty(shape, np.float32)
    compile_seconds = 0.0
    bar = tqdm(
        total=len(rules) * sum(size * size for size in d),
        desc="study",
        bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}{postfix}",
        disable=None if progress else True,
    )

    def compiled(size, rule):
        begin = time.perf_counter()
        program = _program(*_structure(rule), size, max(n), len(n))
        return program, time.perf_counter() - begin

    # Compiling releases the interpreter lock, so later programs are made while earlier
    # ones run, the longest first. One compilation keeps about two cores busy.
    longest_first = sorted(d, reverse=True)
    with bar, limit_lapack(), _Pool(half_the_cores()) as pool:
        programs = {
            (size, name): pool.submit(compiled, size, rule)
            for size in longest_first
            for name, rule in rules.items()
        }
        for size in longest_first:
            j = d.index(size)
            streams = _streams(jax.random.key(seed), size)
            pairs = Pairs(*(ensemble.draw(rng, max(n), size) for rng in streams))
            for i, (name, rule) in enumerate(rules.items()):
                bar.set_postfix_str(f"{name}, d = {size}")
                run, seconds = programs[size, name].result()
                compile_seconds += seconds
                moments = jax.device_get(run(rule, pairs, loads))
                mean[i, j], std[i, j] = moments.mean, moments.std
                bar.update(size * size)
    dataset = _dataset(mean, std, list(rules), d, n)
    return dataset.assign_attrs(
        _provenance(),
        spec=_spec(rules, d, n, ensemble, seed),
        seconds=time.perf_counter() - start,
        compile_seconds=compile_seconds,
    )


def _spec(rules, d, n, ensemble, seed) -> str:
    """The settings of a study as JSON, numbers inside rules included."""
    described = {
        name: eqx.tree_pformat(rule, short_arrays=False) for name, rule in rules.items()
    }
    spec = {"rules": described, "d": d, "n": n, "ensemble": repr(ensemble)}
    return json.dumps({**spec, "seed": seed})


def _check_grid(rules, d, n, ensemble, seed) -> None:
    for argument, given, kind in (
        ("rules", rules, Mapping),
        ("d", d, Collection),
        ("n", n, Collection),
        ("ensemble", ensemble, AbstractEnsemble),
    ):
        if not isinstance(given, kind):
            example = _EXAMPLES[argument]
            raise TypeError(
                f"`sweep({argument}=...)` must be like `{example}`, got {given!r}."
            )
    for name, rule in rules.items():
        if not isinstance(rule, AbstractRule):
            raise TypeError(
                f"`sweep(rules=...)` must map names to rules such as `Softmax()`, got "
                f"{rule!r} for {name!r}."
            )
    for axis, entries in {"rules": rules, "d": d, "n": n}.items():
        if len(entries) == 0:
            raise ValueError(
                f"`sweep({axis}=...)` must not be empty, got {entries!r}. Pass "
                f"something like `{_EXAMPLES[axis]}`."
            )
        if axis != "rules":
            for entry in entries:
                check_size(f"sweep({axis}=...)", entry)
        if len(set(entries)) < len(entries):
            raise ValueError(
                f"`sweep({axis}=...)` must not repeat, got {entries!r}. Pass each "
                "entry once."
            )
    check_seed("sweep(seed=...)", seed)


def _structure(rule: AbstractRule) -> tuple[Any, tuple]:
    leaves, tree = jax.tree.flatten(rule)
    return tree, tuple(jax.typeof(x) for x in leaves)


@jax.jit
def _streams(rng, d):
    """Random keys of the keys and of the values of dimension d."""
    return tuple(jax.random.split(jax.random.fold_in(rng, d)))


class _Pool(ThreadPoolExecutor):
    """Threads that drop what they have not begun when the block is left."""

    def __exit__(self, *exc_info):
        self.shutdown(wait=False, cancel_futures=True)


@functools.lru_cache(maxsize=256)
def _program(tree, leaves, d: int, n_max: int, num_loads: int):
    """The compiled kernel for rules of one structure."""
    rule = jax.tree.unflatten(tree, leaves)
    rows = jax.ShapeDtypeStruct((n_max, d), jnp.float32)
    pairs = jax.eval_shape(Pairs, rows, rows)
    loads = jax.ShapeDtypeStruct((num_loads,), jnp.int32)
    return measure.lower(rule, pairs, loads).compile()


def _dataset(mean, std, rules, d, n) -> xr.Dataset:
    variables = {}
    for i, metric in enumerate(METRICS):
        name = _LONG_NAMES[metric]
        spread = f"standard deviation over the stored pairs of the {name}"
        for key, array, long_name in (
            (metric, mean, name),
            (f"{metric}_std", std, spread),
        ):
            attrs = {"long_name": long_name, "units": "1"}
            variables[key] = (("rule", "d", "n"), array[..., i], attrs)
    coords = {
        "rule": ("rule", rules, {"long_name": "retrieval rule"}),
        "d": (
            "d",
            list(d),
            {"long_name": "dimension of keys and values", "units": "1"},
        ),
        "n": ("n", list(n), {"long_name": "number of stored pairs", "units": "1"}),
    }
    return xr.Dataset(variables, coords)


def _provenance() -> dict[str, str]:
    return {
        "assocmem_jax": __version__,
        "jax": jax.__version__,
        "python": platform.python_version(),
        "device": jax.devices()[0].device_kind,
        "dtype": "float32",
        "precision": Fold().precision,
    }
