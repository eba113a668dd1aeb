"""Studies from disk, finished or not."""

import contextlib
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

from .._base.errors import BadArgument, argument_error
from .._base.files import read_file, to_path
from .._base.labels import Dataset
from .._base.suggest import suggest


def load_study(path: str | os.PathLike[str], *, group: str | None = None) -> Dataset:
    """A study from disk, in memory.

    Of a store it is all that was asked of it so far, whether finished or not: the
    attribute `done` says how many of its `cells` there are, and the rest is nan.
    Figures can be drawn of it while it runs.

    Args:
        path: the folder of `sweep(store=...)`, or a netCDF file with a study, such as
            `to_netcdf` of a dataset writes.
        group: which study, in a file of several, such as "experiment_1" in the
            `notebook.nc` that `assocmem notebook` writes.

    Raises:
        FileNotFoundError: if there is nothing.
        OSError: if it cannot be read.
        TypeError: if `path` is no path.
        ValueError: if the file is damaged, or it is no study; or if the file leads to
            other files.
        MemoryError: if the file declares more than half of the memory.
    """
    path = to_path("load_study", "path", path, "folder or a file")
    with _explained(path):
        if path.is_dir():
            return _of_folder(path)
        if not path.exists():
            raise _missing(path, path)
        return _of_file(path, group)[0]


def _of_folder(folder: Path) -> Dataset:
    """The study of a store."""
    from ._archive import Archive, stamp_of_result
    from ._settings import fingerprint

    archive = Archive(folder, "load_study", "path")
    settings, names = archive.settings(), archive.names()
    if archive.result.exists():
        dataset, stamp = _of_file(archive.result)
        study = stamp["store_study"]
        if settings is None or study is None:
            return dataset
        if study != fingerprint(settings):
            raise ValueError(
                f"`{archive.result}` is of other settings than `{archive.spec}`"
            )
        # Without chunks, it is all that there is.
        if not names or stamp == stamp_of_result(study, names):
            return dataset
    if settings is None:
        raise _missing(folder, archive.result)
    from ._dataset import assemble, filled

    return assemble(filled(settings, chunks_of(archive, settings, names)))


def chunks_of(
    archive: Any, settings: dict[str, Any], names: list[str]
) -> Iterator[tuple[str, Dataset]]:
    """The chunks of a store that are whole, by name.

    Of others it warns, and leaves them where they are.

    Args:
        archive: the `Archive`.
        settings: of all that was asked.
        names: of the chunks that are there.
    """
    from ._archive import Damaged, stamp_of_chunk
    from ._extent import parsed
    from ._settings import fingerprint

    study = fingerprint(settings)
    for name in filter(parsed, names):
        file = archive.file(name)
        try:
            chunk = archive.stamped(file, stamp_of_chunk(study, name))
        except Damaged as error:
            said = archive.error(
                UserWarning,
                f"holds a bad chunk, `{file}`: {error}",
                "Its cells count as not done. The call of `sweep(store=...)` computes "
                "them again.",
            )
            warnings.warn(cast(Warning, said), stacklevel=5)
            continue
        if chunk is not None:
            yield name, chunk


def _of_file(
    file: Path, group: str | None = None
) -> tuple[Dataset, dict[str, str | None]]:
    """The study in a file, and the stamp that a store gave it, if one did."""
    # Not at the top: xarray takes longer to load than a study that only runs can spare.
    from . import _netcdf

    data = read_file(file)
    if _netcdf.is_sealed(data):
        _netcdf.check_seal(data)
    dataset, stamp = _netcdf.decode(data)
    groups = _netcdf.groups_of(data)
    if group is not None and group not in groups:
        raise ValueError(f"it has no group {group!r}.{suggest(group, groups)}")
    if group is not None:
        dataset, stamp = _netcdf.decode(data, group)
    elif groups and not dataset.data_vars:
        raise _refusal(
            ValueError,
            file,
            f"holds several studies: {', '.join(groups)}",
            f'Choose one, such as `group="{groups[0]}"`.',
        )
    if "spec" not in dataset.attrs:
        raise ValueError("it has no attribute `spec`")
    return dataset, stamp


def _missing(path: Path, file: Path) -> Exception:
    return _refusal(
        FileNotFoundError,
        path,
        f"leads to no study, there is no `{file}`",
        "Pass the folder of `sweep(store=...)`, or a netCDF file with a study.",
    )


def _refusal(
    kind: type[Exception], path: Path, complaint: str, advice: str
) -> Exception:
    given = repr(os.fspath(path))
    return argument_error(kind)("load_study", "path", complaint, advice, given)


@contextlib.contextmanager
def _explained(path: Path) -> Iterator[None]:
    """Explain an error of the system, and what is wrong with a file."""
    file = path / "study.nc" if os.path.isdir(path) else path
    try:
        yield
    except BadArgument:
        raise
    except ValueError as error:
        raise _refusal(
            ValueError,
            path,
            f"leads to no study in `{file}`: {error}",
            "The call of `sweep(store=...)` writes its `study.nc` again.",
        ) from error
    except (OSError, MemoryError) as error:
        said = getattr(error, "strerror", None) or str(error) or "no memory"
        raise _refusal(
            type(error),
            path,
            f"cannot read `{file}`: {said}",
            "Make the file readable, or memory free.",
        ) from error
