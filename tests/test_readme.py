"""The code of the README runs, and says what it should."""

import json
import re
import shlex
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest

import assocmem_jax as am
from assocmem_jax._command.cli import main


ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()
EXAMPLES = re.findall(r"```python\n(.*?)```", README, flags=re.DOTALL)


def test_the_example_prints_every_rule(capsys):
    exec(EXAMPLES[0], {})
    printed = dict(line.split() for line in capsys.readouterr().out.splitlines())
    assert set(printed) == {"Pseudoinverse", "Softmax", "ReLU", "DotProduct"}
    # sqrt(d / n), within the spread of 1000 cosines.
    assert float(printed["Pseudoinverse"]) == pytest.approx(0.253, abs=0.02)


def test_the_study_of_the_readme_measures_what_is_known(capsys, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    exec(EXAMPLES[1], namespace := {})
    plt.close("all")
    assert (tmp_path / "curves.pdf").stat().st_size > 5000
    clean = namespace["clean"]["capacity"]
    # Exact at d = 64 is 78.7 and 15.7; the loads there are 1.5 apart.
    assert float(clean.sel(rule="pseudoinverse", d=64)) == pytest.approx(78.7, rel=0.05)
    assert float(clean.sel(rule="dot product", d=64)) == pytest.approx(15.7, rel=0.05)
    assert "dot product: n* =" in capsys.readouterr().out


def test_the_predictions_of_the_readme(capsys):
    exec(EXAMPLES[2], {})
    *grids, capacity, noisy = capsys.readouterr().out.splitlines()
    # Exact up to n = d, and sqrt(d / n) (1 - 3 / (4 d)) far beyond.
    words = "".join(grids).replace("[", " ").replace("]", " ").split()
    pinv = np.array(words, float).reshape(2, 2, 2)[0]
    expected = 0.125 * (1 - 3 / 64)
    assert pinv[1, 0] == 1 and pinv[0, 1] == pytest.approx(expected, abs=1e-3)
    assert capacity == "78.7" and 0 < float(noisy) < 0.2


def test_published_numbers_are_those_found():
    found = rows("published-cpu")
    assert all(row["passed"] for row in found)
    numbers = {(f"{x['published']:.4g}", f"{x['here']:.4g}") for x in found}
    section = README.split("| | published | here |")[1].split("\n\n")[0]
    written = re.findall(r"\| ([\d.]+) \| ([\d.]+) \|$", section, re.MULTILINE)
    assert len(written) == 6 and set(written) <= numbers


@pytest.mark.slow
def test_the_commands_of_the_readme_run(monkeypatch, tmp_path):
    commands = re.findall(
        r"^assocmem (?:sweep|capacity|plot) .*$", README, re.MULTILINE
    )
    assert len(commands) == 3
    monkeypatch.chdir(tmp_path)
    for command in commands:
        main(shlex.split(command)[1:])
    assert (tmp_path / "runs/first/study.nc").exists()
    assert (tmp_path / "map.png").stat().st_size > 5000


def test_the_rule_of_the_readme_is_a_rule(rng):
    namespace = {}
    exec(EXAMPLES[3], namespace)
    keys, values, queries = (rng.standard_normal((n, 3)) for n in (9, 9, 4))
    out = am.retrieve(namespace["Cubic"](), keys, values, queries, fold=am.Fold(4))
    np.testing.assert_allclose(out, (queries @ keys.T) ** 3 @ values, rtol=1e-10)


def test_the_plain_rule_of_the_readme_is_a_rule():
    namespace = {}
    exec(EXAMPLES[4], namespace)

    rule = namespace["Cosines"]()
    definition = lambda K, V, Q: np.cos(Q) @ np.cos(K).T @ V
    am.testing.check_rule(rule, definition)
    data = am.sweep({"cosines": rule}, d=[4], n=[2, 9], trials=3)
    assert (data["cosine"] > 0.3).all()


def rows(name):
    text = (ROOT / "benchmarks" / "results" / f"{name}.jsonl").read_text()
    return [json.loads(line) for line in text.splitlines()]


def table_line(label):
    (line,) = re.findall(rf"^\| {label} \|(.*)\|$", README, flags=re.MULTILINE)
    return line


@pytest.mark.parametrize(
    ("label", "keys", "d"),
    (
        ("d = 64", "gaussian", 64),
        ("d = 256", "gaussian", 256),
        ("d = 1024", "gaussian", 1024),
        ("d = 256, near duplicates", "near duplicates", 256),
        ("d = 256, clusters of 8", "clusters", 256),
    ),
)
def test_accuracies_are_those_measured_and_no_worse_than_torch(label, keys, d):
    cells = [
        [row["relative_error"][side]["stored"] for side in ("assocmem", "torch")]
        for row in rows("pseudoinverse_accuracy-cpu")
        if (row["keys"], row["d"]) == (keys, d)
    ]
    written = [cell.split("/") for cell in table_line(label).split("|")]
    np.testing.assert_array_equal(
        np.array(written, float),
        np.array([[f"{x:.0e}" for x in c] for c in cells], float),
    )
    assert len(cells) == 7 and all(here <= torch for here, torch in cells)


TIMES = (
    ("pseudoinverse, 98 cells, warm", "notebook", "experiment_2", "seconds_warm"),
    ("four rules, 52 cells, warm", "notebook", "experiment_3", "seconds_warm"),
    (
        "pseudoinverse, 98 cells, in a fresh process",
        "notebook",
        "experiment_2_cold",
        "seconds_cold",
    ),
    (
        "of that the call alone",
        "notebook",
        "experiment_2_cold",
        "seconds_cold_call",
    ),
    ("the whole command in a fresh process", "notebook", "command", "seconds_cold"),
    ("its peak memory", "notebook", "command", "peak_gibibytes"),
    ("softmax, n = 16384, d = 64, warm", "attention", None, "seconds_warm"),
)


@pytest.mark.parametrize(("label", "file", "what", "column"), TIMES)
def test_times_are_those_measured(label, file, what, column):
    digits = 2 if file == "attention" else 1
    measured = []
    for machine in ("cpu", "cpu-slow"):
        (row,) = (x for x in rows(f"{file}-{machine}") if x.get("what") == what)
        # Not every time was taken on both machines.
        if column in row:
            here, there = row[column]["assocmem"], row[column]["torch"]
            measured += [f"{there:.{digits}f}", f"{here:.{digits}f}"]
            measured += [] if column == "peak_gibibytes" else [f"{there / here:.1f}"]
    assert measured and measured == re.findall(r"[\d.]+", table_line(label))


def test_memory_is_that_measured_and_below_one_gibibyte():
    measured = rows("streaming-cpu")
    assert all(row["queries"] == row["n"] == 2**18 for row in measured)
    gibibytes = [row["gibibytes_beyond_data"] for row in measured]
    assert [row["rule"] for row in measured] == [
        "dot product",
        "pseudoinverse",
        "softmax",
        "ReLU",
    ]
    written = table_line("GiB").replace(" ", "").split("|")
    assert written == [f"{x:.2f}" for x in gibibytes]
    assert max(gibibytes) < 1


def test_pictures_and_links_are_there():
    heads = re.findall("^#+ (.*)$", README, re.MULTILINE)
    places = {re.sub(r"[^\w -]", "", x).lower().replace(" ", "-") for x in heads}
    for target in re.findall(r"\]\(([^)]+)\)", README):
        known = target[1:] in places if target[0] == "#" else (ROOT / target).exists()
        assert known, target
