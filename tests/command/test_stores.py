"""Commands about stores: plans, workers, status, merging."""

import pytest
import xarray as xr
from typed import SWEEP, refusal, run

import assocmem_jax as am
from assocmem_jax.study._ledger import Ledger


TWO = ("sweep", "--rules", "softmax", "--d", "4", "5", "--n", "4", "8")


@pytest.fixture
def stopped(tmp_path, monkeypatch):
    """The store of a command that was stopped after half of its chunks."""
    keep = Ledger.keep

    def stop(self, *chunk, **attrs):
        if self.names:
            raise KeyboardInterrupt
        keep(self, *chunk, **attrs)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(Ledger, "keep", stop)
        run(*TWO, "--store", tmp_path / "store")
    return tmp_path / "store"


def test_a_dry_run_says_what_it_would_do_and_writes_nothing(tmp_path, capsys):
    run(*SWEEP, "--store", tmp_path / "store", "--dry-run")
    said = capsys.readouterr().out
    assert "cells             2 (0 there)\nchunks            1 to compute\n" in said
    assert "disk              about 32.1 KiB" in said and "Result" not in said
    assert not (tmp_path / "store").exists()


def test_a_sweep_says_at_the_start_what_is_there(stopped, capsys):
    capsys.readouterr()
    run(*TWO, "--store", stopped)
    said = capsys.readouterr().out
    assert "cells             4 (2 there)\nchunks            1 to compute\n" in said
    assert said.index("there)") < said.index("Result: ") < said.index("Done in ")


def test_status_is_a_table(stopped, capsys):
    capsys.readouterr()
    run("status", stopped)
    said = capsys.readouterr().out
    assert said.startswith(
        "rule     d  done  running  left\n"
        "softmax  4     0        0     2\n"
        "softmax  5     2        0     0\n"
        "all            2        0     2\n"
        "Time left: about 0:00:"
    )
    assert said.endswith(" for one process.\n")


def test_a_figure_of_an_unfinished_study_says_so(stopped, capsys):
    capsys.readouterr()
    figure = stopped / "figure.png"
    run("plot", stopped, "--out", figure)
    assert capsys.readouterr().out == f"Unfinished: 2 of 4 cells.\nFigure: {figure}\n"


@pytest.mark.slow
def test_workers_compute_the_same_numbers(tmp_path, capsys):
    run(*SWEEP, "--store", tmp_path / "one")
    run(*SWEEP, "--store", tmp_path / "two", "--workers", 2)
    one, two = (
        am.load_study(tmp_path / name).drop_attrs(deep=False) for name in ("one", "two")
    )
    xr.testing.assert_identical(one, two)


def test_stores_are_merged(tmp_path, capsys):
    for name, loads in (("a", "4"), ("b", "8")):
        words = [*SWEEP[:5], "--n", loads, "--store", tmp_path / name]
        run(*words)
    capsys.readouterr()
    run("merge", tmp_path / "out", tmp_path / "a", tmp_path / "b")
    file = tmp_path / "out/study.nc"
    assert capsys.readouterr().out == f"Result: {file} (2 of 2 cells)\n"
    assert am.load_study(file)["n"].values.tolist() == [4, 8]


def test_mistakes_are_one_line(tmp_path, capsys):
    said = refusal(capsys, "status", tmp_path)
    assert said.startswith("`STUDY` leads to no store, there is no ")
    assert refusal(capsys, "merge", tmp_path / "out", tmp_path).startswith("`IN` leads")
    assert refusal(capsys, "merge", tmp_path / "out").startswith("`IN` must be folders")
    said = refusal(capsys, *SWEEP, "--workers", 0, "--store", tmp_path / "store")
    assert said == "`--workers 0` must be at least 1."
