"""Folders of stores, as they are read: settings, chunks, the result."""

import contextlib
import hashlib
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import xarray as xr

from .._base.errors import argument_error
from .._base.files import read_file
from ._netcdf import check_seal, decode


KEPT = "All finished chunks are kept. "
# What to do where the file system refuses to write, and to read.
_WRITE = (
    "Make room or fix the folder, and repeat the same call: it goes on where it "
    "stopped. Or choose another folder."
)
_READ = "Make them readable, and repeat the same call: it goes on where it stopped."


class Damaged(ValueError):
    """A file that is not as a store wrote it."""


class Archive:
    """A folder that holds a study: its settings, a file per chunk, the result.

    Attributes:
        path: the folder.
        spec: the file of the settings.
        chunks: the folder of the chunks.
        result: the file of the result.
    """

    def __init__(
        self, path: Path, function: str = "study.run", argument: str = "store"
    ):
        """Nothing is read yet.

        Args:
            path: the folder.
            function: the function as the user called it.
            argument: its name of the folder.
        """
        self.path, self.spec = path, path / "spec.json"
        self.chunks, self.result = path / "chunks", path / "study.nc"
        self._called = function, argument

    def settings(self) -> dict[str, Any] | None:
        """The settings in the folder; `None` where there are none.

        Raises:
            OSError: if the file is there and cannot be read.
            ValueError: if it is damaged.
        """
        try:
            data = self.read(self.spec)
            there = {} if data is None else json.loads(data)
            if not isinstance(there, dict):
                raise ValueError("it holds no settings")
        except ValueError as error:
            raise self.error(
                ValueError,
                f"holds a study whose `{self.spec}` cannot be read: {error}",
                "Restore that file from a copy, or remove it: the settings of the "
                "chunks write it again. Or use another folder.",
            ) from error
        return None if data is None else there

    def names(self) -> list[str]:
        """Names of the chunks that are there, in order."""
        with self.explained(self.path, "read", _READ):
            try:
                with os.scandir(self.chunks) as entries:
                    found = [entry.name for entry in entries]
            except FileNotFoundError:
                return []
        return sorted(x.removesuffix(".nc") for x in found if x.endswith(".nc"))

    def file(self, name: str) -> Path:
        """The file of a chunk."""
        if not name or "/" in name or "\\" in name:
            raise ValueError(
                f"`Store.save(name=...)` must be part of a file name, got {name!r}. "
                "Use letters, digits, and `_.=-`."
            )
        return self.chunks / f"{name}.nc"

    def stamped(self, file: Path, stamp: dict[str, str]) -> xr.Dataset | None:
        """What a file holds; `None` where there is none.

        Args:
            file: of a chunk, or of the result.
            stamp: what the file says it is, if it is what is looked for.

        Raises:
            Damaged: if it is damaged, or something else.
            OSError: if it cannot be read.
            MemoryError: if it does not fit into memory.
            ValueError: if it is whole, and is not understood.
        """
        try:
            data = self.read(file)
            if data is None:
                return None
            check_seal(data)
        except ValueError as error:
            raise Damaged(str(error)) from error
        dataset, found = self._decoded(file, data)
        if found != stamp:
            raise Damaged("it is another chunk, or of other settings")
        return dataset

    def read(self, file: Path) -> bytes | None:
        """The bytes of a file; `None` where there is none."""
        with self.explained(file, "read", _READ):
            try:
                return read_file(file)
            except FileNotFoundError:
                return None

    def _decoded(self, file: Path, data: bytes):
        """A dataset and its stamp. The seal is right: these are no damaged bytes."""
        try:
            return decode(data)
        except (ValueError, MemoryError) as error:
            said = str(error) or "no memory"
            raise self.error(
                MemoryError if isinstance(error, MemoryError) else ValueError,
                f"cannot read `{file}`, though it is whole: {said}",
                f"{KEPT}Repeat the same call, with more memory or the versions of "
                "h5netcdf and xarray that wrote it.",
            ) from error

    def error(self, kind: type[Exception], complaint: str, advice: str) -> Exception:
        """An error about the folder, of the function that the user called."""
        given = repr(os.fspath(self.path))
        return argument_error(kind)(*self._called, complaint, advice, given)

    @contextlib.contextmanager
    def explained(
        self, file: Path, does: str = "write", advice: str = _WRITE
    ) -> Iterator[None]:
        """Explain an error of the system: finished chunks, and how to go on."""
        try:
            yield
        except (OSError, MemoryError) as error:
            # `errno` is set afterwards, else the message begins with it.
            said = getattr(error, "strerror", None) or str(error) or "no memory"
            explained = self.error(
                type(error), f"cannot {does} `{file}`: {said}", KEPT + advice
            )
            if isinstance(error, OSError):
                cast(OSError, explained).errno = error.errno
            raise explained from error


def stamp_of_chunk(fingerprint: str, name: str) -> dict[str, str]:
    """What the file of a chunk says it is."""
    return {"store_study": fingerprint, "store_chunk": name}


def stamp_of_result(fingerprint: str, names: list[str]) -> dict[str, str]:
    """What the file of a result says it is: put together from these chunks."""
    digest = hashlib.sha256("\n".join(sorted(names)).encode()).hexdigest()
    return {"store_study": fingerprint, "store_chunk": digest}
