"""Gradient caching: the gradient of the plain computation, in the memory of one chunk."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import Any

import pytest
import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

from negatives.learn.cached import chunks, encode_cached
from negatives.learn.encoded import EncodedBatch
from negatives.learn.multiple_negatives import MultipleNegatives
from tests.learn.encodings import diagonal
from tests.learn.small import tiny_bert

TEXT = "wing lift drag heat flow layer boundary shock body speed pressure plate nose cone"
WORDS = TEXT.split()
N = 10


@pytest.fixture(scope="module")
def model() -> Any:
    from sentence_transformers import SentenceTransformer

    made = SentenceTransformer(tiny_bert(), device="cpu")
    made.train()
    return made


@pytest.fixture(scope="module")
def features(model: Any) -> Mapping[str, Any]:
    """Texts of different lengths, a query and its document in turn."""
    texts = [" ".join(WORDS[at % 7 : at % 7 + 1 + at]) or "wing" for at in range(N)]
    return dict(model.preprocess(texts))


def encoder(model: Any) -> Callable[[Mapping[str, Any]], Any]:
    return lambda piece: model(dict(piece))["sentence_embedding"]


def loss_of(vectors: Any) -> Any:
    queries, docs = vectors[::2], vectors[1::2]
    n = len(queries)
    batch = EncodedBatch(queries, docs[:, None], diagonal(n, 1), torch.ones(n, 1).bool())
    return MultipleNegatives(temperature=0.5).open()(batch).mean()


def gradient(model: Any, vectors: Any) -> Any:
    model.zero_grad()
    loss_of(vectors).backward()
    return torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])


def dropout(model: Any, rate: float) -> None:
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = rate


@pytest.mark.slow
@pytest.mark.parametrize("chunk", [1, 2, 3, N])
def test_with_dropout_the_gradient_is_that_of_the_same_chunks_kept(
    model: Any, features: Mapping[str, Any], chunk: int
) -> None:
    dropout(model, 0.3)
    found = []
    for keep in (True, False):
        torch.manual_seed(5)
        found.append(gradient(model, encode_cached(encoder(model), features, chunk, keep=keep)))
    kept, cached = found
    assert torch.allclose(cached, kept, rtol=0, atol=1e-6)
    torch.manual_seed(6)
    other = gradient(model, encode_cached(encoder(model), features, chunk))
    assert not torch.allclose(other, kept, rtol=0, atol=1e-3), "there is no dropout to speak of"


@pytest.mark.recipe("gradcache")
@pytest.mark.slow
@pytest.mark.parametrize("chunk", [1, 2, 3, N, 2 * N])
def test_without_dropout_the_gradient_is_that_of_the_whole_batch(
    model: Any, features: Mapping[str, Any], chunk: int
) -> None:
    dropout(model, 0.0)
    whole = gradient(model, encoder(model)(features))
    cached = gradient(model, encode_cached(encoder(model), features, chunk))
    assert torch.allclose(cached, whole, rtol=0, atol=1e-6)


def test_accumulating_gradients_of_small_batches_is_something_else(
    model: Any, features: Mapping[str, Any]
) -> None:
    # Why caching is needed: a contrastive loss of a part of the batch has fewer negatives.
    dropout(model, 0.0)
    whole = gradient(model, encoder(model)(features))
    model.zero_grad()
    for piece in chunks(features, 4):
        (loss_of(encoder(model)(piece)) * len(piece["input_ids"]) / N).backward()
    summed = torch.cat([p.grad.flatten() for p in model.parameters() if p.grad is not None])
    assert torch.nn.functional.cosine_similarity(whole, summed, dim=0) < 0.99


@pytest.mark.parametrize("chunk", [1, 3, N])
def test_each_chunk_is_encoded_twice_and_no_more(
    model: Any, features: Mapping[str, Any], chunk: int
) -> None:
    sizes = []

    def counting(piece: Mapping[str, Any]) -> Any:
        sizes.append(len(piece["input_ids"]))
        return encoder(model)(piece)

    gradient(model, encode_cached(counting, features, chunk))
    assert len(sizes) == 2 * -(-N // chunk)
    assert sum(sizes) == 2 * N


class Live(TorchDispatchMode):  # type: ignore[misc]
    """Counts the bytes of the tensors that are alive, and keeps the most there were."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: dict[int, int] = {}
        self.most = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        made = func(*args, **(kwargs or {}))
        for tensor in tree_leaves(made):
            if isinstance(tensor, torch.Tensor):
                storage = tensor.untyped_storage()
                if storage._cdata not in self.seen:
                    self.seen[storage._cdata] = storage.nbytes()
                    weakref.finalize(storage, self.seen.pop, storage._cdata)
        self.most = max(self.most, sum(self.seen.values()))
        return made


def live_bytes(model: Any, features: Mapping[str, Any], chunk: int) -> int:
    """The most that is alive at one moment of a step, parameters aside, gradients included."""
    model.zero_grad()
    with Live() as live:
        encode = encoder(model)
        loss_of(encode_cached(encode, features, chunk) if chunk else encode(features)).backward()
    return int(live.most)


@pytest.mark.slow
def test_memory_is_that_of_a_chunk_however_large_the_batch(model: Any) -> None:
    dropout(model, 0.0)
    model[0].model.embeddings.requires_grad_(False)  # their gradient is larger than all the rest
    text = " ".join(WORDS * 4)
    small, large = (dict(model.preprocess([text] * n)) for n in (8, 32))
    gradients = sum(p.nbytes for p in model.parameters() if p.requires_grad)
    plain, cached = (
        [live_bytes(model, features, chunk) - gradients for features in (small, large)]
        for chunk in (0, 4)
    )
    model[0].model.embeddings.requires_grad_(True)
    assert plain[1] > 3 * plain[0], plain
    assert cached[1] < 1.2 * cached[0], cached


def test_padding_that_a_chunk_does_not_need_is_cut_off(features: Mapping[str, Any]) -> None:
    widths = [piece["input_ids"].shape[1] for piece in chunks(features, 1)]
    assert widths == features["attention_mask"].sum(1).tolist()
    assert len(set(widths)) > 1


def test_texts_padded_on_the_left_are_left_as_they_are() -> None:
    mask = torch.tensor([[0, 1, 1], [1, 1, 1]])
    parts = list(chunks({"input_ids": mask * 7, "attention_mask": mask}, 1))
    assert [part["input_ids"].tolist() for part in parts] == [[[0, 7, 7]], [[7, 7, 7]]]


@pytest.mark.parametrize("chunk", [1, 2, 3, 5])
def test_bags_of_tokens_are_cut_by_their_offsets(static: str, chunk: int) -> None:
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(static, device="cpu")
    features = model.preprocess(["wing flow", "", "heat", "the drag of a body", "flow"])
    whole = encoder(model)(features)
    parts = [encoder(model)(piece) for piece in chunks(features, chunk)]
    assert torch.equal(torch.cat(parts), whole)
    cached = encode_cached(encoder(model), features, chunk)
    weight = model[0].embedding.weight
    expected = torch.autograd.grad((whole**3).sum(), weight)[0]
    assert torch.allclose(torch.autograd.grad((cached**3).sum(), weight)[0], expected)
