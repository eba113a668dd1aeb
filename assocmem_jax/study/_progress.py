"""The progress of a study: a bar, or lines where a bar cannot be drawn."""

import contextlib
import sys
import time
import warnings
from collections.abc import Mapping
from typing import Any

import tqdm


# Seconds between two lines.
_PAUSE = 30


class Progress:
    """A bar over estimated work: the program at hand, cells per second, time left."""

    def __init__(self, shown: bool, chunks: Mapping[str, tuple[float, int]]):
        """Begin.

        Args:
            shown: whether anything is.
            chunks: work and number of cells of each chunk, by name.
        """
        self._chunks = dict(chunks)
        work = sum(x for x, _ in chunks.values())
        cells = sum(x for _, x in chunks.values())
        kind, quiet = kind_of_bar(shown)
        self._bar = kind(
            total=work,
            desc="sweep",
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
            "{postfix}",
            disable=quiet,
        )
        self._cells, self._done, self._start = cells, 0, time.perf_counter()
        self._doing = ""

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exc_info) -> None:
        with contextlib.suppress(OSError):
            self._bar.close()

    def say(self, doing: str) -> None:
        """Show the work at hand."""
        self._doing = doing
        # A study goes on where nobody listens any more.
        with contextlib.suppress(OSError):
            self._say()

    def _say(self) -> None:
        speed = self._done / max(time.perf_counter() - self._start, 1e-9)
        cells = f"{self._done}/{self._cells} cells, {speed:.3g}/s"
        self._bar.set_postfix_str(f"{cells}, {self._doing}")

    @property
    def left(self) -> int:
        """How many chunks are not done."""
        return len(self._chunks)

    def add(self, names: set[str]) -> None:
        """Count chunks as done, by whomever. Those that were counted may be named."""
        done = [self._chunks.pop(name) for name in self._chunks.keys() & names]
        work = sum(x for x, _ in done)
        self._done += sum(x for _, x in done)
        with contextlib.suppress(OSError):
            self._say()
            self._bar.update(work)


class Lines(tqdm.tqdm):
    """Progress as lines, half a minute apart, as in a log file of a batch job."""

    def __init__(self, *args, **options):
        # Of a bar that moves nothing is left but the numbers.
        options["bar_format"] = "{desc}: {percentage:3.0f}% {elapsed}<{remaining}"
        options["bar_format"] += "{postfix}"
        self._said = time.monotonic()
        super().__init__(*args, **options)

    def display(self, *args, **options) -> None:
        """Write a line, if the last one was long ago."""
        del args, options
        if time.monotonic() - self._said >= _PAUSE:
            self._said = time.monotonic()
            with contextlib.suppress(OSError):
                self.fp.write(f"{self}\n")
                self.fp.flush()

    def close(self) -> None:
        """Write nothing more."""
        self.leave = False
        with contextlib.suppress(OSError):
            super().close()


def kind_of_bar(shown: bool) -> tuple[type[tqdm.tqdm], bool]:
    """The class of the bar, and whether it is off."""
    # A daemon has no stderr, or one that is closed.
    stderr: Any = sys.stderr
    if not shown or stderr is None or getattr(stderr, "closed", False):
        return tqdm.tqdm, True
    with warnings.catch_warnings():
        # Of a notebook without widgets, where a bar is made of letters.
        warnings.simplefilter("ignore", tqdm.TqdmWarning)
        # Not at the top: it looks for widgets.
        from tqdm.auto import tqdm as bar
    widgets = any(kind.__module__ == "tqdm.notebook" for kind in bar.__mro__)
    in_notebook = widgets or type(stderr).__module__.startswith("ipykernel")
    drawn = in_notebook or getattr(stderr, "isatty", bool)()
    return bar if drawn else Lines, False
