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
        out: folder for the figures (PNG, PDF) and for all numbers (netCDF).
        seed: of the random numbers.
        quick: run a small grid, in seconds.
        overwrite: replace another study in that folder.
    """
    from . import _notebook

    tree = _notebook.stored(out, seed, quick, overwrite)
    if tree is None:
        tree = _notebook.run(seed, quick, progress=True)
        came = f"computed in {tree.attrs['seconds']:.1f} s on {tree.attrs['device']}"
    else:
        came = "computed before; `--overwrite` computes them again"
    written = _notebook.save(tree, out)
    print(_notebook.table(tree))
    print(f"\nNumbers ({came}): {written[0]}")
    print(f"Figures: {', '.join(str(path) for path in written[1:])}")


def main(args: list[str] | None = None) -> None:
    """Run the command that `args`, by default those of the process, ask for."""
    try:
        tyro.extras.subcommand_cli_from_dict(
            {"notebook": notebook}, prog="assocmem", args=args
        )
    except ValueError as error:
        sys.exit(f"assocmem: error: {error}")
    except KeyboardInterrupt:
        sys.exit("assocmem: stopped; nothing was written.")
