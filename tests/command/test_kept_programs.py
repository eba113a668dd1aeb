"""Compiled programs are kept from one command to the next, unless it is told not to."""

import os
import subprocess
import sys

from typed import SWEEP


def command(home, store, *options):
    kept = {k: v for k, v in os.environ.items() if "CACHE" not in k}
    done = subprocess.run(
        [sys.executable, "-m", "assocmem_jax", *SWEEP, "--store", store, *options],
        env={**kept, "XDG_CACHE_HOME": str(home)},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return [x for x in done.stderr.splitlines() if x.startswith("assocmem:")]


def test_programs_are_kept_below_the_user_s_cache(tmp_path):
    assert command(tmp_path / "home", tmp_path / "a") == []
    kept = tmp_path / "home" / "assocmem_jax" / "programs"
    assert len(list(kept.glob("jaxlib-*/jit_measure-*"))) == 1
    assert kept.stat().st_mode & 0o022 == 0


def test_without_a_cache_nothing_is_kept(tmp_path):
    assert command(tmp_path / "home", tmp_path / "a", "--no-cache") == []
    assert not (tmp_path / "home").exists()


def test_a_cache_that_cannot_be_made_stops_no_study(tmp_path):
    (tmp_path / "home").touch()
    (said,) = command(tmp_path / "home", tmp_path / "a")
    start = "assocmem: warning: Compiled programs are not kept: "
    assert said.startswith(start) and "cannot be written" in said
    assert said.endswith("`--no-cache` does without.")
    assert (tmp_path / "a" / "study.nc").exists()
