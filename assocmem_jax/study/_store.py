"""Stores: a study's finished chunks on disk, whole files that survive a crash."""

import contextlib
import hashlib
import json
import os
import secrets
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, cast

import xarray as xr

from .._base.errors import argument_error
from .._base.files import read_file
from ._files import Presence, remove_stale, write, write_new
from ._netcdf import check_seal, decode, encode, stamp_of


JSON = bool | int | float | str | list | dict | None

_KEPT = "All finished chunks are kept. "
# What to do where the file system refuses to write, and to read.
_WRITE = (
    "Make room or fix the folder, and repeat the same call: it goes on where it "
    "stopped. Or choose another folder."
)
_READ = "Make them readable, and repeat the same call: it goes on where it stopped."


class Store:
    """A folder that holds one study: its settings, a file per chunk, the result.

    A file has its name only once it is whole and on disk, so a run that is killed loses
    what it had not saved, and nothing else. Processes may share a folder.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path, spec: Mapping[str, JSON]):
        """Make the folder, or open it again. Files of others in it are left alone.

        Settings without any chunk give way to others, unless a process works on them.
        Settings that are lost are written again, where all chunks are of them.

        Args:
            path: the folder.
            spec: the settings; all that the numbers depend on.

        Raises:
            OSError: if the folder cannot be written.
            ValueError: if it holds other settings, or `spec.json` is damaged, or lost
                with chunks of other settings left.
        """
        self.path, self._chunks = path, path / "chunks"
        self._spec = json.dumps(spec, indent=2)
        self._fingerprint = fingerprint(spec)
        self._file_of_spec = path / "spec.json"
        with self._explained(path):
            self._chunks.mkdir(parents=True, exist_ok=True)
            for folder in (path, self._chunks):
                remove_stale(folder)
            probe = self._chunks / ".assocmem-probe"
            write(probe, b"probe")
            probe.unlink(missing_ok=True)
            self._presence = Presence(self._chunks)
        try:
            self._settle()
        except BaseException:
            self.close()
            raise
        self._presence.settled()
        if self._finished():
            self.close()

    def close(self) -> None:
        """Let others see that nobody works here. With a chunk, the folder is taken."""
        self._presence.leave()

    def load(self, name: str) -> xr.Dataset | None:
        """A finished chunk as it was saved, or None if it is still to be computed.

        A file that was read, and is damaged or of another study or chunk, is moved to
        the folder `set-aside`, with a warning, and counts as none.

        Raises:
            OSError: if the file is there and cannot be read.
            MemoryError: if it does not fit into memory.
            ValueError: if it is whole, and is not understood; or if the folder was
                given to another study.
        """
        file = self._file(name)
        try:
            data = self._read(file)
            if data is None:
                return None
            check_seal(data)
        except ValueError as error:
            self._set_aside(file, error)
            return None
        chunk, stamp = self._decoded(file, data)
        if stamp != self._stamp(name):
            self._set_aside(file, "it is another chunk, or of other settings")
            return None
        return chunk

    def save(self, name: str, chunk: xr.Dataset) -> None:
        """Keep a finished chunk, numbers and text, in the file `chunks/<name>.nc`.

        Raises:
            OSError: if the file cannot be written, for instance on a full disk.
            ValueError: if the folder was given to another study.
        """
        self._put(self._file(name), name, chunk)
        self.close()

    def finish(self, dataset: xr.Dataset) -> Path:
        """Write the finished study to one netCDF file, `study.nc`, and say where.

        The settings become its attribute `spec`, unless it has one.

        Raises:
            OSError: if the file cannot be written.
            ValueError: if the folder was given to another study.
        """
        file = self.path / "study.nc"
        attrs = {"spec": self._spec, **dataset.attrs}
        self._put(file, "", dataset.assign_attrs(attrs))
        return file

    def result(self) -> xr.Dataset | None:
        """The finished study, if it was written whole and is of these settings.

        Raises:
            OSError: if the file is there and cannot be read.
            MemoryError: if it does not fit into memory.
        """
        file = self.path / "study.nc"
        try:
            data = self._read(file)
            if data is None:
                return None
            check_seal(data)
        except ValueError:
            return None
        dataset, stamp = self._decoded(file, data)
        return dataset if stamp == self._stamp("") else None

    def _file(self, name: str) -> Path:
        if not name or "/" in name or "\\" in name:
            raise ValueError(
                f"`Store.save(name=...)` must be part of a file name, got {name!r}. "
                "Use letters, digits, and `_.=-`."
            )
        return self._chunks / f"{name}.nc"

    def _stamp(self, name: str) -> dict[str, str | None]:
        return {"store_study": self._fingerprint, "store_chunk": name}

    def _put(self, file: Path, name: str, dataset: xr.Dataset) -> None:
        data = encode(dataset.assign_attrs(self._stamp(name)))
        self._check_spec()
        with self._explained(file):
            write(file, data)

    def _read(self, file: Path) -> bytes | None:
        """The bytes of a file; `None` where there is none."""
        with self._explained(file, "read", _READ):
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
            raise self._error(
                MemoryError if isinstance(error, MemoryError) else ValueError,
                f"cannot read `{file}`, though it is whole: {said}",
                f"{_KEPT}Repeat the same call, with more memory or the versions of "
                "h5netcdf and xarray that wrote it.",
            ) from error

    def _set_aside(self, file: Path, reason: object) -> None:
        # Where the folder is of another study by now, its chunks are not to be moved.
        self._check_spec()
        folder = self.path / "set-aside"
        aside = folder / f"{file.stem}-{secrets.token_hex(8)}.nc"
        with self._explained(aside):
            folder.mkdir(exist_ok=True)
            try:
                file.rename(aside)
            except FileNotFoundError:
                # Another process was faster.
                return
        said = self._error(
            UserWarning,
            f"holds a bad chunk, `{file}`: {reason}",
            f"It is set aside as `{aside}`, and computed again.",
        )
        warnings.warn(cast(Warning, said), stacklevel=3)

    def _error(self, kind: type[Exception], complaint: str, advice: str) -> Exception:
        given = repr(os.fspath(self.path))
        return argument_error(kind)("study.run", "store", complaint, advice, given)

    @contextlib.contextmanager
    def _explained(
        self, file: Path, does: str = "write", advice: str = _WRITE
    ) -> Iterator[None]:
        """Explain an error of the system: finished chunks, and how to go on."""
        try:
            yield
        except (OSError, MemoryError) as error:
            # `errno` is set afterwards, else the message begins with it.
            said = getattr(error, "strerror", None) or str(error) or "no memory"
            explained = self._error(
                type(error), f"cannot {does} `{file}`: {said}", _KEPT + advice
            )
            if isinstance(error, OSError):
                cast(OSError, explained).errno = error.errno
            raise explained from error

    def _settle(self) -> None:
        """Write the settings, unless the folder holds other ones."""
        there = self._settings()
        if there is None:
            self._check_chunks()
            return self._check_spec()
        here = json.loads(self._spec)
        # Of a study that was refused or stopped before any chunk nothing is kept. With
        # other entries it is no settings of a study, but somebody's file.
        idle = self._presence.alone and not self._finished()
        if idle and there.keys() == here.keys() and _differences(there, here):
            with self._explained(self._file_of_spec):
                write(self._file_of_spec, self._spec.encode())
        return self._check_spec()

    def _finished(self) -> list[Path]:
        """The files of chunks, and of the result."""
        with self._explained(self.path, "read", _READ):
            result = self.path / "study.nc"
            files = sorted(self._chunks.glob("*.nc"))
            return [*files, result] if result.exists() else files

    def _settings(self) -> dict[str, Any] | None:
        """The settings in the folder; `None` where there are none."""
        file = self._file_of_spec
        try:
            data = self._read(file)
            there = {} if data is None else json.loads(data)
            if not isinstance(there, dict):
                raise ValueError("it holds no settings")
        except ValueError as error:
            raise self._error(
                ValueError,
                f"holds a study whose `{file}` cannot be read: {error}",
                "Restore that file from a copy, or remove it: the settings of the "
                "chunks write it again. Or use another folder.",
            ) from error
        return None if data is None else there

    def _check_spec(self) -> None:
        """Raise unless the folder is of these settings; where it has none, give it."""
        if (there := self._settings()) is None:
            with self._explained(self._file_of_spec):
                write_new(self._file_of_spec, self._spec.encode())
            # Another process may have been faster.
            there = self._settings() or {}
        if differs := _differences(there, json.loads(self._spec)):
            raise self._error(
                ValueError,
                f"holds a study with other settings ({differs})",
                "Use another folder or the same settings.",
            )

    def _check_chunks(self) -> None:
        """Raise if settings are lost, and chunks are left that are not of these."""
        stamps = []
        for file in self._finished():
            # What is damaged says nothing, and is set aside when it is needed.
            with contextlib.suppress(ValueError):
                if data := self._read(file):
                    check_seal(data)
                    stamps.append(stamp_of(data)["store_study"])
        others = sum(stamp != self._fingerprint for stamp in stamps)
        if others:
            raise self._error(
                ValueError,
                f"holds {others} chunks of other settings, and `{self._file_of_spec}`, "
                "which says of which, is lost",
                "Use another folder, or the settings of these chunks: they write it "
                "again.",
            )


def fingerprint(spec: Mapping[str, JSON]) -> str:
    """What tells the settings of one study from those of another."""
    canonical = json.dumps(spec, sort_keys=True)
    return hashlib.sha256(canonical.encode()).hexdigest()


def _differences(there: dict, here: dict) -> str:
    differs = []
    for key in {**there, **here}:
        old, new = (
            json.dumps(spec[key], sort_keys=True) if key in spec else "absent"
            for spec in (there, here)
        )
        if old != new:
            # Of long entries, what is around the first difference.
            start = max(0, len(os.path.commonprefix([old, new])) - 20)
            old, new = (_excerpt(entry, start) for entry in (old, new))
            differs.append(f"`{key}`: {old} there, {new} here")
    return "; ".join(differs)


def _excerpt(text: str, start: int, size: int = 60) -> str:
    if len(text) <= size:
        return text
    end = start + size
    return "..." * (start > 0) + text[start:end] + "..." * (end < len(text))
