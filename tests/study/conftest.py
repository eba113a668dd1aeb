import pytest
from stores import SPEC, make_chunk

from assocmem_jax.study._store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "first", SPEC)


@pytest.fixture
def folder(store, tmp_path):
    store.save("a", make_chunk())
    return tmp_path / "first"
