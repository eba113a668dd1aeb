"""Stores joined into one."""

import contextlib
import os

from .._base.errors import ArgumentError, called_as
from .._base.files import to_path
from .._base.labels import Dataset


def merge_stores(
    out: str | os.PathLike[str], *stores: str | os.PathLike[str]
) -> Dataset:
    """Join stores of parts of a study, disjoint or overlapping, into one.

    So studies are measured on machines that share no disk. Nothing is written unless
    all stores go together: in everything but their axes, and, bit for bit, in all cells
    that more than one of them has. A later `sweep` goes on with the store that comes
    out.

    Args:
        out: the folder of the store to write. If there is one already, it takes part.
        stores: folders of `sweep(store=...)`, finished or not. They stay as they are.

    Returns:
        The study, as `load_study` gives it.

    Raises:
        FileNotFoundError: if a folder holds no store.
        OSError: if a store cannot be read or written.
        TypeError: if an argument is no path.
        ValueError: if there is nothing to join, or stores do not go together.

    Example:
        >>> import assocmem_jax as am
        >>> am.study.merge_stores("all", "here", "there")  # doctest: +SKIP
    """
    # Not at the top: they load xarray, which a study that only runs can spare.
    from ._archive import Archive, stamp_of_chunk
    from ._cells import Cells, Disagreement
    from ._dataset import assemble, numbers_of
    from ._load import chunks_of
    from ._settings import differences, fingerprint, union
    from ._store import Store

    folder = to_path("study.merge_stores", "out", out, "folder")
    paths = [to_path("study.merge_stores", "stores", x, "folder") for x in stores]
    if not paths:
        raise ArgumentError(
            "study.merge_stores",
            "stores",
            "must be folders of stores, got none",
            "Pass at least one.",
        )
    archives = [Archive(x, "study.merge_stores", "stores") for x in paths]
    known = [archive.settings() for archive in archives]
    for archive, settings in zip(archives, known, strict=True):
        if settings is None:
            raise archive.error(
                FileNotFoundError,
                f"leads to no store, there is no `{archive.spec}`",
                "Pass folders of `sweep(store=...)`.",
            )
    there = Archive(folder, "study.merge_stores", "out")
    if (settings := there.settings()) is not None and folder not in paths:
        archives, known = [there, *archives], [settings, *known]
    joined = known[0] or {}
    for archive, settings in zip(archives, known, strict=True):
        if differs := differences(joined, settings or {}):
            raise ArgumentError(
                "study.merge_stores",
                "stores",
                "must differ in their axes alone, got other settings in "
                f"`{archive.path}` than in `{archives[0].path}` ({differs})",
                "Merge stores of one study.",
            )
        joined = union(joined, settings or {})
    cells, sound = Cells(joined), dict[str, Archive]()
    for archive, settings in zip(archives, known, strict=True):
        for name, chunk in chunks_of(archive, settings or {}, archive.names()):
            sound.setdefault(name, archive)
            try:
                cells.put(*numbers_of(chunk, cells.scores), check=True)
            except Disagreement as error:
                raise ArgumentError(
                    "study.merge_stores",
                    "stores",
                    f"must agree in every bit, got other numbers for {error}: those in "
                    f"`{archive.file(name)}` are not those of a store before it",
                    "Find out which are right, such as by the same call in a fresh "
                    "folder, and merge the others.",
                ) from error
    with (
        called_as("study.merge_stores", {"store": "out"}, instead_of=("study.run",)),
        contextlib.closing(Store(folder, joined)) as store,
    ):
        for name, archive in sound.items():
            if archive.path.resolve() != folder.resolve():
                stamp = stamp_of_chunk(fingerprint(joined), name)
                chunk = archive.stamped(archive.file(name), stamp)
                if chunk is not None:
                    store.save(name, chunk)
        study = assemble(cells)
        store.finish(study)
    return study
