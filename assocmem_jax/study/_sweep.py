"""The call of a study."""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import numpy as np

from .._base.errors import called_as
from .._base.files import to_path
from .._base.labels import Dataset
from .._core.rule import AbstractRule
from .._spec.levels import Level
from .._spec.loads import Loads
from .._spec.spec import Spec, spec_of
from ..metrics._own import OwnMetric
from ..patterns import AbstractEnsemble, Gaussian
from ._execute import execute
from ._executors import check_executor
from ._measurable import check_measurable
from ._plan import rows
from ._settings import store_settings


def sweep(
    rules: Mapping[str, AbstractRule],
    *,
    d: Sequence[int] | np.ndarray,
    n: Sequence[int] | np.ndarray | Loads,
    trials: int = 1,
    v: int | Sequence[int] | np.ndarray | None = None,
    ensemble: AbstractEnsemble | Mapping[str, AbstractEnsemble] = Gaussian(),
    values: AbstractEnsemble | str | None = None,
    query_noise: Level | Sequence[Level] | np.ndarray = 0.0,
    mask_fraction: Level | Sequence[Level] | np.ndarray = 0.0,
    flip_probability: Level | Sequence[Level] | np.ndarray = 0.0,
    vary: Mapping[str, Level | Sequence[Level] | np.ndarray | jax.Array] | None = None,
    metrics: Sequence[str | OwnMetric | Callable] | Mapping[str, Any] = (
        "cosine",
        "distance",
    ),
    success_cosine: float = 0.9,
    asked: int | None = None,
    ages: int | None = None,
    held_out: int | None = None,
    seed: int | np.integer = 0,
    store: str | os.PathLike[str] | None = None,
    progress: bool = False,
    devices: Sequence[jax.Device] | None = None,
    shard: str = "trials",
    memory: int | None = None,
    executor: Any = None,
) -> Dataset:
    r"""Store n pairs, ask for each of them, and score the answers, over a grid.

    One program is compiled per rule and dimension, whatever the loads, trials,
    hyperparameters and noise. The numbers of a cell depend on the seed, d, the trial
    and the cell's own settings alone: all rules see the same patterns, a load the first
    n of them, and grid, order, batches, devices and interruptions change nothing (on a
    CPU, to the last bit; other metrics beside them may change it, and, where values
    have fewer than four dimensions, other numbers of trials at a time).

    Args:
        rules: the retrieval rules, by name.
        d: dimensions of the keys, ascending.
        n: loads, numbers of stored pairs, ascending; or multiples of d, by
            `loads(0.5, 1, 2)`.
        trials: independent draws of every cell.
        v: dimension of the values. `None` is d. Several make an axis of the result.
        ensemble: how keys are drawn. Several by name, such as
            `{"gaussian": Gaussian(), "bipolar": Bipolar()}`, make an axis.
        values: how values are drawn, independently of the keys; or "keys", each key its
            own value (autoassociation); or "one-hot", one of v unit vectors, at random;
            or "marginalized", not at all: cosine, distance and squared error are then
            expectations over values of independent coordinates from N(0, 1), exact
            given the keys. Its means scatter less, at d = 32 by a median factor of 60
            for the pseudoinverse, 3 for dot product and ReLU and 1 to 3 for softmax;
            distances below 1e-3 of a value's norm drown in rounding.
            `None` takes the ensemble's own where it has some, else `Gaussian()`.
        query_noise: standard deviation of the noise added to each coordinate of a
            query. Several levels make an axis of the result, here and below. A level
            may depend on d: a power as text, such as "1/sqrt(d)" or "2 * d**-0.5", or a
            function of d, of which the study keeps the numbers alone. Such levels are
            text on the axis of the result.
        mask_fraction: share of a query's coordinates set to zero.
        flip_probability: share of a query's coordinates that change their sign.
        vary: values of the rules' hyperparameters, by name: each an axis, such as
            `{"beta": [0.1, "d**-0.5"]}`; or of static fields, whole numbers or texts,
            each of which compiles a program. A rule that has none of that name has the
            same numbers all along.
        metrics: what is measured. "cosine", "distance" and "squared_error" of right and
            retrieved value; "success", cosine above `success_cosine`; "recall", the
            nearest stored value is the right one; "all_correct", all are recalled. Or
            functions of your own of one right and one retrieved value, such as
            `("cosine", my_metric)` or `{"name": my_metric}`; `metrics.OwnMetric` says
            which side is better, for capacities.
        success_cosine: the cosine above which an answer counts as a success.
        asked: how many of the stored pairs are asked, at most, evenly spread over the
            stored order. `None` asks all, which takes n^2 time for rules that look at
            the pairs. Means are unbiased, and trials say how sure they are.
        ages: number of parts of the stored order that are asked by themselves, an axis
            `age` of the result: the share of the stored pairs that are newer, in the
            middle of the part. `asked` is then of each part.
        held_out: number of pairs that are asked and never stored, in place of stored
            ones: the last rows of `Samples`, or further pairs of another ensemble. Of
            these "recall" says whether the nearest stored value equals the right one,
            as one of the same label does.
        seed: of the random numbers.
        store: a folder that keeps each chunk of finished work. The same call goes on
            where another one, complete or killed, stopped, and a call that asks for
            other rules, dimensions, loads, trials or levels computes those that lack
            alone. Several processes may share the folder, and the work. Rules and
            metrics of your own are told apart by name and settings, not by code: after
            an edit take another folder.
        progress: show a progress bar on stderr, or in a notebook. Where stderr is a
            file, write a line every half minute.
        devices: where to compute. `None` takes all local devices.
        shard: what devices share: "trials", each with some of its own, or "pairs", each
            with some of those of every trial, for loads that one device cannot hold or
            takes too long for. The devices may be those of several processes that
            `jax.distributed` connects, each of which makes this call with the same
            `memory`. Numbers are then those of one device to rounding, and no store
            keeps them.
        memory: bytes that may be used on each device. `None` asks the device; on a CPU
            it is half of the machine's memory.
        executor: whose workers compute the chunks: anything with a method `submit` that
            returns futures, such as `ProcessPoolExecutor` (of processes that are
            spawned) or `dask.distributed.Client`. Workers need this library, and use
            all of their devices. `None` computes here.

    Returns:
        A dataset over `rule`, `d`, `n`, `ensemble` and `v` where these are axes, the
        axes of `vary` and of corruption, and `trial`. Each metric is the mean over the
        stored pairs, `<metric>_std` the standard deviation over them. The attributes
        say where the numbers come from.

    Raises:
        TypeError: if an argument is of the wrong kind.
        ValueError: if an argument is out of range, the arguments do not go together, a
            cell does not fit into memory, or `store` holds a study that differs in
            more than its axes.
        MemoryError: if a device runs out of memory all the same, with one trial at a
            time. What is done is kept.
        OSError: if `store` cannot be written. What is done is kept.

    Example:
        >>> import assocmem_jax as am
        >>> ds = am.sweep({"dot": am.DotProduct()}, d=[16], n=[4, 8], trials=2)
        >>> ds["cosine"].dims
        ('rule', 'd', 'n', 'trial')
    """
    given: dict[str, Any] = {
        "d": d,
        "n": n,
        "trials": trials,
        "v": v,
        "ensemble": ensemble,
        "values": values,
        "query_noise": query_noise,
        "mask_fraction": mask_fraction,
        "flip_probability": flip_probability,
        "vary": {} if vary is None else vary,
        "metrics": metrics,
        "success_cosine": success_cosine,
        "asked": asked,
        "ages": ages,
        "held_out": held_out,
        "seed": seed,
    }
    with called_as("sweep", instead_of=("Spec", "study.run")):
        spec = spec_of(rules, **given)
        return run(
            spec,
            store=store,
            progress=progress,
            devices=devices,
            shard=shard,
            memory=memory,
            executor=executor,
        )


def run(
    spec: Spec,
    *,
    store: str | os.PathLike[str] | None = None,
    progress: bool = False,
    devices: Sequence[jax.Device] | None = None,
    shard: str = "trials",
    memory: int | None = None,
    executor: Any = None,
) -> Dataset:
    """Run a study that is described by its settings: see `sweep`."""
    if executor is not None:
        check_executor(executor, devices)
    check_measurable(spec)
    size = rows(max(spec.num_pairs), max(spec.d))
    if store is None:
        return execute(spec, None, size, progress, devices, memory, executor, shard)
    folder = to_path("study.run", "store", store, "folder")
    # Not at the top: a study without a store loads xarray while it compiles.
    from ._store import Store

    with contextlib.closing(Store(folder, store_settings(spec))) as kept:
        return execute(spec, kept, size, progress, devices, memory, executor, shard)
