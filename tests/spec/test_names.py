"""Names and numbers of any kind, as studies know them."""

import enum
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jaxtyping import Array, Float

import assocmem_jax as am
from assocmem_jax._base.checks import scalar
from assocmem_jax._spec.spec import Spec, plain
from assocmem_jax.study import _sweep


class Weighted(am.AbstractSeparation):
    """A hyperparameter that is named like what is measured."""

    cosine: Float[Array, ""] = eqx.field(
        default=1.0, converter=scalar("Weighted", "cosine")
    )
    table: Array = eqx.field(default_factory=lambda: jnp.arange(3) / 3)

    def weigh(self, scores, mask):
        return None, self.cosine.astype(scores.dtype) * scores


GRID: Any = {"d": [4], "n": [4]}
SOFT = {"s": am.Softmax()}


@pytest.mark.parametrize("name", ("cosine", "distance", "cosine_std"))
def test_what_is_varied_is_not_named_like_what_is_measured(name):
    kind = type("Named", (Weighted,), {"__annotations__": {name: Array}, name: 1.0})
    with pytest.raises(ValueError, match=f"'{name}', the name of something"):
        Spec({"w": kind()}, **GRID, vary={name: [1.0]})
    metrics = ["recall"]
    assert Spec({"w": kind()}, **GRID, vary={name: [1.0]}, metrics=metrics).vary


@pytest.mark.parametrize("name", ("a\0", "\0", "a\udc80b", "\ud83d"))
def test_names_that_no_file_holds_are_refused(name):
    with pytest.raises(ValueError, match="must have names that a file can hold, got"):
        am.sweep({name: am.DotProduct()}, **GRID)


def test_names_of_any_kind_of_text_are_kept(tmp_path):
    """numpyro#948 and h5py#1131 in kind: names out of arrays."""
    kind = enum.Enum("Kind", {"HOT": "hot"}, type=str)
    names = [*np.array(["a", "µ 😀"]), kind.HOT]
    data = am.sweep(
        {name: am.DotProduct() for name in names},
        **GRID,
        metrics=[*np.array(["cosine"])],
        store=tmp_path,
    )
    assert am.load_study(tmp_path)["rule"].values.tolist() == ["a", "µ 😀", "hot"]
    assert data.identical(am.load_study(tmp_path))


def test_axes_may_be_arrays_of_any_library(monkeypatch):
    torch = pytest.importorskip("torch")
    monkeypatch.setattr(_sweep, "execute", lambda spec, *_: spec)
    sweep: Any = am.sweep
    lists = Spec(SOFT, [4, 8], [4], query_noise=[0.0, 0.5], vary={"beta": [0.5, 1.0]})
    for array in (np.array, jnp.array):
        spec = sweep(
            SOFT,
            d=np.array([4, 8]),
            n=np.array([4]),
            query_noise=np.array([0.0, 0.5]),
            vary={"beta": array([0.5, 1.0])},
        )
        assert spec.describe() == lists.describe()
    given = {"beta": [jnp.float32(0.5), np.float64(1)], "d": torch.tensor([4, 8])}
    assert plain("vary", given) == {"beta": [0.5, 1.0], "d": [4, 8]}
    assert plain("metrics", ("cosine", np.int8(8))) == ("cosine", 8)


def test_settings_do_not_depend_on_the_mode_of_jax():
    def described():
        rules = {"s": am.Softmax(1 / 3), "w": Weighted(0.1), "i": Weighted(2)}
        ensemble = am.patterns.Clustered(3, 1 / 3)
        return Spec(rules, **GRID, ensemble=ensemble, seed=3).describe()

    texts = []
    for x64 in (False, True):
        with jax.enable_x64(x64):
            texts.append(described())
    assert texts[0] == texts[1]
    assert texts[0]["rules"]["s"] == "Softmax(beta=0.33333334)"


def test_numbers_beyond_32_bits_are_told_apart():
    rules = [Weighted(x) for x in (1e300, 1e301, 1e-3, 2e-3)]
    assert len({str(Spec({"w": x}, **GRID).describe()) for x in rules}) == 4


def test_whole_numbers_of_numpy_are_whole_numbers():
    for of in (
        lambda number: am.patterns.Clustered(number, 0.5),
        lambda number: am.patterns.LowRank(number, 0.5),
    ):
        # A warning would be an error here.
        plain, given = of(3), of(np.int64(3))
        assert eqx.tree_equal(plain, given)
        spec = [Spec(SOFT, **GRID, ensemble=x).describe() for x in (plain, given)]
        assert spec[0] == spec[1]
