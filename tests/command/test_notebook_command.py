"""`assocmem notebook`, as a user runs it."""

import os
import shlex
import subprocess
import sys

import numpy as np
import pytest
import xarray as xr

import assocmem_jax as am
from assocmem_jax._command import notebook as _notebook
from assocmem_jax._command.cli import main
from assocmem_jax.study._netcdf import is_whole


def assocmem(*args):
    command = [sys.executable, "-m", "assocmem_jax", *map(str, args)]
    return subprocess.run(command, capture_output=True, text=True)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    out = tmp_path_factory.mktemp("study") / "new" / "folder"
    return out, assocmem("notebook", "--quick", "--out", out, "--seed", 3)


def test_writes_table_figures_and_numbers(study):
    out, done = study
    assert done.returncode == 0, done.stderr
    assert done.stderr == ""  # no terminal, no progress
    for text in ("softmax", "dot product", "d = 64", f"Result: {out / 'notebook.nc'}"):
        assert text in done.stdout
    assert f"Resume: assocmem notebook --quick --out {out} --seed 3\n" in done.stdout
    names = {f"experiment_{i}{s}" for i in (1, 2, 3) for s in (".png", ".svg")}
    files = {path for path in out.iterdir() if path.is_file()}
    assert {path.name for path in files} == names | {"notebook.nc"}
    assert all(path.stat().st_size > 5000 for path in files)


def test_numbers_are_named_and_say_where_they_come_from(study):
    tree = xr.open_datatree(study[0] / "notebook.nc", engine="h5netcdf")
    assert set(tree.children) == {"experiment_1", "experiment_2", "experiment_3"}
    assert tree.attrs["seed"] == 3
    for name in ("assocmem_jax", "jax", "device", "spec"):
        assert tree.attrs[name]
    first, second, third = (tree[f"experiment_{i}"].to_dataset() for i in (1, 2, 3))
    for experiment in (first, second, third):
        assert experiment["cosine"].dims == ("rule", "d", "n")
        assert experiment["distance"].attrs["units"] == "1"
    assert float(first["random_cosine"]) == 0
    # The distance of two independent normal vectors is sqrt(2) chi, near sqrt(2 d).
    error = float(first["random_distance_std"]) / np.sqrt(1000)
    assert abs(float(first["random_distance"]) - np.sqrt(2 * 32 - 1)) < 5 * error
    expected = {"pseudoinverse", "softmax", "ReLU", "dot product"}
    assert set(third["rule"].values) == expected


def test_numbers_are_those_of_a_sweep(study):
    tree = xr.open_datatree(study[0] / "notebook.nc", engine="h5netcdf")
    for name, rule in (("ReLU", am.ReLU()), ("pseudoinverse", am.Pseudoinverse())):
        cell = am.sweep({name: rule}, d=[64], n=[16, 256], seed=3).isel(trial=0)
        stored = tree["experiment_3"]["cosine"].sel(rule=[name], n=[16, 256])
        np.testing.assert_array_equal(stored, cell["cosine"])


def test_stores_are_studies_for_the_other_commands(study):
    for store, rules in (("pseudoinverse", 1), ("other_rules", 3)):
        assert am.load_study(study[0] / store).sizes["rule"] == rules


def test_the_same_study_is_not_computed_again(study, capsys):
    out, _ = study
    before = (out / "notebook.nc").stat().st_mtime_ns
    main(["notebook", "--quick", "--out", str(out), "--seed", "3"])
    assert "computed before" in capsys.readouterr().out
    assert (out / "notebook.nc").stat().st_mtime_ns == before


def test_a_stopped_study_goes_on(study):
    """From finished chunks; what is not there is computed again."""
    out, _ = study
    tree = xr.load_datatree(out / "notebook.nc", engine="h5netcdf")
    (out / "notebook.nc").unlink()
    chunks = sorted(out.glob("*/chunks/*.nc"))
    chunks[0].unlink()
    times = [chunk.stat().st_mtime_ns for chunk in chunks[1:]]
    with pytest.raises(SystemExit, match=r"`seed`: 3 there, 4 here.*--overwrite"):
        main(["notebook", "--quick", "--out", str(out), "--seed", "4"])
    main(["notebook", "--quick", "--out", str(out), "--seed", "3"])
    assert [chunk.stat().st_mtime_ns for chunk in chunks[1:]] == times
    again = xr.load_datatree(out / "notebook.nc", engine="h5netcdf")
    for name in tree.children:
        xr.testing.assert_equal(tree[name].to_dataset(), again[name].to_dataset())


def test_another_study_is_not_overwritten(study):
    before = (study[0] / "notebook.nc").read_bytes()
    with pytest.raises(SystemExit, match=r"another study \(`seed`: 3 there, 4 here\)"):
        main(["notebook", "--quick", "--out", str(study[0]), "--seed", "4"])
    with pytest.raises(SystemExit, match=r"`quick`: 1 there, 0 here.*--overwrite"):
        main(["notebook", "--out", str(study[0]), "--seed", "3"])
    assert (study[0] / "notebook.nc").read_bytes() == before


def test_numbers_are_not_believed_but_written_again(study, capsys):
    """A flipped bit, a seal that is lost: the stores know better."""
    out, _ = study
    path = out / "notebook.nc"
    before = xr.load_datatree(path, engine="h5netcdf")
    data = path.read_bytes()
    flipped = bytearray(data)
    flipped[len(data) // 2] ^= 1
    for content in (flipped, data[: -len("\nsha256 ") - 65], b""):
        path.write_bytes(content)
        if not content:
            path.unlink()
        main(["notebook", "--quick", "--out", str(out), "--seed", "3"])
        assert "computed before" in capsys.readouterr().out
        assert is_whole(path.read_bytes())
        assert xr.load_datatree(path, engine="h5netcdf").identical(before)


def test_experiments_are_studies_in_a_file(study, tmp_path, capsys):
    path = study[0] / "notebook.nc"
    with pytest.raises(
        SystemExit, match="STUDY.*holds several.*`--group .experiment_1"
    ):
        main(["plot", str(path)])
    out = tmp_path / "x.png"
    main(["plot", str(path), "--group", "experiment_2", "--out", str(out)])
    assert out.stat().st_size > 5000
    assert am.load_study(path, group="experiment_3").sizes["rule"] == 4


@pytest.mark.slow
def test_another_study_is_overwritten_where_asked_and_nothing_else(study):
    out, _ = study
    foreign = [out / "mine.txt", out / "pseudoinverse" / "mine.nc"]
    for file in foreign:
        file.write_text("mine")
    main(["notebook", "--quick", "--out", str(out), "--overwrite", "--seed", "5"])
    assert xr.open_datatree(out / "notebook.nc", engine="h5netcdf").attrs["seed"] == 5
    assert all(file.read_text() == "mine" for file in foreign)


@pytest.mark.slow
def test_overwriting_goes_on_after_a_stop(tmp_path, monkeypatch, capsys):
    out = tmp_path / "out"
    arguments = ["notebook", "--quick", "--out", str(out)]
    main(arguments)
    stop = lambda *_, **__: (_ for _ in ()).throw(KeyboardInterrupt)
    with monkeypatch.context() as patched:
        patched.setattr(_notebook, "save", stop)
        with pytest.raises(SystemExit):
            main([*arguments, "--overwrite", "--seed", "5"])
    (*_, resume) = capsys.readouterr().err.strip().splitlines()
    assert resume == f"Resume: assocmem notebook --quick --out {out} --seed 5"
    kept = sorted(out.glob("*/chunks/*.nc"))
    times = [file.stat().st_mtime_ns for file in kept]
    main(shlex.split(resume)[2:])
    assert len(kept) > 1 and times == [file.stat().st_mtime_ns for file in kept]
    assert "computed before" in capsys.readouterr().out


def test_what_is_no_study_is_not_overwritten(tmp_path):
    (tmp_path / "notebook.nc").write_text("not a study")
    with pytest.raises(SystemExit, match="no study of this command.*--overwrite"):
        main(["notebook", "--quick", "--out", str(tmp_path)])
    assert (tmp_path / "notebook.nc").read_text() == "not a study"


def test_a_folder_that_cannot_be_written_is_refused_at_once(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit, match="cannot be written: .*Choose another folder"):
        main(["notebook", "--out", str(tmp_path / "file")])
    with pytest.raises(SystemExit, match="cannot be written"):
        main(["notebook", "--out", str(tmp_path / "file" / "below")])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_without_permission_is_refused(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(SystemExit, match="cannot be written: Permission denied"):
        main(["notebook", "--out", str(tmp_path)])


def test_a_seed_out_of_range_is_refused_at_once(tmp_path):
    with pytest.raises(SystemExit, match="`--seed` must be from 0.*got -1"):
        main(["notebook", "--out", str(tmp_path), "--seed", "-1"])


def test_mistakes_are_one_line_and_a_status(tmp_path):
    (tmp_path / "file").touch()
    done = assocmem("notebook", "--out", tmp_path / "file")
    assert done.returncode == 1 and done.stderr.count("\n") == 1
