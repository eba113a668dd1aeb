"""How much of a study is done, who computes, and when it will be done."""

import json
import os

import pytest
from grown import GRID, RULES, sweep

import assocmem_jax as am
from assocmem_jax.study import _plan
from assocmem_jax.study._claims import Claims
from assocmem_jax.study._ledger import Ledger
from assocmem_jax.study._preview import preview
from assocmem_jax.study._settings import store_settings
from assocmem_jax.study._status import Part, status_of
from assocmem_jax.study._store import Store


SPEC = am.study.Spec(
    {**RULES, "dot": am.DotProduct()}, **GRID, vary={"beta": [1.0, 2.0]}
)


@pytest.fixture
def store(tmp_path, monkeypatch):
    """A study that stopped after one of three chunks of four cells, in two seconds."""
    keep = Ledger.keep

    def stop(self, chunk, *numbers, **attrs):
        if self.names:
            raise RuntimeError
        keep(self, chunk, *numbers, **{**attrs, "seconds": 2.0})

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(Ledger, "keep", stop)
        am.study.run(SPEC, store=tmp_path)
    return tmp_path


def test_what_is_done_is_counted(store):
    status = status_of(store)
    # What is the same for all beta is counted once.
    assert status.parts == [Part("soft", 4, 4, 0, 4), Part("dot", 4, 0, 0, 4)]
    assert status.workers == {}
    # As long as for the chunk that is there, for each of the others.
    assert status.seconds_left == pytest.approx(4.0)
    whole = am.load_study(store)
    assert (whole.attrs["done"], whole.attrs["cells"]) == (4, 12)


def test_what_runs_is_told_by_claims(store):
    claims = Claims(store / "claims")
    ledger = Ledger(SPEC, Store(store, store_settings(SPEC)))
    chunks = _plan.chunks(SPEC, 1024, ledger.missing)
    assert len(chunks) == 2
    extents = {ledger.extent(x).name: ledger.extent(x) for x in chunks}
    claims.take({name: extents[name] for name in list(extents)[:1]})
    status = status_of(store)
    assert status.parts == [Part("soft", 4, 4, 4, 0), Part("dot", 4, 0, 0, 4)]
    ((host, pid),) = status.workers
    assert pid == os.getpid() and status.workers[host, pid] == 4
    # A dead process computes nothing.
    (file,) = store.glob("claims/*.claim")
    said = json.loads(file.read_text())
    claims.close()
    file.write_text(json.dumps({**said, "machine": "elsewhere"}))
    os.utime(file, (0, 0))
    assert status_of(store).workers == {}


def test_a_finished_study_takes_no_time(tmp_path):
    sweep(tmp_path)
    status = status_of(tmp_path)
    assert status.seconds_left == 0
    assert [(part.done, part.running, part.left) for part in status.parts] == [
        (4, 0, 0)
    ]


def test_before_the_first_chunk_nothing_is_known_of_time(tmp_path):
    Store(tmp_path, store_settings(SPEC)).close()
    assert status_of(tmp_path).seconds_left is None


def test_what_is_no_store_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match="leads to no store.*spec.json"):
        status_of(tmp_path)


def test_a_preview_computes_and_writes_nothing(store, tmp_path, monkeypatch):
    before = sorted(store.rglob("*"))
    plan = preview(SPEC, store)
    assert (plan.cells, plan.there, plan.chunks) == (12, 4, 2)
    assert sorted(store.rglob("*")) == before
    fresh = preview(SPEC, tmp_path / "fresh")
    assert (fresh.cells, fresh.there, fresh.chunks) == (12, 0, 3)
    assert not (tmp_path / "fresh").exists()
    am.study.run(SPEC, store=store)
    taken = sum(file.stat().st_size for file in store.rglob("*") if file.is_file())
    assert taken / 2 < plan.bytes < 2 * taken
    with pytest.raises(ValueError, match="other settings .`seed`: 3 there, 4 here"):
        preview(am.study.Spec(RULES, **{**GRID, "seed": 4}), store)
