"""Finished studies from disk."""

import os
from pathlib import Path

from .._base.labels import Dataset


def load_study(path: str | os.PathLike[str]) -> Dataset:
    """A finished study from disk, in memory.

    Args:
        path: the folder of `sweep(store=...)`, or a netCDF file with a study.

    Raises:
        FileNotFoundError: if there is nothing.
        ValueError: if the study is unfinished, the file damaged, or it is no study.
    """
    # Not at the top: xarray takes longer to load than a study that only runs can spare.
    from . import _store

    call, path = f"`load_study({os.fspath(path)!r})`", Path(path)
    file = path / "study.nc" if path.is_dir() else path
    if not file.exists():
        if (path / "spec.json").exists():
            chunks = len(list(path.glob("chunks/*.nc")))
            raise ValueError(
                f"{call} finds an unfinished study, finished chunks: {chunks}. The "
                "same `sweep` call resumes it."
            )
        raise FileNotFoundError(
            f"{call} finds no `{file}`. Pass the folder of `sweep(store=...)`, or a "
            "netCDF file with a study."
        )
    data = file.read_bytes()
    try:
        if data[-_store.SEAL_SIZE :].startswith(_store.SEAL):
            _store.check_seal(data)
        dataset, _ = _store.decode(data)
        if "spec" not in dataset.attrs:
            raise ValueError("it has no attribute `spec`")
    except ValueError as error:
        raise ValueError(
            f"{call} finds no study in `{file}`: {error}. The `sweep(store=...)` call "
            "of a study writes its `study.nc` again."
        ) from error
    return dataset
