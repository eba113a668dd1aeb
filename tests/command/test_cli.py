"""The command line: its help, sweeps and stores."""

import dataclasses
import inspect
import re
import shlex
import signal
import subprocess
import sys
import time
import warnings
from typing import get_type_hints

import numpy as np
import pytest
import xarray as xr
from typed import SWEEP, refusal, run

import assocmem_jax as am
from assocmem_jax import _rules
from assocmem_jax._base.errors import argument_error
from assocmem_jax._base.text import from_text, to_text
from assocmem_jax._command import cli as _cli, options as _cli_types, stores as _stores
from assocmem_jax._command.cli import main
from assocmem_jax._spec.spec import Spec


COMMANDS = {
    "sweep": _cli.Sweep,
    "capacity": _cli.Capacity,
    "table": _cli.Table,
    "plot": _cli.Plot,
    "status": _stores.Status,
    "merge": _stores.Merge,
    "notebook": _cli.Notebook,
}


# Help


def text_of(output):
    """The words of a help, without boxes and line breaks."""
    return " ".join(re.sub("[─│╭╮╰╯•]", " ", output).split())


def meanings(command):
    """What the docstrings of a command and of what it extends say of each option."""
    said = {}
    for kind in (Spec, command) if command is _cli.Sweep else (command,):
        # From 3.13 on Python takes away what lines are indented by.
        attributes = inspect.cleandoc(str(kind.__doc__)).partition("Attributes:")[2]
        for part in re.split(r"\n(?= {4}\w+: )", attributes):
            name, colon, meaning = part.partition(": ")
            if colon:
                said[name.strip()] = " ".join(meaning.split())
    # Of metrics, a table says more.
    for name, hint in get_type_hints(command, include_extras=True).items():
        said[name] = (
            getattr(getattr(hint, "__metadata__", [0])[-1], "help", 0) or (said[name])
        )
    return said


@pytest.mark.parametrize("columns", (0, 5, 70, 100, 200))
@pytest.mark.parametrize("name", COMMANDS)
def test_help_says_what_every_option_means(name, columns, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", str(columns))
    with pytest.raises(SystemExit) as stop:
        run(name, "--help")
    assert stop.value.code == 0
    out = text_of(capsys.readouterr().out)
    said = meanings(COMMANDS[name])
    for field in dataclasses.fields(COMMANDS[name]):
        option = f"--{field.name.replace('_', '-')} "
        if field.name == "study":
            option = "STUDY"
        elif name == "merge":
            option = {"out": "OUT", "stores": "IN [IN ...]"}[field.name]
        assert option in out
        # A long word may be broken at the end of a line.
        assert said[field.name].replace(" ", "") in out.replace(" ", "")
    assert "None" not in out


def test_what_the_help_says_of_values_can_be_typed():
    assert _cli_types._parse_values(["none"]) is None
    assert _cli_types._parse_values(["One-Hot"]) == "one-hot"
    assert _cli_types._parse_values(["Gaussian()"]) == am.patterns.Gaussian()


def test_rules_of_features_are_typed_as_they_are_called():
    words = ["Mapped(LinearAttention, ELU)", "k=Mapped(Ridge(2), Monomials(degree=3))"]
    rules = _cli_types.parse_rules(words)
    assert rules[words[0]] == am.Mapped(am.LinearAttention(), am.features.ELU())
    mapped = rules["k"]
    assert isinstance(mapped, am.Mapped) and isinstance(mapped.rule, am.Ridge)
    assert mapped.features == am.features.Monomials(3) and mapped.rule.penalty == 2


def test_help_names_every_command_and_where_rules_are_listed(capsys):
    for args, words in (((), COMMANDS), (("sweep",), ["assocmem rules"])):
        with pytest.raises(SystemExit):
            run(*args, "--help")
        out = capsys.readouterr().out
        assert all(word in out for word in words)
    assert set(_cli_types.RULES) == {
        name
        for name, kind in vars(_rules).items()
        if isinstance(kind, type) and issubclass(kind, am.AbstractRule)
    }


@pytest.mark.parametrize("name", COMMANDS)
def test_calls_in_the_help_are_understood(name, capsys, tmp_path, monkeypatch):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.chdir(tmp_path)
    np.save("keys.npy", np.eye(4))
    with pytest.raises(SystemExit):
        run(name, "--help")
    calls = re.findall(r"[A-Z]\w*\([^()]*\)", text_of(capsys.readouterr().out))
    assert len(calls) >= 5 or name != "sweep"
    kinds = {**_cli_types.RULES, **_cli_types.ENSEMBLES}
    for call in calls:
        from_text(call, kinds, _cli_types.PARTS)


def test_the_version_is_told(capsys):
    run("--version")
    assert capsys.readouterr().out == f"assocmem_jax {am.__version__}\n"


def test_nothing_but_the_help_is_printed():
    done = subprocess.run(
        [sys.executable, "-m", "assocmem_jax", "sweep", "--help"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0 and done.stderr == ""


# What is typed


@pytest.mark.parametrize(
    "words, sizes",
    (
        (["16:1024"], (16, 32, 64, 128, 256, 512, 1024)),
        (["4", "8", "16"], (4, 8, 16)),
        (["4,8"], (4, 8)),
        (["5:24"], (5, 10, 20)),
        (["6", "4:16,12"], (4, 6, 8, 12, 16)),
        (["3:3"], (3,)),
    ),
)
def test_sizes_are_numbers_and_doublings(words, sizes):
    assert _cli_types.parse_sizes(words) == sizes


def test_rules_have_names_and_any_case():
    rules = _cli_types.parse_rules(
        ["PSEUDOINVERSE", "Softmax(beta=0.5)", "hot=softmax(2.0)", "dot=DotProduct()"]
    )
    assert list(rules) == ["PSEUDOINVERSE", "Softmax(beta=0.5)", "hot", "dot"]
    assert isinstance(rules["PSEUDOINVERSE"], am.Pseudoinverse)
    assert [to_text(rules[name]) for name in ("Softmax(beta=0.5)", "hot")] == [
        "Softmax(beta=0.5)",
        "Softmax(beta=2.0)",
    ]


def test_what_is_typed_is_what_is_measured(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    keys = np.random.default_rng(1).standard_normal((20, 4)).astype(np.float32)
    np.save("keys.npy", keys)
    run(
        *SWEEP,
        *("--trials", 2, "--ensemble", "Samples('keys.npy')", "--values", "keys"),
        *("--vary", "beta=0.1,1", "--query-noise", 0, 0.5, "--mask-fraction", "0.25"),
        *("--metrics", "cosine,recall", "--seed", 7, "--memory-gib", 0.5),
    )
    typed = am.load_study("assocmem-sweep")
    called = am.sweep(
        {"softmax": am.Softmax()},
        d=[4],
        n=[4, 8],
        trials=2,
        ensemble=am.patterns.Samples(keys),
        values="keys",
        vary={"beta": [0.1, 1.0]},
        query_noise=[0.0, 0.5],
        mask_fraction=0.25,
        metrics=("cosine", "recall"),
        seed=7,
    )
    xr.testing.assert_identical(typed.drop_attrs(), called.drop_attrs())
    assert typed.attrs["spec"] == called.attrs["spec"]
    out = capsys.readouterr().out
    for shown in ("softmax = Softmax(beta=1.0)", "beta = 0.1 1.0", "Samples(keys=<20x"):
        assert shown in out
    assert len(out.splitlines()) < 30


def test_long_axes_are_shown_by_their_ends(tmp_path, capsys):
    loads = [str(n) for n in range(1, 31)]
    run(*SWEEP[:5], "--n", *loads, "--store", tmp_path)
    assert "n                 1 2 3 4 5 6 7 8 ... 27 28 29 30 (30)" in (
        capsys.readouterr().out
    )


@pytest.mark.parametrize(
    "args, message",
    (
        (("--rules", "softmx"), "`softmx` is not known here. Did you mean `Softmax`?"),
        (("--rules", "Softmax(bta=1)"), "argument `bta`.* Did you mean `beta`?"),
        (("--rules", "softmax(beta=-1)"), r"Softmax\(beta=...\)` must .* got -1"),
        (("--rules", "softmax", "softmax"), "`softmax` is there twice"),
        (("--rules", "3 + 4"), r"`3 \+ 4` must be a call such as"),
        (("--rules", "Softmax(beta=a)"), "Its arguments must be numbers or quoted"),
        (("--rules", f"Softmax(beta=1{'0' * 400})"), "number that is out of range"),
        (("--rules", f"Softmax(beta={'-' * 20000}1)"), "--1.` must be a call such"),
        (("--rules", f"Softmax({'(' * 20000}"), r"`Softmax\(.*` must be a call such"),
        (("--rules", "Softmax(beta={[]: 1})"), "must be a call such as"),
        (("--memory-gib", "inf"), "`--memory-gib inf` must be a number above 0"),
        (("--memory-gib", "nan"), "`--memory-gib nan` must be a number above 0"),
        (("--memory-gib", "-1"), "`--memory-gib -1` must be a number above 0"),
        (("--ensemble", "Clustered(8)"), r"`Clustered\(8\)` lacks `spread`\. "),
        (("--rules",), "`--rules` must not be empty"),
        (("--d", "x"), "`x` must be a whole number, or a range such as `16:1024`"),
        (("--d", "0"), "`0` must be at least 1"),
        (("--n", "64:16"), "`64:16` .* a range ascend"),
        (("--n",), "`--n` must not be empty"),
        (("--v", "two"), "`two` must be a whole number"),
        (("--trials", "0"), "`--trials` must be at least 1, got 0"),
        (("--seed", "-1"), "`--seed` must be from 0"),
        (("--query-noise", "x"), "`--query-noise` must have .* powers of d, got 'x'"),
        (("--query-noise", "0.1", "d+1"), "powers of d, got 'd[+]1'"),
        (("--vary", "beta=1,exp(d)"), "`--vary` must have .* got 'exp.d.'"),
        (("--n", "0.5d", "8"), "`8` must be loads like `0.5d 1d 2d`"),
        (("--n", "4d:1d"), "`4d:1d` must ascend, as in `0.5d:8d`"),
        (("--n", "-1d"), "must hold positive numbers below 2\\*\\*31, got -1.0"),
        (("--ensemble",), "An ensemble is missing"),
        (("--ensemble", "g=Gaussian", "g=Bipolar"), "`g` is there twice"),
        (("--query-noise",), "A level is missing"),
        (("--query-noise", "-1"), "`--query-noise` must be .* got -1"),
        (("--vary", "beta"), "`beta` must be like `beta=0.1,1`"),
        (("--vary", "bet=1"), "`--vary` has 'bet'.* Did you mean `beta`"),
        (("--metrics", "cosin"), "`--metrics` has no metric 'cosin'. Did you mean"),
        (("--ensemble", "gausian"), "`gausian` is not known here. Did you mean"),
        (("--ensemble", "Samples('no.npy')"), "finds no file 'no.npy'"),
        (("--values", "kees"), "`kees` is not known here"),
    ),
)
def test_mistakes_are_told_in_one_line(args, message, capsys, tmp_path):
    rest = [word for word in SWEEP]
    if args[0] in rest:
        at = rest.index(args[0])
        del rest[at : at + (3 if args[0] == "--n" else 2)]
    assert re.search(message, refusal(capsys, *rest, "--store", tmp_path / "x", *args))
    assert not (tmp_path / "x").exists()


def test_what_does_not_fit_is_told(tmp_path):
    with pytest.raises(SystemExit, match="`--d` and `--n` must fit .* `--memory-gib`"):
        run(*SWEEP, "--store", tmp_path, "--memory-gib", "1e-6")


def test_running_out_of_memory_is_told(tmp_path, monkeypatch):
    def exhausted(*args, **kwargs):
        raise argument_error(MemoryError)(
            "Spec",
            ("d", "n"),
            "ran out of memory: x",
            "Finished chunks are in `store=`, if one was given.",
        )

    monkeypatch.setattr("assocmem_jax.study.run", exhausted)
    with pytest.raises(SystemExit) as stop:
        run(*SWEEP, "--store", tmp_path)
    assert stop.value.code == (
        "assocmem: error: `--d` and `--n` ran out of memory: x. Finished chunks "
        "are in `--store`, if one was given."
    )


def test_mistakes_have_status_1():
    done = subprocess.run(
        [sys.executable, "-m", "assocmem_jax", *SWEEP, "--rules", "softmx"],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1 and done.stdout == ""
    assert done.stderr.startswith("assocmem: error: ")
    assert done.stderr.count("\n") == 1


# Stores


def test_the_same_command_is_printed_and_resumes(study, tmp_path, capsys):
    store = tmp_path / "a b"
    run(*SWEEP, "--store", store)
    out = capsys.readouterr().out
    assert f"Result: {store / 'study.nc'}" in out
    (command,) = re.findall("Resume: (.*)", out)
    words = shlex.split(command)
    assert words == ["assocmem", *SWEEP, "--store", str(store)]
    chunk = next((store / "chunks").iterdir())
    before = chunk.stat().st_mtime_ns
    main(words[1:])
    assert chunk.stat().st_mtime_ns == before


def test_a_store_of_another_study_is_refused(study):
    with pytest.raises(SystemExit, match=r"`--store .*` holds .*`seed`: 0 there, 5 h"):
        args = "--rules pseudoinverse hot=Softmax(beta=2) relu --d 4:16 --n 2:64"
        noise = ("--trials", 4, "--query-noise", 0, 0.5)
        run("sweep", *args.split(), *noise, "--store", study, "--seed", 5)


def test_warnings_are_one_line(tmp_path, capsys):
    run(*SWEEP, "--store", tmp_path)
    (chunk,) = (tmp_path / "chunks").iterdir()
    chunk.write_bytes(chunk.read_bytes()[:100])
    capsys.readouterr()
    with warnings.catch_warnings():
        warnings.simplefilter("always")
        run(*SWEEP, "--store", tmp_path)
    error = capsys.readouterr().err
    assert error.startswith(f"assocmem: warning: `--store '{tmp_path}'` holds a bad ch")
    assert error.count("\n") == 1


def test_interrupted_says_what_is_kept_and_how_to_go_on(tmp_path):
    rules = ("--rules", "relu", "pseudoinverse", "dotproduct")
    args = ("sweep", *rules, "--d", "16:64", "--n", "4:512", "--trials", "3")
    command = [sys.executable, "-m", "assocmem_jax", *args, "--store", str(tmp_path)]
    pipe = subprocess.PIPE
    process = subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True)
    # The last file may be there before it counts.
    while process.poll() is None and len(list(tmp_path.glob("chunks/d*.nc"))) < 2:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, error = process.communicate(timeout=120)
    assert process.returncode == 130, error
    kept = re.search(r"(\d+) of 9 chunks are kept in .*", error)
    assert kept and 0 < int(kept[1]) < 9
    (resume,) = re.findall("Resume: (.*)", error)
    assert shlex.split(resume) == ["assocmem", *args, "--store", str(tmp_path)]
    assert "Traceback" not in error


def test_an_interrupt_elsewhere_has_status_130(study, monkeypatch, capsys):
    def interrupt(*args, **kwargs):
        raise KeyboardInterrupt

    monkeypatch.setattr("assocmem_jax._statistics.capacity.capacity", interrupt)
    with pytest.raises(SystemExit) as stop:
        run("capacity", study)
    assert stop.value.code == 130
    assert "Stopped." in capsys.readouterr().err
