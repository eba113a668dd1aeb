"""Similarities as they are typed, and in stores."""

import json

import numpy as np
import pytest
import xarray as xr
from typed import refusal, run

import assocmem_jax as am
from assocmem_jax._base.text import from_text, to_text
from assocmem_jax._command.options import PARTS, RULES, parse_rules
from assocmem_jax.similarities import Cosine, SquaredEuclidean


SIMILARITIES = {
    name: kind
    for name, kind in PARTS.items()
    if isinstance(kind, type) and issubclass(kind, am.similarities.AbstractSimilarity)
}
TYPED = "Softmax(beta=2, similarity=Cosine())"
SIZES = ("--d", "4", "--n", "4", "8", "--trials", "2")


@pytest.mark.parametrize("name", SIMILARITIES)
def test_every_similarity_goes_to_text_and_back(name):
    rule = am.Softmax(beta=2.0, similarity=SIMILARITIES[name]())
    text = to_text(rule)
    assert (name in text) == (name != "Dot")
    assert to_text(from_text(text, RULES, SIMILARITIES)) == text


def test_a_similarity_may_be_a_name_in_any_case():
    rules = parse_rules([f"a={TYPED}", "Sparsemax(similarity=squaredeuclidean)"])
    assert list(rules) == ["a", "Sparsemax(similarity=squaredeuclidean)"]
    typed, named = rules.values()
    assert isinstance(typed, am.Softmax) and typed.similarity == Cosine()
    assert isinstance(named, am.Sparsemax) and named.similarity == SquaredEuclidean()


@pytest.mark.parametrize(
    ("word", "message"),
    (
        ("Softmax(similarity=Cosin())", "`Cosin` is not known here. Did you mean `Cos"),
        ("Softmax(similarity=2)", "must be a similarity, got 2"),
        ("Softmax(similarity=ReLU())", "must be a similarity, got ReLU()"),
        ("Cosine", "`Cosine` is not known here. Did you mean"),
        ("DotProduct(similarity=Cosine())", "`similarity`, which `DotProduct` does no"),
    ),
)
def test_what_is_no_rule_of_a_similarity_is_refused(word, message, capsys):
    assert message in refusal(capsys, "sweep", "--rules", word, *SIZES)


def test_a_similarity_is_typed_and_in_a_file_and_called(tmp_path):
    typed, filed = tmp_path / "typed", tmp_path / "filed"
    run("sweep", "--rules", f"near={TYPED}", "plain=softmax", *SIZES, "--store", typed)
    (tmp_path / "study.toml").write_text(
        f'd = 4\nn = [4, 8]\ntrials = 2\n[rules]\nnear = "{TYPED}"\nplain = "Softmax"\n'
    )
    run("sweep", tmp_path / "study.toml", "--store", filed)
    rules = {"near": am.Softmax(beta=2.0, similarity=Cosine()), "plain": am.Softmax()}
    called = am.sweep(rules, d=[4], n=[4, 8], trials=2)
    for store in (typed, filed):
        study = am.load_study(store)
        xr.testing.assert_identical(study.drop_attrs(), called.drop_attrs())
        said = json.loads(study.attrs["spec"])["rules"]
        assert said == {
            "near": "Softmax(beta=2.0, similarity=Cosine())",
            "plain": "Softmax(beta=1.0)",
        }


def test_a_store_keeps_similarities_apart(tmp_path):
    grid = {"d": [4], "n": [4, 8], "trials": 2, "store": tmp_path}
    cosines = am.sweep({"one": am.Softmax(similarity=Cosine())}, **grid)
    with pytest.raises(ValueError, match=r"other settings.*similarity=Cosine\(\)"):
        am.sweep({"one": am.Softmax()}, **grid)
    again = am.sweep({"one": am.Softmax(similarity=Cosine())}, **grid)
    np.testing.assert_array_equal(again["cosine"], cosines["cosine"])


def test_no_theory_of_products_is_drawn_under_other_scores():
    rules = {
        "dot": am.Softmax(),
        "distance": am.Softmax(similarity=SquaredEuclidean()),
        "cosine": am.Softmax(beta=4.0, similarity=Cosine()),
    }
    study = am.sweep(rules, d=[8], n=[4, 16], trials=2)
    ax = am.plot.curves(study.squeeze("d"), "cosine", hue="rule")
    drawn = [line for line in ax.lines if line.get_marker() == "None"]
    assert len(drawn) == 2
    expected = am.theory.softmax_cosine(
        8, np.asarray(drawn[1].get_xdata()), 0.5, keys="spherical"
    )
    np.testing.assert_allclose(np.asarray(drawn[1].get_ydata()), expected)
