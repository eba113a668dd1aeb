"""The command line."""

import sys
from pathlib import Path
from typing import Annotated

import tyro


def notebook(
    *,
    out: Annotated[Path, tyro.conf.arg(metavar="DIR")] = Path("assocmem-notebook"),
    seed: int = 0,
    quick: bool = False,
    overwrite: bool = False,
) -> None:
    """Measure what four associative memories hold.

    Three experiments with Gaussian keys and values: the pseudoinverse rule against the
    number of stored pairs n, and over a grid of dimensions d and n; then the
    pseudoinverse, softmax, ReLU and dot-product rules against n.

    Args:
        out: folder for the figures (PNG, SVG) and for all numbers (netCDF).
        seed: of the random numbers.
        quick: run a small grid, in seconds.
        overwrite: replace another study in that folder.
    """
    from . import _notebook

    try:
        tree = _notebook.stored(out, seed, quick, overwrite)
    except _notebook.Refused as error:
        sys.exit(f"assocmem: error: {error}")
    if tree is None:
        tree = _notebook.run(seed, quick, progress=True)
        _notebook.save(tree, out)
        came = f"computed in {tree.attrs['seconds']:.1f} s on {tree.attrs['device']}"
    else:
        came = "computed before; `--overwrite` computes them again"
    figures = _notebook.draw(tree, out)
    print(_notebook.table(tree))
    print(f"\nNumbers ({came}): {out / _notebook.NUMBERS}")
    print(f"Figures: {', '.join(str(path) for path in figures)}")


def main(args: list[str] | None = None) -> None:
    """Run the command that `args`, by default those of the process, ask for."""
    try:
        tyro.extras.subcommand_cli_from_dict(
            {"notebook": notebook}, prog="assocmem", args=args
        )
    except KeyboardInterrupt:
        sys.exit("assocmem: stopped.")
