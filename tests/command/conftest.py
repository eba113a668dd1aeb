import pytest
from typed import run


@pytest.fixture(scope="session")
def study(tmp_path_factory):
    """A small study with a further axis, and a name that must be quoted."""
    store = tmp_path_factory.mktemp("a study") / "it's"
    args = "--rules pseudoinverse hot=Softmax(beta=2) relu --d 4:16 --n 2:64 --trials 4"
    run("sweep", *args.split(), "--query-noise", 0, 0.5, "--store", store)
    return store
