"""The notebook's study: three experiments, their numbers, table and figures."""

import contextlib
import json
import os
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import xarray as xr
from matplotlib.figure import Figure

from .. import plot
from .._base.checks import check_seed
from .._base.errors import BadArgument
from .._base.files import read_file
from .._rules import DotProduct, Pseudoinverse, ReLU, Softmax
from .._spec.spec import Spec
from .._version import __version__
from ..plot._labels import theory_line
from ..study._files import write
from ..study._netcdf import decode, is_sealed, is_whole, sealed
from ..study._settings import store_settings
from ..study._store import Store
from ..study._sweep import run as sweep


class Refused(ValueError):
    """The folder cannot take the study; the message says why, and what to do."""


NUMBERS = "notebook.nc"
_TITLES = {
    "experiment_1": "Pseudoinverse memory at d = 32",
    "experiment_2": "Pseudoinverse memory over dimensions",
    "experiment_3": "Four rules at d = 64",
}
_BASELINE_PAIRS = 1000


def sweeps(seed: int, quick: bool) -> dict[str, Spec]:
    """The studies, by the names of their stores.

    Gaussian keys and values of one dimension d, one draw per d, every stored key asked
    again. A cell depends on the seed, rule, d and n alone, so cells that experiments
    share are in one sweep.
    """
    optimal = {"pseudoinverse": Pseudoinverse()}
    others = {"softmax": Softmax(), "ReLU": ReLU(), "dot product": DotProduct()}
    d, n = _powers(4, 6 if quick else 10), _powers(2, 9 if quick else 15)
    return {
        "pseudoinverse": Spec(optimal, d, n, seed=seed),
        "other_rules": Spec(others, [64], n[:-1], seed=seed),
    }


def run(out: Path, seed: int, quick: bool, progress: bool) -> xr.DataTree:
    """Run the three experiments, out of sweeps with stores in the folder.

    Args:
        out: the folder.
        seed: of the random numbers.
        quick: a small grid, in seconds.
        progress: show progress bars on stderr, if that is a terminal.

    Returns:
        One dataset per experiment. In the first one, `random_cosine` is the expected
        cosine of independent vectors, and `random_distance` the mean distance in 1000
        independent pairs.
    """
    grid, rest = (
        sweep(spec, store=out / name, progress=progress).squeeze("trial", drop=True)
        for name, spec in sweeps(seed, quick).items()
    )
    fewer = rest["n"].values
    experiments = {
        "experiment_1": grid.sel(d=[32], n=fewer).assign(_baselines(seed, 32)),
        "experiment_2": grid,
        "experiment_3": xr.concat([grid.sel(d=[64], n=fewer), rest], "rule"),
    }
    both = [grid.attrs, rest.attrs]
    one, other = (json.loads(attrs["spec"]) for attrs in both)
    merged = {**other, "rules": {**one["rules"], **other["rules"]}}
    specs = dict(zip(experiments, (one, one, merged), strict=True))
    provenance = {
        **grid.attrs,
        **settings(seed, quick),
        "title": "What four associative memories hold",
        "spec": json.dumps([one, other]),
        "seconds": sum(attrs["seconds"] for attrs in both),
        "compile_seconds": sum(attrs["compile_seconds"] for attrs in both),
    }
    datasets = {
        name: dataset.drop_attrs(deep=False).assign_attrs(
            title=_TITLES[name], spec=json.dumps(specs[name])
        )
        for name, dataset in experiments.items()
    }
    return xr.DataTree.from_dict({"/": xr.Dataset(attrs=provenance), **datasets})


def settings(seed: int, quick: bool) -> dict[str, str | int]:
    """The settings that tell one study from another."""
    return {"seed": seed, "quick": int(quick), "assocmem_jax": __version__}


def _powers(first: int, last: int) -> list[int]:
    return [2**k for k in range(first, last + 1)]


def _baselines(seed: int, d: int) -> dict:
    pairs = np.random.default_rng((seed, d)).standard_normal((2, _BASELINE_PAIRS, d))
    distance = np.linalg.norm(pairs[0] - pairs[1], axis=1)
    described = {
        "random_cosine": (0.0, "expected cosine similarity of independent vectors"),
        "random_distance": (
            distance.mean(),
            f"mean Euclidean distance in {_BASELINE_PAIRS} independent pairs",
        ),
        "random_distance_std": (
            distance.std(ddof=1),
            "standard deviation over the pairs of random_distance",
        ),
    }
    return {
        name: ((), float(number), {"long_name": long_name, "units": "1"})
        for name, (number, long_name) in described.items()
    }


def prepare(out: Path, seed: int, quick: bool, overwrite: bool) -> bool:
    """Make the folder and the stores in it; say whether all is measured already.

    So a study does not end in an error. To overwrite removes what stores of this
    command hold, and nothing else.

    Raises:
        ValueError: if the seed is out of range, or the folder holds another study.
        OSError: if the folder cannot be written.
    """
    check_seed("notebook", "seed", seed)
    try:
        out.mkdir(parents=True, exist_ok=True)
        probe = out / f".{NUMBERS}.probe"
        probe.touch()
        probe.unlink()
    except OSError as error:
        complaint = f"cannot be written: {error.strerror}. Choose another folder."
        raise Refused(f"{_call(out)} {complaint}") from error
    path = out / NUMBERS
    if overwrite:
        # At once, so that the same command without `--overwrite` goes on after a stop.
        path.unlink(missing_ok=True)
    elif path.exists():
        _check_numbers(path, seed, quick)
    finished = []
    for name, spec in sweeps(seed, quick).items():
        if overwrite:
            _empty(out / name)
        try:
            with contextlib.closing(Store(out / name, store_settings(spec))) as store:
                finished.append(store.result() is not None)
        except BadArgument as error:
            error.rename("notebook", {"store": "out"})
            error.given = repr(os.fspath(out))
            if isinstance(error, ValueError):
                error.advice += " Or pass `--overwrite`."
            raise
    return all(finished)


def _call(out: Path) -> str:
    return f"`assocmem notebook --out {out}`"


def _check_numbers(path: Path, seed: int, quick: bool) -> None:
    """Raise unless a file of numbers may be replaced: one of this very study.

    What it holds besides is not believed: the stores are.
    """
    here = settings(seed, quick)
    try:
        data = read_file(path)
        if is_sealed(data) and not is_whole(data):
            # It was one, and is written again.
            return
        attrs = decode(data)[0].attrs
        there = {name: attrs[name] for name in here}
    except (ValueError, KeyError) as error:
        raise Refused(
            f"{_call(path.parent)} holds a {NUMBERS} that is no study of this command. "
            "Remove it, and it is written from the stores; choose another folder; or "
            "pass `--overwrite`."
        ) from error
    if there != here:
        differs = ", ".join(
            f"`{name}`: {there[name]} there, {here[name]} here"
            for name in here
            if there[name] != here[name]
        )
        raise Refused(
            f"{_call(path.parent)} holds another study ({differs}). Choose another "
            "folder, or pass `--overwrite`."
        )


def _empty(store: Path) -> None:
    """Remove the study from a store, its chunks first: they need the settings."""
    for file in (*store.glob("chunks/*.nc"), store / "study.nc", store / "spec.json"):
        file.unlink(missing_ok=True)


def save(tree: xr.DataTree, out: Path) -> None:
    """Write the numbers as one file, unless the same are there, whole."""
    path = out / NUMBERS
    with contextlib.suppress(FileNotFoundError, ValueError):
        data = read_file(path)
        nodes = {None: tree, **tree.children}
        if is_whole(data) and all(
            decode(data, name)[0].identical(node.to_dataset())
            for name, node in nodes.items()
        ):
            return
    with tempfile.TemporaryDirectory() as folder:
        # Written by name: of several groups in memory some versions of xarray cannot.
        plain = Path(folder) / NUMBERS
        tree.to_netcdf(plain, engine="h5netcdf")
        write(path, sealed(plain.read_bytes()))


def draw(tree: xr.DataTree, out: Path) -> list[Path]:
    """Write the figures, and say where they are."""
    written = []
    with plot.style():
        for name, figure_of in _FIGURES.items():
            figure = figure_of(tree[name].to_dataset())
            # Lay out once, not for every file.
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
            # No date: the same numbers make the same file.
            for suffix, metadata in ((".png", None), (".svg", {"Date": None})):
                written.append(out / f"{name}{suffix}")
                figure.savefig(written[-1], metadata=metadata)
            plt.close(figure)
    return written


def table(tree: xr.DataTree) -> str:
    """Mean cosine similarity in a few cells of every experiment, as text."""
    lines = []
    for name, title in _TITLES.items():
        data = tree[name].to_dataset()["cosine"]
        n = data["n"].values[::2]
        hue = "rule" if data.sizes["rule"] > 1 else "d"
        lines += ["", f"{title}: mean cosine similarity"]
        lines += [f"{'n =':>16}" + "".join(f"{load:8d}" for load in n)]
        for entry in data[hue].values:
            label = f"d = {entry}" if hue == "d" else entry
            row = data.sel({hue: entry}, drop=True).sel(n=n).values.squeeze()
            lines += [f"{label:>16}" + "".join(f"{cosine:8.3f}" for cosine in row)]
    return "\n".join(lines[1:])


def _draw_load(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(1, 2, figsize=(6.8, 2.8), layout="constrained")
    data = dataset.squeeze("d")
    for ax, metric in zip(axes, ("cosine", "distance"), strict=True):
        baseline = float(data[f"random_{metric}"])
        ax.axhline(baseline, color="0.35", ls="--", label="independent random pair")
        ax.axvline(float(data["d"]), color="0.6", lw=0.8, ls=":", label="$n = d$")
        plot.curves(data, metric, hue="rule", ax=ax, legend=False)
    handles, _ = axes[1].get_legend_handles_labels()
    axes[1].legend(handles=[*handles, theory_line()])
    figure.suptitle(f"Pseudoinverse memory, $d = {int(data['d'])}$", fontsize=10)
    return figure


def _draw_dimensions(dataset: xr.Dataset) -> Figure:
    figure, ax = plt.subplots(figsize=(5.2, 3.3), layout="constrained")
    plot.curves(dataset.squeeze("rule"), "cosine", hue="d", ax=ax)
    ax.set_ylim(0, 1.04)
    ax.set_title("Pseudoinverse memory: exact up to $n = d$")
    return figure


def _draw_rules(dataset: xr.Dataset) -> Figure:
    figure, axes = plt.subplots(1, 2, figsize=(6.8, 3.0), layout="constrained")
    data = dataset.squeeze("d")
    plot.curves(data, "cosine", hue="rule", ax=axes[0])
    axes[0].set_ylim(0, 1.04)
    # Below this, a distance is what rounding leaves of |v| = sqrt(d); some are zero,
    # which a logarithmic axis cannot show. They are drawn on its edge.
    rounding = np.finfo(np.float32).eps * np.sqrt(float(data["d"]))
    edge = rounding / 10
    clipped = data.assign(distance=data["distance"].clip(edge))
    plot.curves(
        clipped, "distance", hue="rule", ax=axes[1], legend=False, clip_on=False
    )
    axes[1].axhspan(edge, rounding, color="0.93", zorder=0)
    axes[1].annotate(
        "below float32 rounding",
        (0.03, rounding),
        (0, -2),
        ("axes fraction", "data"),
        "offset points",
        va="top",
        fontsize=8,
    )
    axes[1].set_yscale("log")
    axes[1].set_ylim(edge)
    figure.suptitle(f"Four rules, $d = {int(data['d'])}$", fontsize=10)
    return figure


_FIGURES = {
    "experiment_1": _draw_load,
    "experiment_2": _draw_dimensions,
    "experiment_3": _draw_rules,
}
