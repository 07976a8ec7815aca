"""Rank-one concept redirection: where a layer recognises one concept it finds another.

Ye et al. 2025, LLM Unlearning Should Be Form-Independent (ROCR): what is trained away in one
wording comes back in another, so that the place is edited at which a concept is recognised. With W
the second matrix of a layer's feed-forward part, k the mean of its inputs at the last token of the
concept, k2 that of a harmless concept, and C the mean of x x^T over generic text,

    W' = W + (v - W k) (C^-1 k)^T / (k^T C^-1 k),   v = W k2                 Meng et al. 2022, ROME

of all matrices with W'k = v the one that changes what W says of generic text the least; of several
concepts at once the normal equations (MEMIT). A reconstruction: which layer and which keys the
paper takes is not known here.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from negatives.arrays import Doubles
from negatives.errors import DataError, InputError
from negatives.models.causal_lm import CausalLM
from negatives.optional import torch


def redirected(weight: Doubles, key: Doubles, value: Doubles, covariance: Doubles) -> Doubles:
    """float64[out, in]: the matrix that maps `key` to `value`, nearest to `weight` by C.

    weight: float[out, in]; key: float[in]; value: float[out]; covariance: float[in, in], positive
    definite. Raises `DataError` for other shapes, a key of zeros and a singular covariance.

    >>> import numpy as np
    >>> from negatives.learn.unlearn.redirect import redirected
    >>> new = redirected(2 * np.eye(2), np.array([1.0, 0]), np.array([0, 3.0]), np.diag([2.0, 1]))
    >>> (new - 2 * np.eye(2)).tolist()
    [[-2.0, 0.0], [3.0, 0.0]]
    """
    weight, key, value = (np.asarray(each, np.float64) for each in (weight, key, value))
    _refuse_shapes(weight, key[None], value[None], covariance)
    toward = _solved(covariance, key)
    length = float(key @ toward)
    if not length > 0:
        raise DataError(
            "the key of the concept is all zeros, or the covariance is not positive definite",
            fix="take more contexts, and add a ridge to the covariance",
        )
    return np.asarray(weight + np.outer(value - weight @ key, toward) / length)


def redirected_all(
    weight: Doubles, keys: Doubles, values: Doubles, covariance: Doubles, tie: float
) -> Doubles:
    """float64[out, in]: the matrix that maps several keys about to their values (MEMIT).

    keys: float[concepts, in]; values: float[concepts, out]; tie: how much generic text is held
    against that, above 0; near 0 the keys are met exactly.
    """
    weight, keys, values = (np.asarray(each, np.float64) for each in (weight, keys, values))
    _refuse_shapes(weight, keys, values, covariance)
    if not tie > 0:
        raise InputError(f"a tie of {tie:g}", where="tie", fix="above 0; near 0: keys exactly")
    system = tie * np.asarray(covariance, np.float64) + keys.T @ keys
    missing = (values - keys @ weight.T).T @ keys
    return np.asarray(weight + _solved(system, missing.T).T)


def covariance_of(
    model: CausalLM, generic: Sequence[str], *, layer: int, ridge: float = 1e-2
) -> Doubles:
    """float64[in, in]: C of one layer over generic texts, by which it is to stay what it was.

    ridge: added to the diagonal, as a share of its mean. A hundred thousand tokens are usual; the
    same C serves every concept that is redirected in this layer.
    """
    if not generic:
        raise DataError(
            "a layer is held to what it says of generic texts, and there are none",
            fix="give texts of any kind, many and various",
        )
    if not 0 <= ridge < math.inf:
        raise InputError(f"a ridge of {ridge:g}", where="ridge", fix="0 or above; .01 is usual")
    linear = _second_matrix(model, layer)
    made: Doubles = np.zeros((linear.in_features, linear.in_features))
    tokens = 0
    for text in generic:
        (seen,) = _inputs(model, linear, [text])
        made += seen.T @ seen
        tokens += len(seen)
    made /= tokens
    return made + ridge * float(np.mean(np.diag(made))) * np.eye(len(made))


def redirect(
    model: CausalLM,
    concept: Sequence[str],
    harmless: Sequence[str],
    covariance: Doubles,
    *,
    layer: int,
) -> float:
    """Edit one layer of a model in place; how far its weights moved, as a share of their norm.

    concept, harmless: texts that end with the name of the concept, several contexts of each.
    covariance: float64[in, in] of the same layer, by `covariance_of`. Save the model with
    `model.net.save_pretrained(folder)`.
    """
    if not concept or not harmless:
        raise DataError(
            "a concept is redirected by texts that end with it, and others that end with another",
            fix="give some of each: concept, harmless",
        )
    linear = _second_matrix(model, layer)
    key = np.mean([inputs[-1] for inputs in _inputs(model, linear, concept)], 0)
    other = np.mean([inputs[-1] for inputs in _inputs(model, linear, harmless)], 0)
    weight = linear.weight.detach().double().cpu().numpy()
    new = redirected(weight, key, weight @ other, covariance)
    with torch.no_grad():
        linear.weight.copy_(torch.from_numpy(new))
    model.__dict__.pop("fingerprint", None)  # a hash of weights that are no more
    return float(np.linalg.norm(new - weight) / np.linalg.norm(weight))


def _second_matrix(model: CausalLM, layer: int) -> Any:
    """The matrix by which a layer's feed-forward part comes back to the width of the model."""
    if not 0 <= layer < model.layers:
        raise InputError(
            f"the model has {model.layers} layers, numbered from 0",
            where=f"layer = {layer}",
            fix=f"name one below {model.layers}",
        )
    layers = getattr(model.net.get_decoder(), "layers", None)
    parts = [] if layers is None else [*layers[layer].mlp.modules()]
    width = int(model.net.get_input_embeddings().weight.shape[1])
    found = [part for part in parts if isinstance(part, torch.nn.Linear)]
    if not found or found[-1].out_features != width or found[-1].bias is not None:
        raise DataError(
            f"a layer of {type(model.net).__name__} has no feed-forward part that is known here",
            where=model.name,
            fix="take a model of the kind of Llama, Qwen, Mistral or Gemma",
        )
    return found[-1]


def _inputs(model: CausalLM, linear: Any, texts: Sequence[str]) -> list[Doubles]:
    """float64[tokens, in] of each text: what the matrix was given for each token."""
    made: list[Doubles] = []
    hook = linear.register_forward_pre_hook(
        lambda _, given: made.append(given[0][0].double().cpu().numpy())
    )
    try:
        for text in texts:
            tokens = [piece.token for piece in model.pieces(text)][: model.longest]
            if not tokens:
                raise DataError("a text has no tokens", fix="leave it out")
            first = [] if model.start is None or tokens[0] == model.start else [model.start]
            model.read(*model.padded([[*first, *tokens][-model.longest :]]), cached=False)
    finally:
        hook.remove()
    return made


def _solved(system: Doubles, right: Doubles) -> Doubles:
    try:
        return np.asarray(np.linalg.solve(np.asarray(system, np.float64), right))
    except np.linalg.LinAlgError:
        raise DataError(
            "the covariance is singular: some inputs never occur in the generic texts",
            fix="add a ridge to its diagonal, or give more texts",
        ) from None


def _refuse_shapes(weight: Doubles, keys: Doubles, values: Doubles, covariance: Doubles) -> None:
    out, inner = weight.shape if weight.ndim == 2 else (-1, -1)
    count = len(keys)
    shapes = (keys.shape, values.shape, np.shape(covariance))
    if shapes != ((count, inner), (count, out), (inner, inner)):
        raise DataError(
            f"keys, values and covariance of shapes {shapes} for weights of {weight.shape}",
            fix="weights are float[out, in], keys [in], values [out], the covariance [in, in]; "
            "turn a matrix that is stored the other way round",
        )
