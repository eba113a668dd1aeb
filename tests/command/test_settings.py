"""Settings of a study in a file, further axes as options, and results as CSV."""

import csv
import io
import re

import numpy as np
import pandas as pd
import pytest
import xarray as xr
from typed import refusal, run

import assocmem_jax as am
from assocmem_jax._command.options import (
    parse_dimensions,
    parse_ensembles,
    parse_pairs,
)
from assocmem_jax.patterns import Bipolar, Gaussian


FILE = """
d = [4, 6]
n = ["0.5d", "2d"]
trials = 2
v = [2, 3]
metrics = ["cosine"]
query-noise = [0, "0.5/sqrt(d)"]
seed = 3

[rules]
soft = "Softmax"

[ensemble]
normal = "Gaussian"
signs = "Bipolar"

[vary]
beta = [0.5, "d^-0.5"]
"""


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("file")
    (folder / "study.toml").write_text(FILE)
    run("sweep", folder / "study.toml", "--store", folder / "store", "--trials", 3)
    return folder / "store"


def test_a_file_is_what_it_says_and_what_is_typed_wins(study):
    called = am.sweep(
        {"soft": am.Softmax()},
        d=[4, 6],
        n=am.loads(0.5, 2),
        trials=3,
        v=[2, 3],
        ensemble={"normal": Gaussian(), "signs": Bipolar()},
        query_noise=[0.0, "0.5/sqrt(d)"],
        vary={"beta": [0.5, "1/sqrt(d)"]},
        metrics=["cosine"],
        seed=3,
    )
    typed = am.load_study(study)
    xr.testing.assert_identical(typed.drop_attrs(), called.drop_attrs())
    assert typed.attrs["spec"] == called.attrs["spec"]


def test_the_same_is_typed_as_options(study, tmp_path, capsys):
    words = (
        "--rules soft=softmax --d 4 6 --n 0.5d,2d --trials 3 --v 2 3 --seed 3 "
        "--ensemble normal=gaussian signs=bipolar --query-noise 0,0.5/sqrt(d) "
        "--vary beta=0.5,d^-0.5 --metrics cosine"
    )
    # It is done already.
    run("sweep", *words.split(), "--store", study)
    shown = capsys.readouterr().out
    for line in (
        "n                 0.5d 2d",
        "v                 2 3",
        "ensemble          normal = Gaussian(), signs = Bipolar()",
        "query_noise       0.0 0.5*d**-0.5",
        "vary              beta = 0.5 d**-0.5",
    ):
        assert line in shown


@pytest.mark.parametrize(
    "text, message",
    (
        ("d = [4", "is no TOML: "),
        ("trails = 2", "sets `trails`, which is no option. Did you mean `trials`?"),
        ("d = ['x']", "`d`: `x` must be a whole number"),
        ("d = 16.5", "`d`: `16.5` must be a whole number"),
        ("trials = 2.5", "`trials`: `2.5` must be a whole number"),
        ("trials = [1, 2]", "`trials`: one entry is needed, got 2"),
        ("trials = true", "`trials`: `True` must be a number or a text, or a list"),
        ("d = [[4]]", r"`d`: `\[4\]` must be a number or a text"),
        ("seed = 1979-05-27", "`seed`: `1979-05-27` must be a number or a text"),
        ("memory-gib = 'much'", "`memory-gib`: `much` must be a number"),
        ("query_noise = 1\nquery-noise = 1", "sets `query-noise` twice"),
        ("rules = {a = 'Softmx'}", "`rules`: `Softmx` is not known here. Did you mean"),
        ("values = 'kees'", "`values`: `kees` is not known here"),
        ("query_noise = -1", "`query_noise` in `.*study.toml` must be .* got -1"),
        ("vary = {bet = 1}", "`vary` in `.*study.toml` has 'bet'.*mean `beta`"),
    ),
)
def test_mistakes_in_a_file_are_told_with_their_key(text, message, tmp_path, capsys):
    file = tmp_path / "study.toml"
    file.write_text(text)
    known = {"rules": "softmax", "d": "4", "n": "2"}
    rest = [
        word
        for name, entry in known.items()
        if not text.startswith(f"{name} ")
        for word in (f"--{name}", entry)
    ]
    said = refusal(capsys, "sweep", file, *rest, "--store", tmp_path / "x")
    assert str(file) in said and re.search(message, said)
    assert not (tmp_path / "x").exists()


def test_a_file_that_there_is_not_is_told(tmp_path, capsys):
    said = refusal(capsys, "sweep", tmp_path / "no.toml")
    assert said.endswith("no.toml` cannot be read: No such file or directory.")


def test_a_table_has_a_line_for_each_cell_and_trial(study, tmp_path, capsys):
    out = tmp_path / "x.csv"
    run("table", study, "--out", out)
    assert capsys.readouterr().out == f"Table: {out}\n"
    data, table = am.load_study(study), pd.read_csv(out)
    axes = ["rule", "d", "n", "ensemble", "v", "beta", "query_noise", "trial"]
    assert table.columns.tolist() == [*axes, "cosine", "cosine_std", "state_bytes"]
    # Two loads of each dimension, of the four that there are.
    assert len(table) == 2 * 2 * 2 * 2 * 2 * 2 * 3 and not table.isna().any(axis=None)
    for row in table.sample(9, random_state=0).to_dict("records"):
        place = {axis: row[axis] for axis in axes}
        cell = data["cosine"].sel(place).item()
        np.testing.assert_allclose(row["cosine"], cell, rtol=1e-6)
    run("table", study)
    printed = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert printed == list(csv.reader(out.read_text().splitlines()))


def test_a_table_may_be_a_dataset(study, tmp_path):
    run("table", study, "--out", tmp_path / "x.nc")
    xr.testing.assert_identical(
        am.load_study(tmp_path / "x.nc").drop_attrs(), am.load_study(study).drop_attrs()
    )


def test_capacities_are_written_as_a_table(study, tmp_path):
    out = tmp_path / "c.csv"
    run("capacity", study, "--threshold", 0.6, "--out", out)
    found = am.capacity(am.load_study(study), threshold=0.6)
    table = pd.read_csv(out).set_index([*map(str, found["capacity"].dims)])
    assert len(table) == found["capacity"].size
    np.testing.assert_allclose(
        table["capacity"].to_numpy(), found["capacity"].values.ravel(), rtol=1e-6
    )


def test_capacities_are_beyond_loads_of_their_own_dimension(study, capsys):
    run("capacity", study, "--threshold", -0.99)
    head, *lines = capsys.readouterr().out.splitlines()
    columns = head.split()
    for line in lines:
        cell = dict(zip(columns, re.sub("> ", ">", line).split(), strict=False))
        assert cell["n*"] == {"4": ">8", "6": ">12"}[cell["d"]]


def test_a_figure_shows_one_entry_of_text(study, tmp_path, capsys):
    chosen = ("ensemble=signs", "v=2", "beta=0.5", "query_noise=0")
    run("plot", study, "--select", *chosen, "--out", tmp_path / "x.png")
    assert (tmp_path / "x.png").exists()
    chosen = ("ensemble=signs", "v=2", "beta=1/sqrt(d)", "query_noise=d^-0.5/2")
    run("plot", study, "--select", *chosen, "--out", tmp_path / "x.svg")
    assert "d**-0.5" in (tmp_path / "x.svg").read_text()
    capsys.readouterr()
    said = refusal(capsys, "plot", study, "--select", *chosen[1:])
    assert "the study has normal, signs" in said and "--select ensemble=normal" in said
    said = refusal(capsys, "plot", study, "--select", "beta=2", *chosen[:2])
    assert "`--select beta=2` is not in the study. Choose from 0.5, d**-0.5" in said


@pytest.mark.parametrize("out", ("x.txt", "x"))
def test_files_of_no_known_kind_are_refused(out, study, capsys):
    said = refusal(capsys, "table", study, "--out", out)
    assert said == f"`--out {out}` must end in .csv, .nc."


def test_loads_are_numbers_before_d():
    assert parse_pairs(["0.25d:2d"]) == am.loads(0.25, 0.5, 1, 2)
    assert parse_pairs(["3d", "0.5d"]) == am.loads(0.5, 3)
    assert parse_pairs(["4:16", "3"]) == (3, 4, 8, 16)


def test_axes_are_several_words():
    assert parse_dimensions(["8"]) == 8 and parse_dimensions(["none"]) is None
    assert parse_dimensions(["8", "2"]) == (2, 8)
    assert parse_ensembles(["gaussian"]) == Gaussian()
    assert parse_ensembles(["g=gaussian"]) == {"g": Gaussian()}
    several = {"Gaussian": Gaussian(), "b": Bipolar()}
    assert parse_ensembles(["Gaussian", "b=Bipolar()"]) == several
