"""Stores: a study's finished chunks on disk, whole files that survive a crash."""

import contextlib
import hashlib
import io
import json
import os
import secrets
import time
import warnings
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import cast

import h5netcdf
import h5py
import xarray as xr

from .._base.errors import argument_error


JSON = bool | int | float | str | list | dict | None

_TEMPORARY = ".assocmem-tmp-"
# The last line of a file: a checksum of the rest. Readers of netCDF ignore it.
SEAL = b"\nsha256 "
SEAL_SIZE = len(SEAL) + 65


class Store:
    """A folder that holds one study: its settings, a file per chunk, the result.

    A file has its name only once it is whole and on disk, so a run that is killed loses
    what it had not saved, and nothing else. Processes may share a folder.

    Attributes:
        path: the folder.
    """

    def __init__(self, path: Path, spec: Mapping[str, JSON]):
        """Make the folder, or open it again. Files of others in it are left alone.

        Args:
            path: the folder.
            spec: the settings; all that the numbers depend on.

        Raises:
            OSError: if the folder cannot be written.
            ValueError: if it holds other settings, or `spec.json` is damaged or lost.
        """
        self.path, self._chunks = path, path / "chunks"
        self._spec = json.dumps(spec, indent=2)
        canonical = json.dumps(spec, sort_keys=True)
        self._fingerprint = hashlib.sha256(canonical.encode()).hexdigest()
        file = path / "spec.json"
        with self._explained(path):
            self._chunks.mkdir(parents=True, exist_ok=True)
            for folder in (path, self._chunks):
                _remove_stale(folder)
            probe = self._chunks / ".assocmem-probe"
            _write(probe, b"probe")
            probe.unlink(missing_ok=True)
            # In this order: another process writes its settings before any chunk. Of a
            # study that has none, refused or stopped, nothing is to be kept.
            begun = any(self._chunks.glob("*.nc")) or (path / "study.nc").exists()
            if not begun:
                _write(file, self._spec.encode())
        self._check_spec(file)

    def load(self, name: str) -> xr.Dataset | None:
        """A finished chunk as it was saved, or None if it is still to be computed.

        A file that is damaged, or of another study or chunk, is moved to the folder
        `set-aside`, with a warning, and counts as none.
        """
        file = self._file(name)
        try:
            data = file.read_bytes()
            check_seal(data)
            chunk, stamp = decode(data)
            if stamp != self._stamp(name):
                raise ValueError("it is another chunk, or of other settings")
            return chunk
        except FileNotFoundError:
            pass
        except (OSError, ValueError) as error:
            self._set_aside(file, error)
        return None

    def save(self, name: str, chunk: xr.Dataset) -> None:
        """Keep a finished chunk, numbers and text, in the file `chunks/<name>.nc`.

        Raises:
            OSError: if the file cannot be written, for instance on a full disk.
        """
        self._put(self._file(name), name, chunk)

    def finish(self, dataset: xr.Dataset) -> Path:
        """Write the finished study to one netCDF file, `study.nc`, and say where.

        The settings become its attribute `spec`, unless it has one.

        Raises:
            OSError: if the file cannot be written.
        """
        file = self.path / "study.nc"
        attrs = {"spec": self._spec, **dataset.attrs}
        self._put(file, "", dataset.assign_attrs(attrs))
        return file

    def result(self) -> xr.Dataset | None:
        """The finished study, if it was written whole and is of these settings."""
        try:
            data = (self.path / "study.nc").read_bytes()
            check_seal(data)
            dataset, stamp = decode(data)
        except (OSError, ValueError):
            return None
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
        data = _encode(dataset.assign_attrs(self._stamp(name)))
        with self._explained(file):
            _write(file, data)

    def _set_aside(self, file: Path, reason: Exception) -> None:
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
    def _explained(self, file: Path) -> Iterator[None]:
        """Explain an error of the file system: finished chunks, and how to go on."""
        try:
            yield
        except OSError as error:
            # `errno` is set afterwards, else the message begins with it.
            explained = self._error(
                type(error),
                f"cannot write `{file}`: {error.strerror or error}",
                "All finished chunks are kept. Make room or fix the folder, and repeat "
                "the same call: it goes on where it stopped. Or choose another folder.",
            )
            cast(OSError, explained).errno = error.errno
            raise explained from error

    def _check_spec(self, file: Path) -> None:
        try:
            there = json.loads(file.read_bytes())
            if not isinstance(there, dict):
                raise ValueError("it holds no settings")
        except (OSError, ValueError) as error:
            raise self._error(
                ValueError,
                f"holds a study whose `{file}` cannot be read: {error}",
                "Restore that file from a copy, or use another folder.",
            ) from error
        differs = _differences(there, json.loads(self._spec))
        if differs:
            raise self._error(
                ValueError,
                f"holds a study with other settings ({differs})",
                "Use another folder or the same settings.",
            )


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


def _encode(dataset: xr.Dataset) -> bytes:
    """A sealed netCDF file. In memory, as HDF5 hides why a disk cannot be written."""
    # Fill values would rewrite NaNs.
    plain = {name: {"_FillValue": None} for name in dataset.variables}
    buffer = io.BytesIO()
    from xarray import backends

    # `to_netcdf` writes netCDF 4 to memory from xarray 2025.9 on only.
    with h5netcdf.File(buffer, "w") as file:
        dataset.dump_to_store(backends.H5NetCDFStore(file), encoding=plain)
    return buffer.getvalue() + _seal(buffer.getvalue())


def _seal(content: bytes) -> bytes:
    return SEAL + hashlib.sha256(content).hexdigest().encode() + b"\n"


def check_seal(data: bytes) -> None:
    """Refuse damaged bytes before HDF5, which may believe them, or never return."""
    if data[-SEAL_SIZE:] != _seal(data[:-SEAL_SIZE]):
        raise ValueError("it is cut short, damaged, or not written by a store")


def decode(data: bytes) -> tuple[xr.Dataset, dict[str, str | None]]:
    """The dataset in a netCDF file, and the stamp of a store."""
    try:
        # Of what HDF5 cannot open, h5netcdf would leave an unfinished object behind.
        h5py.File(io.BytesIO(data)).close()
        dataset = xr.load_dataset(
            io.BytesIO(data),
            engine="h5netcdf",
            decode_times=False,
            decode_timedelta=False,
        ).drop_encoding()
    # What is no netCDF file makes HDF5 and xarray raise errors of many kinds.
    except Exception as error:
        raise ValueError(f"it is no netCDF file ({error})") from error
    names = ("store_study", "store_chunk")
    return dataset, {name: dataset.attrs.pop(name, None) for name in names}


def _remove_stale(folder: Path) -> None:
    """Remove temporary files of killed processes, an hour old or older."""
    for file in folder.glob(f"{_TEMPORARY}*"):
        with contextlib.suppress(OSError):
            if file.stat().st_mtime < time.time() - 3600:
                file.unlink()


def _write(file: Path, data: bytes) -> None:
    """Put a whole file on disk, or leave the old one as it was."""
    temporary = file.with_name(f"{_TEMPORARY}{os.getpid()}-{secrets.token_hex(8)}")
    try:
        with open(temporary, "xb") as stream:
            stream.write(data)
            stream.flush()
            os.fsync(stream.fileno())
        os.replace(temporary, file)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()
    # Not every system can sync a folder; the file in it is whole all the same.
    with contextlib.suppress(OSError):
        descriptor = os.open(file.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
