"""Compiled programs that are kept in a folder, for other processes."""

import functools
import hashlib
import os
import platform
from pathlib import Path

import jax
import jaxlib
import platformdirs

from .._base.errors import argument_error
from .._base.files import to_path


# What a CPU says of itself that a compiler asks for, on x86 and on ARM.
_TOLD = (
    "vendor_id",
    "model name",
    "flags",
    "CPU implementer",
    "CPU part",
    "Features",
    "isa",
)


def keep_programs(folder: str | os.PathLike[str] | None = None) -> Path:
    """Keep compiled programs in a folder, and take from it what is there already.

    Compiling is most of what a small study takes the first time. JAX's persistent
    compilation cache is turned on for the rest of this process, programs of the
    caller's own included; importing the library never does. The `assocmem` command
    does, unless it is told `--no-cache`.

    Programs are kept apart by version of jaxlib and by CPU, so machines may share a
    folder. It may be removed at any time. A damaged program is compiled again, with a
    warning, until it is removed. Who can write to the folder can run code in this
    process: take none that others can write to.

    Args:
        folder: where to keep them. `None` is the folder that JAX is told of already,
            by `jax_compilation_cache_dir`, or else one in the user's cache directory.

    Returns:
        The folder of this version and CPU.

    Raises:
        TypeError: if `folder` is no path.
        OSError: if it cannot be written.
    """
    told = jax.config.jax_compilation_cache_dir  # pyright: ignore
    if folder is None and told:
        kept = Path(told)
    else:
        parent = platformdirs.user_cache_path("assocmem_jax", False) / "programs"
        if folder is not None:
            parent = to_path("study.keep_programs", "folder", folder, "folder")
        kept = parent.absolute() / folder_name()
        _make(kept)
        jax.config.update("jax_compilation_cache_dir", str(kept))
        # It may have been opened elsewhere.
        from jax.experimental.compilation_cache import compilation_cache

        compilation_cache.reset_cache()
    # By default only what takes a second is kept. A study has many small programs.
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    return kept


@functools.cache
def folder_name() -> str:
    """The name of the folder of this version of jaxlib, on this CPU."""
    digest = hashlib.sha256(_cpu().encode()).hexdigest()[:16]
    return f"jaxlib-{jaxlib.version.__version__}-{platform.machine()}-{digest}"


def _cpu() -> str:
    """The model of the CPU, and the features for which programs are compiled.

    A program for features that a CPU lacks ends the process when it runs, and models
    of one name can differ in what a virtual machine lets through.
    """
    words = [platform.machine(), platform.processor()]
    try:
        first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    except OSError:
        return "\n".join(words)
    lines = [line.partition(":") for line in first.splitlines()]
    told = {name.strip(): sorted(value.split()) for name, _, value in lines}
    return "\n".join([*words, *(" ".join(told.get(name, ())) for name in _TOLD)])


def _make(folder: Path) -> None:
    """Make a folder, of this user alone where there is none.

    Raises:
        OSError: if it cannot be made, or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        probe = folder / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        kind = argument_error(type(error))
        raise kind(
            "study.keep_programs",
            "folder",
            f"cannot be written: {error.strerror}",
            "Choose another folder.",
            given=repr(os.fspath(folder.parent)),
        ) from error
