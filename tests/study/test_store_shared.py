"""Folders that several studies want, and settings that are lost."""

import json
import threading
from typing import Any

import pytest
from stores import SPEC, files, launch, loaded, make_chunk

from assocmem_jax.study import _files
from assocmem_jax.study._store import Store


OTHER = {**SPEC, "repeats": 32}
# Four studies in one folder: each says whether it is the one.
STUDY = """
print("ready", flush=True)
sys.stdin.readline()
try:
    store = Store(folder, {"seed": int(sys.argv[2])})
    for name in "ab":
        store.save(name, numbers(int(sys.argv[2])))
    store.finish(numbers(int(sys.argv[2])))
    print("done")
except ValueError as error:
    assert "other settings" in str(error), error
    print("refused")
sys.stdin.readline()
"""


def settings(folder):
    return json.loads((folder / "spec.json").read_text())


@pytest.mark.parametrize("before", (None, {"seed": 9}))
def test_of_threads_that_start_at_once_one_gets_the_folder(tmp_path, before):
    if before is not None:
        Store(tmp_path, before).close()
    go, stores, refused = threading.Barrier(4), {}, []

    def study(seed):
        go.wait()
        try:
            stores[seed] = Store(tmp_path, {"seed": seed})
        except ValueError as error:
            refused.append(str(error))

    threads = [threading.Thread(target=study, args=(seed,)) for seed in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(refused) == 3 and all("other settings" in text for text in refused)
    (seed,) = stores
    assert settings(tmp_path) == {"seed": seed}


@pytest.mark.slow
@pytest.mark.parametrize("before", (None, {"seed": 9}))
def test_of_studies_that_start_at_once_one_gets_the_folder(tmp_path, before):
    if before is not None:
        Store(tmp_path, before).close()
    processes = [launch(STUDY, tmp_path, seed) for seed in range(4)]
    for process in processes:
        assert process.stdout and process.stdout.readline() == "ready\n"
    for process in processes:
        assert process.stdin
        process.stdin.write("go\n")
        process.stdin.flush()
    streams: Any = [process.stdout for process in processes]
    said = [stream.readline().strip() for stream in streams]
    for process in processes:
        _, error = process.communicate(timeout=60)
        assert process.returncode == 0, error
    assert sorted(said) == ["done", "refused", "refused", "refused"]
    seed = said.index("done")
    assert settings(tmp_path) == {"seed": seed}
    store = Store(tmp_path, {"seed": seed})
    for found in (loaded(store, "a"), loaded(store, "b"), store.result()):
        assert found is not None and (found["cosine"].values == seed).all()


def test_a_study_without_chunks_gives_way_only_when_nobody_works_on_it(tmp_path):
    store = Store(tmp_path, SPEC)
    with pytest.raises(
        ValueError, match="other settings .`repeats`: 16 there, 32 here"
    ):
        Store(tmp_path, OTHER)
    # The same study may go on beside it.
    Store(tmp_path, SPEC).close()
    store.close()
    Store(tmp_path, OTHER)
    assert settings(tmp_path)["repeats"] == 32


def test_where_a_system_cannot_tell_nothing_gives_way(tmp_path, monkeypatch):
    def unable(*_):
        raise OSError("no locks here")

    def linkless(*_):
        raise OSError("no links here")

    monkeypatch.setattr(_files.fcntl, "flock", unable)
    monkeypatch.setattr(_files.os, "link", linkless)
    Store(tmp_path, SPEC).close()
    Store(tmp_path, SPEC).save("a", make_chunk())
    with pytest.raises(ValueError, match="other settings"):
        Store(tmp_path, OTHER)
    monkeypatch.setattr(_files, "fcntl", None)
    assert loaded(Store(tmp_path, SPEC), "a").identical(make_chunk())


def test_who_lost_the_folder_saves_and_moves_nothing(tmp_path):
    store = Store(tmp_path, SPEC)
    # As if somebody had emptied the folder, and begun another study.
    (tmp_path / "spec.json").unlink()
    other = Store(tmp_path, OTHER)
    other.save("a", make_chunk())
    for use in (
        lambda: store.save("b", make_chunk()),
        lambda: store.finish(make_chunk()),
        lambda: store.load("a"),
    ):
        with pytest.raises(ValueError, match="other settings .`repeats`: 32 there"):
            use()
    assert files(tmp_path) == {"spec.json", "chunks/a.nc"}


@pytest.mark.parametrize("content", ('{"name": "mine"}', "[1]", '{"d": 1', ""))
def test_a_file_of_somebody_else_is_not_replaced(tmp_path, content):
    (tmp_path / "spec.json").write_text(content)
    with pytest.raises(ValueError, match="spec.json` cannot be read|other settings"):
        Store(tmp_path, SPEC)
    assert (tmp_path / "spec.json").read_text() == content


@pytest.mark.parametrize("finished", (False, True))
def test_lost_settings_are_written_again_from_chunks_of_them(store, folder, finished):
    before = settings(folder)
    if finished:
        store.finish(make_chunk())
    (folder / "spec.json").unlink()
    with pytest.raises(
        ValueError, match=f"holds {1 + finished} chunks of other sett.*lost"
    ):
        Store(folder, OTHER)
    assert not (folder / "spec.json").exists()
    # What is damaged says nothing.
    (folder / "chunks/b.nc").write_bytes(b"x")
    again = Store(folder, SPEC)
    assert json.dumps(settings(folder)) == json.dumps(before)
    assert loaded(again, "a").identical(make_chunk())


def test_settings_lost_while_a_study_runs_are_written_again(store, folder):
    (folder / "spec.json").unlink()
    store.save("b", make_chunk())
    assert settings(folder)["repeats"] == 16


def test_chunks_of_two_studies_without_settings_are_refused(store, folder, tmp_path):
    other = Store(tmp_path / "other", OTHER)
    other.save("b", make_chunk())
    (tmp_path / "other/chunks/b.nc").rename(folder / "chunks/b.nc")
    (folder / "spec.json").unlink()
    for spec in (SPEC, OTHER):
        with pytest.raises(ValueError, match="holds 1 chunks of other settings"):
            Store(folder, spec)
    assert files(folder) == {"chunks/a.nc", "chunks/b.nc"}
