r"""Closed forms: what a measurement must find.

Computed by NumPy and SciPy in float64, whatever JAX's 64-bit mode: nothing here needs a
gradient or an accelerator, and SciPy has the special functions. All parameters are
numbers or arrays that broadcast. Unless said otherwise keys and values have independent
coordinates from N(0, 1), queries are the stored keys, and a score is the mean over the
stored pairs and over draws.
"""

from ._attention_recall import (
    softmax_recall as softmax_recall,
    sparsemax_recall as sparsemax_recall,
)
from ._bits import (
    dot_product_bits as dot_product_bits,
    pseudoinverse_bits as pseudoinverse_bits,
)
from ._bounds import (
    softmax_error_bound as softmax_error_bound,
    softmax_log_capacity_bound as softmax_log_capacity_bound,
)
from ._capacity import (
    capacity as capacity,
)
from ._cosine import (
    mean_cosine as mean_cosine,
    mean_norm as mean_norm,
)
from ._delta import (
    delta_cosine as delta_cosine,
    delta_distance as delta_distance,
    delta_squared_error as delta_squared_error,
)
from ._delta_rate import (
    delta_best_rate as delta_best_rate,
)
from ._dense import (
    dense_bit_error as dense_bit_error,
    dense_bit_error_limit as dense_bit_error_limit,
    dense_capacity as dense_capacity,
)
from ._dot_product import (
    dot_product_cosine as dot_product_cosine,
    dot_product_distance as dot_product_distance,
    dot_product_recall as dot_product_recall,
    dot_product_squared_error as dot_product_squared_error,
)
from ._entmax import (
    entmax_cosine as entmax_cosine,
)
from ._epanechnikov import (
    epanechnikov_cosine as epanechnikov_cosine,
    epanechnikov_exact_fraction as epanechnikov_exact_fraction,
    epanechnikov_squared_error as epanechnikov_squared_error,
)
from ._facts import (
    dot_product_accuracy as dot_product_accuracy,
    dot_product_fact_capacity as dot_product_fact_capacity,
    dot_product_list_accuracy as dot_product_list_accuracy,
)
from ._features import (
    dpfp_cosine as dpfp_cosine,
    dpfp_rank as dpfp_rank,
    feature_map_cosine as feature_map_cosine,
    feature_moments as feature_moments,
)
from ._graded_kernels import (
    quartic_cosine as quartic_cosine,
    triweight_cosine as triweight_cosine,
)
from ._hopfield import (
    hopfield_all_fixed_probability as hopfield_all_fixed_probability,
    hopfield_barrier_capacity as hopfield_barrier_capacity,
    hopfield_bit_error as hopfield_bit_error,
    hopfield_capacity as hopfield_capacity,
    hopfield_fixed_fraction as hopfield_fixed_fraction,
    hopfield_overlap as hopfield_overlap,
)
from ._nearest import (
    all_nearest_probability as all_nearest_probability,
    nearest_cosine as nearest_cosine,
    nearest_distance as nearest_distance,
    nearest_key_probability as nearest_key_probability,
    nearest_squared_error as nearest_squared_error,
    top_k_probability as top_k_probability,
)
from ._polynomial import (
    polynomial_capacity as polynomial_capacity,
    polynomial_cosine as polynomial_cosine,
    polynomial_mean_field_cosine as polynomial_mean_field_cosine,
    polynomial_squared_error as polynomial_squared_error,
)
from ._predict import (
    predict as predict,
)
from ._pseudoinverse import (
    pseudoinverse_cosine as pseudoinverse_cosine,
    pseudoinverse_cosine_approximation as pseudoinverse_cosine_approximation,
    pseudoinverse_recall as pseudoinverse_recall,
)
from ._pseudoinverse_error import (
    pseudoinverse_distance as pseudoinverse_distance,
    pseudoinverse_noise_gain as pseudoinverse_noise_gain,
    pseudoinverse_squared_error as pseudoinverse_squared_error,
)
from ._random_features import (
    positive_features_error as positive_features_error,
    random_fourier_cosine as random_fourier_cosine,
    trigonometric_features_error as trigonometric_features_error,
)
from ._relu import (
    relu_cosine as relu_cosine,
    relu_distance as relu_distance,
    relu_recall as relu_recall,
    relu_squared_error as relu_squared_error,
)
from ._ridge import (
    ridge_best_penalty as ridge_best_penalty,
    ridge_cosine as ridge_cosine,
    ridge_distance as ridge_distance,
    ridge_squared_error as ridge_squared_error,
)
from ._signs import (
    dot_product_sign_error as dot_product_sign_error,
    pseudoinverse_sign_error as pseudoinverse_sign_error,
    sign_error as sign_error,
)
from ._softmax import (
    softmax_cosine as softmax_cosine,
    softmax_target_weight as softmax_target_weight,
)
from ._softmax_error import (
    softmax_distance as softmax_distance,
    softmax_squared_error as softmax_squared_error,
)
from ._sparsemax import (
    sparsemax_cosine as sparsemax_cosine,
    sparsemax_distance as sparsemax_distance,
    sparsemax_exact_fraction as sparsemax_exact_fraction,
    sparsemax_squared_error as sparsemax_squared_error,
)
from ._thresholds import (
    softmax_threshold as softmax_threshold,
)
from ._top_k import (
    top_k_cosine as top_k_cosine,
)
from ._weighted_ridge import (
    weighted_ridge_cosine as weighted_ridge_cosine,
)


__all__ = [
    "all_nearest_probability",
    "capacity",
    "delta_best_rate",
    "delta_cosine",
    "delta_distance",
    "delta_squared_error",
    "dense_bit_error",
    "dense_bit_error_limit",
    "dense_capacity",
    "dot_product_accuracy",
    "dot_product_bits",
    "dot_product_cosine",
    "dot_product_distance",
    "dot_product_fact_capacity",
    "dot_product_list_accuracy",
    "dot_product_recall",
    "dot_product_sign_error",
    "dot_product_squared_error",
    "dpfp_cosine",
    "dpfp_rank",
    "entmax_cosine",
    "epanechnikov_cosine",
    "epanechnikov_exact_fraction",
    "epanechnikov_squared_error",
    "feature_map_cosine",
    "feature_moments",
    "hopfield_all_fixed_probability",
    "hopfield_barrier_capacity",
    "hopfield_bit_error",
    "hopfield_capacity",
    "hopfield_fixed_fraction",
    "hopfield_overlap",
    "mean_cosine",
    "mean_norm",
    "nearest_cosine",
    "nearest_distance",
    "nearest_key_probability",
    "nearest_squared_error",
    "polynomial_capacity",
    "polynomial_cosine",
    "polynomial_mean_field_cosine",
    "polynomial_squared_error",
    "positive_features_error",
    "predict",
    "pseudoinverse_bits",
    "pseudoinverse_cosine",
    "pseudoinverse_cosine_approximation",
    "pseudoinverse_distance",
    "pseudoinverse_noise_gain",
    "pseudoinverse_recall",
    "pseudoinverse_sign_error",
    "pseudoinverse_squared_error",
    "quartic_cosine",
    "random_fourier_cosine",
    "relu_cosine",
    "relu_distance",
    "relu_recall",
    "relu_squared_error",
    "ridge_best_penalty",
    "ridge_cosine",
    "ridge_distance",
    "ridge_squared_error",
    "sign_error",
    "softmax_cosine",
    "softmax_distance",
    "softmax_error_bound",
    "softmax_log_capacity_bound",
    "softmax_recall",
    "softmax_squared_error",
    "softmax_target_weight",
    "softmax_threshold",
    "sparsemax_cosine",
    "sparsemax_distance",
    "sparsemax_exact_fraction",
    "sparsemax_recall",
    "sparsemax_squared_error",
    "top_k_cosine",
    "top_k_probability",
    "trigonometric_features_error",
    "triweight_cosine",
    "weighted_ridge_cosine",
]
