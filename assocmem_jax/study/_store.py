"""Stores: a study's finished chunks on disk, whole files that survive a crash."""

import contextlib
import json
import secrets
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import xarray as xr

from ._archive import Archive, Damaged, stamp_of_chunk, stamp_of_result
from ._files import Presence, remove_stale, write, write_new
from ._netcdf import check_seal, encode, stamp_of
from ._settings import (
    JSON,
    described,
    differences,
    differing,
    fingerprint,
    union,
)


class Store:
    """A folder that holds one study, which may grow along its axes.

    A file has its name only once it is whole and on disk, so a run that is killed loses
    what it had not saved, and nothing else. Processes may share a folder.

    Attributes:
        path: the folder.
        archive: the same folder, to read.
    """

    def __init__(self, path: Path, settings: Mapping[str, JSON]):
        """Make the folder, or open it again. Files of others in it are left alone.

        Settings without any chunk give way to others, unless a process works on them.
        Settings that are lost are written again, where all chunks may be of them. What
        is asked beyond the settings that are there joins them with the first chunk.

        Args:
            path: the folder.
            settings: of a study; all that the numbers depend on.

        Raises:
            OSError: if the folder cannot be written.
            ValueError: if it holds a study that cannot be joined, or `spec.json` is
                damaged, or lost with chunks of other settings left.
        """
        self.path, self.archive = path, Archive(path)
        self._settings = dict(settings)
        self._fingerprint = fingerprint(settings)
        with self.archive.explained(path):
            self.archive.chunks.mkdir(parents=True, exist_ok=True)
            for folder in (path, self.archive.chunks, path / "claims"):
                remove_stale(folder)
            probe = self.archive.chunks / ".assocmem-probe"
            write(probe, b"probe")
            probe.unlink(missing_ok=True)
            self._presence = Presence(self.archive.chunks)
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

    def names(self) -> list[str]:
        """Names of the chunks that are there, in order."""
        return self.archive.names()

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
        file = self.archive.file(name)
        try:
            return self.archive.stamped(file, stamp_of_chunk(self._fingerprint, name))
        except Damaged as error:
            self._set_aside(file, error)
            return None

    def save(self, name: str, chunk: xr.Dataset) -> None:
        """Keep a finished chunk, numbers and text, in the file `chunks/<name>.nc`.

        Raises:
            OSError: if the file cannot be written, for instance on a full disk.
            ValueError: if the folder was given to another study.
        """
        stamp = stamp_of_chunk(self._fingerprint, name)
        self._put(self.archive.file(name), chunk.assign_attrs(stamp))
        self.close()

    def settings(self) -> dict[str, Any]:
        """The settings of all that was asked: those of the folder, and these."""
        return union(self.archive.settings() or {}, self._settings)

    def finish(self, dataset: xr.Dataset, names: list[str] | None = None) -> Path:
        """Write the study to one netCDF file, `study.nc`, and say where.

        The settings become its attribute `spec`, unless it has one.

        Args:
            dataset: the study of all that was asked.
            names: of the chunks that it holds. Left out, all that are there.

        Raises:
            OSError: if the file cannot be written.
            ValueError: if the folder was given to another study.
        """
        names = self.names() if names is None else names
        attrs = {
            "spec": json.dumps(described(self._settings), indent=2),
            **dataset.attrs,
            **stamp_of_result(self._fingerprint, names),
        }
        self._put(self.archive.result, dataset.assign_attrs(attrs))
        return self.archive.result

    def result(self) -> xr.Dataset | None:
        """The study as it was written, if it is of all chunks and of all that is asked.

        Raises:
            OSError: if the file is there and cannot be read.
            MemoryError: if it does not fit into memory.
        """
        stamp = stamp_of_result(self._fingerprint, self.names())
        try:
            result = self.archive.stamped(self.archive.result, stamp)
        except Damaged:
            return None
        if result is None:
            return None
        written = json.loads(result.attrs["spec"])
        return result if not differing(written, described(self.settings())) else None

    def _put(self, file: Path, dataset: xr.Dataset) -> None:
        data = encode(dataset)
        self._join()
        with self.archive.explained(file):
            write(file, data)

    def _set_aside(self, file: Path, reason: object) -> None:
        # Where the folder is of another study by now, its chunks are not to be moved.
        self._check()
        folder = self.path / "set-aside"
        aside = folder / f"{file.stem}-{secrets.token_hex(8)}.nc"
        with self.archive.explained(aside):
            folder.mkdir(exist_ok=True)
            try:
                file.rename(aside)
            except FileNotFoundError:
                # Another process was faster.
                return
        said = self.archive.error(
            UserWarning,
            f"holds a bad chunk, `{file}`: {reason}",
            f"It is set aside as `{aside}`, and computed again.",
        )
        warnings.warn(cast(Warning, said), stacklevel=3)

    def _settle(self) -> None:
        """Write the settings, unless the folder holds some."""
        there = self.archive.settings()
        if there is None:
            self._check_chunks()
            return self._join()
        # Of a study that was refused or stopped before any chunk nothing is kept. With
        # other entries it is no settings of a study, but somebody's file.
        idle = self._presence.alone and not self._finished()
        if idle and there.keys() == self._settings.keys() and there != self._settings:
            self._write(self._settings)
        self._check()
        return None

    def _finished(self) -> list[Path]:
        """The files of chunks, and of the result."""
        files = [self.archive.file(name) for name in self.names()]
        result = self.archive.result
        return [*files, result] if result.exists() else files

    def _check(self) -> dict[str, Any]:
        """The settings in the folder. Where it has none, give it these.

        Raises:
            ValueError: if these cannot join them.
        """
        if (there := self.archive.settings()) is None:
            with self.archive.explained(self.archive.spec):
                write_new(self.archive.spec, _text(self._settings))
            # Another process may have been faster.
            there = self.archive.settings() or {}
        if differs := differences(there, self._settings):
            raise self.archive.error(
                ValueError,
                f"holds a study with other settings ({differs})",
                "Use another folder or the same settings.",
            )
        return there

    def _join(self) -> None:
        """Write what is asked here beside what is asked there."""
        there = self._check()
        # Of two that write at once one may be lost, until its next chunk.
        if (joined := union(there, self._settings)) != there:
            self._write(joined)

    def _write(self, settings: Mapping[str, JSON]) -> None:
        with self.archive.explained(self.archive.spec):
            write(self.archive.spec, _text(settings))

    def _check_chunks(self) -> None:
        """Raise if settings are lost, and chunks are left that cannot be of these."""
        stamps = []
        for file in self._finished():
            # What is damaged says nothing, and is set aside when it is needed.
            with contextlib.suppress(ValueError):
                if data := self.archive.read(file):
                    check_seal(data)
                    stamps.append(stamp_of(data)["store_study"])
        others = sum(stamp != self._fingerprint for stamp in stamps)
        if others:
            raise self.archive.error(
                ValueError,
                f"holds {others} chunks of other settings, and `{self.archive.spec}`, "
                "which says of which, is lost",
                "Use another folder, or the settings of these chunks: they write it "
                "again.",
            )


def _text(settings: Mapping[str, JSON]) -> bytes:
    return json.dumps(settings, indent=2).encode()
