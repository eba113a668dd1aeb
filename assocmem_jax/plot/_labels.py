"""What figures say: labels of axes, looks of entries, and legends."""

import functools
import itertools
import json
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
import numpy as np
import xarray as xr
from matplotlib.axes import Axes
from matplotlib.lines import Line2D
from matplotlib.mathtext import MathTextParser

from .._spec.axes import AXES
from ..metrics._table import METRICS


# Labels of all that is neither a metric nor an axis of every study.
_LABELS = {
    "capacity": "capacity $n^*$",
    "beta": r"inverse temperature $\beta$",
}
# Letters of the longest name, and of the longest line.
_LONGEST_NAME, _LONGEST_LINE = 60, 44
# Entries of the longest legend, and of the longest that finds room among lines.
_MOST, _MOST_INSIDE = 20, 8
# Rules that look the same in the figures of all studies, each in the place of its look.
_OWN = ["Pseudoinverse", "Softmax", "ReLU", "DotProduct", "Sparsemax"]
_THEORY: dict[str, Any] = {"color": "0.35", "linewidth": 1.0}


def readable(text: str) -> str:
    """A text from elsewhere as matplotlib shows it: whole, and never an error.

    Mathematics between dollars stays what it is where it can be read as that. A long
    text loses its middle.
    """
    text = "".join(x if x.isprintable() else " " for x in text)
    text = text if text.strip() else repr(text)
    if len(text) > _LONGEST_NAME:
        half = _LONGEST_NAME // 2
        text = f"{text[:half]}…{text[1 - half :]}"
    if not _is_mathematics(text):
        text = text.replace(r"\$", "$").replace("$", r"\$")
    # Legends leave out what begins with an underscore.
    return rf"$\_${text[1:]}" if text.startswith("_") else text


@functools.cache
def _is_mathematics(text: str) -> bool:
    """Whether all dollars enclose what can be drawn."""
    if (text.count("$") - text.count(r"\$")) % 2:
        return False
    try:
        MathTextParser("path").parse(text)
    except ValueError:
        return False
    return True


def label_of(dataset: xr.Dataset, name: str) -> str:
    """The text on an axis that shows this variable or coordinate."""
    row = {**METRICS, **AXES}.get(name)
    attrs = dataset[name].attrs
    unit = str(attrs.get("units", "1"))
    if row:
        text = row.label
    elif name in _LABELS:
        text = _LABELS[name]
    else:
        lines = textwrap.wrap(str(attrs.get("long_name", name)), _LONGEST_LINE)
        text = "\n".join(map(readable, lines)) or name
    return text if unit in ("", "1") else f"{text} [{readable(unit)}]"


def looks_of(
    entries: np.ndarray, attrs: Mapping[Any, Any] | None = None
) -> list[dict[str, Any]]:
    """One look per entry: numbers take ordered colors, names distinct ones.

    Args:
        entries: what the lines differ in.
        attrs: of the dataset. Rules of one study look alike in all its figures, and
            the library's rules in those of most studies.
    """
    if np.issubdtype(entries.dtype, np.number):
        # The light end of the map is hard to see on white.
        colors = mpl.colormaps["viridis"](np.linspace(0, 0.88, len(entries)))[::-1]
        whole = np.issubdtype(entries.dtype, np.integer)
        labels = [str(x) if whole else f"{x:.6g}" for x in entries]
        places, markers = range(len(entries)), "o"
    else:
        colors, markers = mpl.color_sequences["petroff10"], "osD^vP*X"
        labels = [readable(str(entry)) for entry in entries]
        places = _places([str(entry) for entry in entries], attrs or {})
    return [
        {
            "color": colors[place % len(colors)],
            "marker": markers[place % len(markers)],
            "label": label,
        }
        for place, label in zip(places, labels, strict=True)
    ]


def _places(names: Sequence[str], attrs: Mapping[Any, Any]) -> list[int]:
    """Which of all looks each name has."""
    try:
        rules = dict(json.loads(attrs["spec"])["rules"])
    except (KeyError, TypeError, ValueError):
        rules = {}
    rules = rules if set(names) <= rules.keys() else {}
    taken: dict[str, int] = {}
    for name, text in rules.items():
        kind = str(text).partition("(")[0]
        if kind in _OWN and _OWN.index(kind) not in taken.values():
            taken[name] = _OWN.index(kind)
    free = (place for place in itertools.count() if place not in taken.values())
    for name in dict.fromkeys([*rules, *names]):
        if name not in taken:
            taken[name] = next(free)
    return [taken[name] for name in names]


def theory_line() -> Line2D:
    """The entry of a legend that says which lines are theory."""
    return Line2D([], [], label="theory", **_THEORY)


def draw_legend(
    ax: Axes,
    handles: Sequence[Line2D],
    others: Sequence[Line2D] = (),
    *,
    title: str | None = None,
    ordered: bool = False,
) -> None:
    """Draw a legend that is no longer than the figure.

    Args:
        ax: where to draw.
        handles: one per entry.
        others: further entries, which are all shown.
        title: of the legend.
        ordered: the entries are numbers, some of which say enough.
    """
    shown = list(handles)
    if len(shown) > _MOST and ordered:
        some = np.linspace(0, len(shown) - 1, _MOST // 2).round().astype(int)
        shown = [shown[i] for i in some]
    elif len(shown) > _MOST:
        left = f"and {len(shown) - _MOST + 1} more"
        more = Line2D([], [], linestyle="none", label=left)
        shown = [*shown[: _MOST - 1], more]
    shown += others
    figure = ax.get_figure(root=True)
    # Beside the axes only where a layout makes room for it.
    beside = figure is not None and figure.get_layout_engine() is not None
    place: dict[str, Any] = {"loc": "upper left", "bbox_to_anchor": (1.0, 1.0)}
    beside = beside and len(shown) > _MOST_INSIDE
    ax.legend(handles=shown, title=title, **(place if beside else {}))
