"""The progress bar of a study."""

import time

from tqdm import tqdm as terminal_bar
from tqdm.auto import tqdm


class Progress:
    """A bar over estimated work: what compiles, what runs, how fast, how long still.

    Silent where stderr is no terminal, unless in a notebook.
    """

    def __init__(self, shown: bool, work: float, cells: int):
        in_notebook = not issubclass(tqdm, terminal_bar) or tqdm is not terminal_bar
        quiet = (False if in_notebook else None) if shown else True
        self._bar = tqdm(
            total=work,
            desc="sweep",
            bar_format="{desc}: {percentage:3.0f}%|{bar}| {elapsed}<{remaining}"
            "{postfix}",
            disable=quiet,
        )
        self._cells, self._done, self._start = cells, 0, time.perf_counter()

    def __enter__(self) -> "Progress":
        return self

    def __exit__(self, *exc_info) -> None:
        self._bar.close()

    def say(self, doing: str) -> None:
        """Show what is being done."""
        speed = self._done / max(time.perf_counter() - self._start, 1e-9)
        cells = f"{self._done}/{self._cells} cells, {speed:.3g}/s"
        self._bar.set_postfix_str(f"{cells}, {doing}")

    def add(self, work: float, cells: int) -> None:
        """Count work and cells as done."""
        self._done += cells
        self._bar.update(work)

    def skip(self, work: float, cells: int) -> None:
        """Count work and cells that were done before."""
        self._bar.total -= work
        self._bar.refresh()
        self._cells -= cells
