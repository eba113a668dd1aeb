"""Parity with torch: values and gradients."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import torch
import torch_reference
from helpers import make_pairs, slow

import assocmem_jax as am
from assocmem_jax.similarities import Cosine, Manhattan, SquaredEuclidean
from assocmem_jax.testing._compiled import quick


PAIRS = {
    "dot product": (am.DotProduct(), torch_reference.dot_product),
    "pseudoinverse": (am.Pseudoinverse(), torch_reference.pseudoinverse),
    "ridge": (
        am.Ridge(0.5),
        lambda K, V, Q: torch_reference.ridge(K, V, Q, penalty=0.5),
    ),
    "ReLU": (am.ReLU(), torch_reference.relu),
    "softmax": (am.Softmax(), torch_reference.softmax),
    "warm softmax": (
        am.Softmax(beta=0.3),
        lambda K, V, Q: torch_reference.softmax(K, V, Q, beta=0.3),
    ),
    "polynomial": (
        am.Polynomial(3),
        lambda K, V, Q: torch_reference.polynomial(K, V, Q, degree=3),
    ),
    "exponential": (
        am.Exponential(beta=0.3),
        lambda K, V, Q: torch_reference.exponential(K, V, Q, beta=0.3),
    ),
    "largest": (
        am.TopK(k=3),
        lambda K, V, Q: torch_reference.top_k(K, V, Q, k=3),
    ),
    "sparsemax": (
        am.Sparsemax(beta=0.3),
        lambda K, V, Q: torch_reference.sparsemax(K, V, Q, beta=0.3),
    ),
    "entmax": (
        am.Entmax(beta=0.3, alpha=1.5),
        lambda K, V, Q: torch_reference.entmax15(K, V, Q, beta=0.3),
    ),
    "cosines": (
        am.Softmax(beta=2.0, similarity=Cosine()),
        lambda K, V, Q: torch_reference.softmax(
            K / K.norm(dim=0), V, Q / Q.norm(dim=0), beta=2.0
        ),
    ),
    "city blocks": (
        am.Softmax(beta=0.5, similarity=Manhattan()),
        lambda K, V, Q: (
            V @ torch.softmax(-(Q.T[:, None] - K.T).abs().sum(2) / 2, dim=1).T
        ),
    ),
    "squared distances": (
        am.Softmax(beta=0.2, similarity=SquaredEuclidean()),
        lambda K, V, Q: (
            V @ torch.softmax(-0.2 * ((Q.T[:, None] - K.T) ** 2).sum(2), dim=1).T
        ),
    ),
}


@pytest.mark.parametrize("name", PAIRS)
# Below, at 2 d, and beyond; d = 8.
@pytest.mark.parametrize("n", (4, 16, 100, *map(slow, (6, 8, 11, 32))))
@pytest.mark.parametrize("dtype", (np.float32, slow(np.float64)))
def test_values_and_gradients(name, n, dtype, rng):
    rule, reference = PAIRS[name]

    @quick()
    def gradients_and_answers(weights, *arrays):
        def loss(*arrays):
            out = am.retrieve(rule, *arrays)
            return jnp.sum(out * weights), out

        return jax.grad(loss, (0, 1, 2), has_aux=True)(*arrays)

    # New queries, and the stored keys; as many, so that one program serves both.
    arrays = make_pairs(rng, n=n, d=8, v=5, m=n, dtype=dtype)
    weights = rng.standard_normal((n, 5)).astype(dtype)
    for given in (arrays, (arrays[0], arrays[1], arrays[0].copy())):
        found = gradients_and_answers(weights, *given)
        assert_parity(name, reference, given, weights, *found)


def assert_parity(name, reference, arrays, weights, gradients, out):
    dtype = out.dtype
    columns = [torch.tensor(x.T, requires_grad=True) for x in arrays]
    expected = reference(*columns).T
    (expected * torch.from_numpy(weights)).sum().backward()

    # Both sides err, and inverting the keys makes errors grow: their square does in
    # the derivative.
    inverts = name in ("pseudoinverse", "ridge")
    condition = np.linalg.cond(arrays[0].astype(np.float64)) if inverts else 1.0
    eps = 100 * np.finfo(dtype).eps
    close(out, expected.detach().numpy(), eps * condition)
    for gradient, column in zip(gradients, columns, strict=True):
        assert column.grad is not None
        close(gradient, column.grad.numpy().T, eps * condition**2)


def close(actual, desired, tolerance):
    actual = np.asarray(actual)
    assert actual.dtype == desired.dtype and actual.shape == desired.shape
    error = np.linalg.norm(actual - desired) / np.linalg.norm(desired)
    assert error < tolerance
