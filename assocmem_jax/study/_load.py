"""Finished studies from disk."""

import os
from pathlib import Path

from .._base.errors import ArgumentError, argument_error
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

    given, path = repr(os.fspath(path)), Path(path)
    file = path / "study.nc" if path.is_dir() else path
    if not file.exists():
        if (path / "spec.json").exists():
            chunks = len(list(path.glob("chunks/*.nc")))
            raise ArgumentError(
                "load_study",
                "path",
                f"holds an unfinished study, finished chunks: {chunks}",
                "The same `sweep` call resumes it.",
                given,
            )
        raise argument_error(FileNotFoundError)(
            "load_study",
            "path",
            f"leads to no study, there is no `{file}`",
            "Pass the folder of `sweep(store=...)`, or a netCDF file with a study.",
            given,
        )
    data = file.read_bytes()
    try:
        if data[-_store.SEAL_SIZE :].startswith(_store.SEAL):
            _store.check_seal(data)
        dataset, _ = _store.decode(data)
        if "spec" not in dataset.attrs:
            raise ValueError("it has no attribute `spec`")
    except ValueError as error:
        raise ArgumentError(
            "load_study",
            "path",
            f"leads to no study in `{file}`: {error}",
            "The call of `sweep(store=...)` writes its `study.nc` again.",
            given,
        ) from error
    return dataset
