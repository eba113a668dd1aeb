import pytest
from stores import SPEC, make_chunk

from assocmem_jax.study import _programs
from assocmem_jax.study._store import Store


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "first", SPEC)


@pytest.fixture
def folder(store, tmp_path):
    store.save("a", make_chunk())
    return tmp_path / "first"


@pytest.fixture(scope="module")
def programs_of_users():
    """Whatever the flags of the suite: bits are at stake."""
    options = _programs._cpu_options
    usual = lambda rule: {"xla_cpu_use_fusion_emitters": True, **options(rule)}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_programs, "_cpu_options", usual)
        yield
