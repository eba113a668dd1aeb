"""Pages of the whole API, made of its docstrings: `python docs/build.py [folder]`."""

import sys
from pathlib import Path

import pdoc

import assocmem_jax as am


def build(folder: Path, *modules: str) -> None:
    """Write the pages of some modules, of all public ones by default."""
    for name in am.__all__:
        # Names that are imported on demand are there for pdoc only once they are set.
        setattr(am, name, getattr(am, name))
    pdoc.render.configure(docformat="google", math=True, show_source=False)
    # Private modules have no pages: what is public of them is on those of others.
    pdoc.pdoc(
        *(modules or ("assocmem_jax", r"!assocmem_jax\._")), output_directory=folder
    )


if __name__ == "__main__":
    chosen = sys.argv[1:] or [Path(__file__).parent / "api"]
    build(Path(chosen[0]))
    print(f"Pages: {chosen[0]}/assocmem_jax.html")
