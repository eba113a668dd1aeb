"""The progress bar of a study."""

import time

import tqdm


class Progress:
    """A bar over estimated work: the program at hand, cells per second, time left.

    Silent where stderr is no terminal, unless in a notebook.
    """

    def __init__(self, shown: bool, work: float | int, cells: int):
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
        self._bar.close()

    def say(self, doing: str) -> None:
        """Show the work at hand."""
        self._doing = doing
        speed = self._done / max(time.perf_counter() - self._start, 1e-9)
        cells = f"{self._done}/{self._cells} cells, {speed:.3g}/s"
        self._bar.set_postfix_str(f"{cells}, {doing}")

    def add(self, work: float, cells: int) -> None:
        """Count work and cells as done."""
        self._done += cells
        self.say(self._doing)
        self._bar.update(work)


def kind_of_bar(shown: bool) -> tuple[type[tqdm.tqdm], bool | None]:
    """The class of the bar, and whether it is off; `None`: where stderr is a file."""
    if not shown:
        return tqdm.tqdm, True
    # Not at the top: in a notebook without widgets this import warns.
    from tqdm.auto import tqdm as bar

    in_notebook = any(kind.__module__ == "tqdm.notebook" for kind in bar.__mro__)
    return bar, False if in_notebook else None
