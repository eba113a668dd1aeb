"""What every benchmark row records about where it was measured, and how it is timed."""

import datetime
import json
import os
import platform
import time
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jaxlib
import numpy as np
import torch

import assocmem_jax as am


def provenance(**settings) -> dict:
    """Device, versions and the given settings, as columns of a row."""
    return {
        **settings,
        "device": jax.devices()[0].device_kind,
        "cpus": os.cpu_count(),
        "versions": {
            "assocmem_jax": am.__version__,
            "jax": jax.__version__,
            "jaxlib": jaxlib.version.__version__,
            "numpy": np.__version__,
            "torch": torch.__version__,
            "python": platform.python_version(),
        },
        "date": datetime.date.today().isoformat(),
    }


def report(benchmark: str, **row):
    """Print one row."""
    shared = provenance(dtype="float32", precision="highest")
    print(json.dumps({"benchmark": benchmark, **row, **shared}), flush=True)


def largest_errors(
    sides: Mapping[str, Callable[[], Any]], right: np.ndarray, some: np.ndarray
) -> dict[str, float]:
    """The largest error of some answers of each side, over the largest right number."""
    errors = {}
    for side, run in sides.items():
        answer = run()
        if isinstance(answer, torch.Tensor):
            answer = answer.detach().cpu()
        off = np.abs(np.asarray(answer)[some] - right).max()
        errors[side] = float(off / np.abs(right).max())
    return errors


def seconds_of(run: Callable[[], object]) -> float:
    """How long a call takes, until its arrays are there."""
    start = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - start


def in_turn(
    sides: Mapping[str, Callable[[int], object]], repeats: int
) -> dict[str, list[float]]:
    """Seconds of every side, one after the other, so many times.

    A side is given the number of the repeat, as a seed.
    """
    seconds = {side: [] for side in sides}
    for repeat in range(repeats):
        for side, run in sides.items():
            seconds[side].append(seconds_of(lambda: run(repeat)))  # noqa: B023
    return seconds


def medians(seconds: Mapping[str, list[float]]) -> dict[str, float]:
    """The median of each side."""
    return {side: float(np.median(times)) for side, times in seconds.items()}
