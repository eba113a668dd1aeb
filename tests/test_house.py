"""The house: floors, short files, and a face that tools can see."""

import inspect
import os
import pydoc
import runpy
import subprocess
import sys
from pathlib import Path

import pytest
from helpers import RULES, slow

import assocmem_jax as am


ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "assocmem_jax"
API = {
    "AbstractLinear",
    "AbstractRule",
    "AbstractSeparation",
    "Fold",
    "LeftFactor",
    "Pairs",
    "PseudoinverseMemory",
    "__version__",
    "capacity",
    "fit_scaling",
    "load_study",
    "loads",
    "mean_interval",
    "metrics",
    "patterns",
    "plot",
    "retrieve",
    "search_capacity",
    "similarities",
    "study",
    "sweep",
    "testing",
    "theory",
} | set(RULES)
MODULES = {
    *("metrics", "patterns", "plot", "similarities", "study", "testing", "theory")
}
# What a user's editor must know, and the mistakes that it must find.
SCRIPT = """
import assocmem_jax as am

study = am.sweep({"dot": am.DotProduct()}, d=[4, 8, 16], n=[4, 8])
found = am.capacity(study, threshold=0.9)
am.fit_scaling(found)
am.search_capacity({"dot": am.DotProduct()}, d=[4], threshold=0.5)
am.plot.curves(study, "cosine", hue="d")
am.theory.softmax_cosine(d=4, n=4, beta=1.0)
am.testing.check_rule(am.DotProduct())
am.study.Spec({"dot": am.DotProduct()}, d=[4], n=[4])
am.swep  # line 12
am.sweep(d=4)  # line 13
am.capacity(study, treshold=0.9)  # line 14
"""


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, **options)


def test_imports_point_down_and_go_in_no_circle():
    said = run("lint-imports", "--no-cache", cwd=ROOT)
    assert said.returncode == 0, said.stdout
    assert "3 kept, 0 broken" in said.stdout


@pytest.mark.parametrize(
    "file, line, contract",
    (
        ("_core/pairs.py", "from ..study import sweep", "imports point down"),
        ("_rules/relu.py", "from .softmax import Softmax", "knows no other rule"),
        ("_core/table.py", "from .fold import Fold", "no circle"),
    ),
)
def test_an_import_that_points_up_is_seen(tmp_path, file, line, contract):
    for path in PACKAGE.rglob("*.py"):
        copy = tmp_path / path.relative_to(ROOT)
        copy.parent.mkdir(parents=True, exist_ok=True)
        copy.write_text(path.read_text())
    (tmp_path / "pyproject.toml").write_text((ROOT / "pyproject.toml").read_text())
    planted = tmp_path / "assocmem_jax" / file
    planted.write_text(f"{planted.read_text()}\n{line}\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    said = run("lint-imports", "--no-cache", cwd=tmp_path, env=environment)
    assert said.returncode == 1
    broken = [x for x in said.stdout.splitlines() if x.endswith("BROKEN")]
    assert any(contract in x for x in broken)


def test_files_are_short():
    lengths = {
        str(path.relative_to(ROOT)): len(path.read_text().splitlines())
        for path in [*PACKAGE.rglob("*.py"), *(ROOT / "tests").rglob("*.py")]
    }
    assert not {name: lines for name, lines in lengths.items() if lines > 400}


def test_the_api_is_what_dir_lists():
    assert set(dir(am)) == API
    for name in API:
        assert getattr(am, name) is not None
    modules = {name for name in API if inspect.ismodule(getattr(am, name))}
    assert modules == MODULES


@pytest.mark.parametrize("module", (am, *(getattr(am, x) for x in sorted(MODULES))))
def test_tools_are_told_all_that_is_public(module):
    """`help`, `import *` and pages of the API show what `__all__` lists."""
    known = set(module.__all__)
    assert len(known) == len(module.__all__)
    if module is not am:
        lazy = {n for n, x in vars(module).items() if n[0] != "_" and callable(x)}
        assert known == lazy
    text = pydoc.plain(pydoc.TextDoc().document(module))
    assert all(name.strip("_") in text for name in known)


@pytest.mark.parametrize("part", ("front", slow("whole")))
def test_pages_of_the_api_show_every_public_name(tmp_path, part):
    pytest.importorskip("pdoc")
    build = runpy.run_path(str(ROOT / "docs" / "build.py"))["build"]
    build(
        tmp_path, *(("assocmem_jax", r"!assocmem_jax\..+") if part == "front" else ())
    )
    page = (tmp_path / "assocmem_jax.html").read_text()
    assert [name for name in API - MODULES if f'id="{name}"' not in page] == []
    # Sections and formulas of docstrings are set as such.
    assert 'id="arguments"' in page and "MathJax" in page and "Args:" not in page
    for name in MODULES if part == "whole" else ():
        assert f'href="assocmem_jax/{name}.html"' in page
        page_of_module = (tmp_path / "assocmem_jax" / f"{name}.html").read_text()
        for public in getattr(am, name).__all__:
            assert f'id="{public}"' in page_of_module, public
    assert not list(tmp_path.rglob("_*.html"))


def test_unknown_names_are_no_attributes():
    with pytest.raises(AttributeError, match="'assocmem_jax' has no attribute 'swep'"):
        getattr(am, "swep")  # noqa: B009


@pytest.mark.parametrize("module", ("torch", "xarray", "pandas", "matplotlib"))
def test_import_stays_light(module):
    code = f"import sys, assocmem_jax; sys.exit({module!r} in sys.modules)"
    assert run(sys.executable, "-c", code).returncode == 0


def test_a_study_and_its_figures_do_without_the_laws_of_scipy():
    """They take as long to import as JAX does."""
    code = "import sys, assocmem_jax._command.notebook, assocmem_jax.theory._registry"
    code += "; sys.exit('scipy.stats' in sys.modules)"
    assert run(sys.executable, "-c", code).returncode == 0


def test_a_type_checker_sees_the_face(tmp_path):
    (tmp_path / "script.py").write_text(SCRIPT)
    said = run("pyright", "--pythonpath", sys.executable, "script.py", cwd=tmp_path)
    errors = [x for x in said.stdout.splitlines() if " - error: " in x]
    assert [int(x.split(":")[1]) for x in errors] == [12, 13, 14], said.stdout
    assert '"swep"' in errors[0] and '"rules", "n"' in errors[1]
    assert '"treshold"' in errors[2]
