"""Compiled programs that are kept for other processes."""

import json
import os
import subprocess
import sys
from pathlib import Path

import jax
import jaxlib
import pytest

import assocmem_jax as am
from assocmem_jax.study import _keep


# What a process compiled, and what it took from the cache.
STUDY = """
import collections, json, sys, warnings
import jax

counts = collections.Counter()
jax.monitoring.register_event_listener(lambda event, **_: counts.update([event]))
import assocmem_jax as am

assert jax.config.jax_compilation_cache_dir is None
folder = am.study.keep_programs(*sys.argv[1:])
assert str(folder) == jax.config.jax_compilation_cache_dir
with warnings.catch_warnings(record=True) as said:
    warnings.simplefilter("always")
    data = am.sweep({"dot": am.DotProduct()}, d=[4], n=[4, 8], seed=1)
print(json.dumps({
    "folder": str(folder),
    "compiled": counts["/jax/compilation_cache/cache_misses"],
    "served": counts["/jax/compilation_cache/cache_hits"],
    "cosine": data["cosine"].values.ravel().tolist(),
    "said": [str(x.message) for x in said],
}))
"""


def environment(home):
    """That of a user whose cache is below `home`, and who told JAX of none."""
    kept = {k: v for k, v in os.environ.items() if "CACHE" not in k}
    return {**kept, "XDG_CACHE_HOME": str(home)}


def study(home, *folder):
    done = subprocess.run(
        [sys.executable, "-c", STUDY, *map(str, folder)],
        env=environment(home),
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


@pytest.fixture(scope="module")
def first(tmp_path_factory):
    """The home of a cache that one process has filled, and what that one said."""
    home = tmp_path_factory.mktemp("home")
    return home, study(home)


def test_a_second_process_compiles_nothing(first):
    home, before = first
    after = study(home)
    assert before["compiled"] > 0 and before["served"] == 0
    assert after["compiled"] == 0 and after["served"] == before["compiled"]
    assert after["cosine"] == before["cosine"]
    assert Path(before["folder"]).is_relative_to(home)


def test_a_damaged_program_is_compiled_again(first, tmp_path):
    home, before = first
    broken = Path(study(home, tmp_path)["folder"])
    assert broken.parent == tmp_path
    for i, file in enumerate(sorted(broken.glob("jit_*"))):
        whole = file.read_bytes()
        file.write_bytes(whole[: len(whole) // 2] if i % 2 else b"no program")
    after = study(home, tmp_path)
    assert after["cosine"] == before["cosine"]
    assert after["served"] == 0


def test_other_options_of_the_compiler_make_another_program(tmp_path):
    """As a study gives them: what one has kept is no program of the other."""
    code = """
import sys, jax, assocmem_jax as am
folder = am.study.keep_programs(sys.argv[1])
lowered = jax.jit(lambda x: x + 1).lower(1.0)
for level in (0, 1, 1):
    lowered.compile({"xla_backend_optimization_level": level})
    print(len(list(folder.glob("jit_*"))))
"""
    command = [sys.executable, "-c", code, str(tmp_path)]
    said = subprocess.check_output(command, env=environment(tmp_path), text=True)
    assert said.split() == ["1", "2", "2"]


def test_folders_are_of_one_version_and_one_cpu(monkeypatch):
    name = _keep.folder_name()
    assert name.startswith(f"jaxlib-{jaxlib.version.__version__}-")
    other = {name}
    for told in ("model name : Y\nflags : avx2", "model name : Y\nflags : avx512f"):
        monkeypatch.setattr(Path, "read_text", lambda self, told=told: told)
        _keep.folder_name.cache_clear()
        other.add(_keep.folder_name())
    # The order in which a system lists features says nothing.
    monkeypatch.setattr(Path, "read_text", lambda _: "flags: b a\nmodel name: Y")
    _keep.folder_name.cache_clear()
    turned = _keep.folder_name()
    monkeypatch.setattr(Path, "read_text", lambda _: "model name: Y\nflags: a b")
    _keep.folder_name.cache_clear()
    assert turned == _keep.folder_name() and turned not in other
    assert len(other) == 3
    _keep.folder_name.cache_clear()


def test_what_jax_is_told_already_stays():
    told = jax.config.jax_compilation_cache_dir  # pyright: ignore
    assert am.study.keep_programs() == Path(told)
    assert jax.config.jax_compilation_cache_dir == told  # pyright: ignore


def test_a_bad_folder_is_refused(tmp_path):
    told = jax.config.jax_compilation_cache_dir  # pyright: ignore
    file = tmp_path / "file"
    file.touch()
    said = r"`study.keep_programs\(folder='.*file'\)` cannot be written: .* Choose an"
    with pytest.raises(OSError, match=said):
        am.study.keep_programs(file)
    said = r"`study.keep_programs\(folder=...\)` must be a folder, got ''"
    with pytest.raises(TypeError, match=said):
        am.study.keep_programs("")
    assert jax.config.jax_compilation_cache_dir == told  # pyright: ignore
