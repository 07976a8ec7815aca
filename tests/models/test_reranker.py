"""Rerankers: real models behind both backends, and every refusal as a user reads it."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from negatives.arrays import Floats
from negatives.errors import DataError, RecipeError
from negatives.learn.base_models import usual_kind
from negatives.models.batching import Read
from negatives.models.open_encoder import open_encoder
from negatives.models.open_reranker import open_reranker
from negatives.models.pair_batches import log_odds, score_pairs
from negatives.models.reranker import Pair, Reranker
from negatives.models.sort import encoder_beside
from tests.models.tiny_reranker import WORDS, onnx_score, save_cross_encoder, save_onnx

os.environ["HF_HUB_OFFLINE"] = "1"

PAIRS = [
    ("what is lift", "lift of a wing"),
    ("heat", "the boundary layer in shock flow " * 20),
    ("drag", ""),
    ("what is lift", "lift of a wing"),
    ("lift of a wing", "what is lift"),
    ("flow", "heat"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(save_cross_encoder(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def torch_reranker(folder: Path) -> Reranker:
    return open_reranker(str(folder), device="cpu")


def test_the_scores_are_the_logits_of_sentence_transformers_itself(
    torch_reranker: Reranker, folder: Path
) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    pairs = [
        *PAIRS,
        *((f"wing {'flow ' * (n % 9)}", f"{'heat ' * (n % 5)} drag") for n in range(40)),
    ]
    model = CrossEncoder(str(folder), device="cpu")
    expected = model.predict(pairs, activation_fn=torch.nn.Identity())
    made = torch_reranker.score(pairs)
    assert made.dtype == np.float32
    np.testing.assert_allclose(made, expected, atol=1e-5)
    assert torch_reranker.score([]).shape == (0,)


def test_a_pair_is_not_its_reverse_and_equal_pairs_score_equally(torch_reranker: Reranker) -> None:
    made = torch_reranker.score(PAIRS)
    assert made[0] == made[3] != made[4]


def test_of_two_classes_the_score_is_their_difference(tmp_path: Path) -> None:
    import torch
    from sentence_transformers import CrossEncoder

    spec = save_cross_encoder(tmp_path / "two", classes=2)
    logits = CrossEncoder(spec, device="cpu").predict(PAIRS, activation_fn=torch.nn.Identity())
    made = open_reranker(spec, device="cpu").score(PAIRS)
    np.testing.assert_allclose(made, logits[:, 1] - logits[:, 0], atol=1e-5)


@pytest.mark.parametrize("classes", [1, 2])
@pytest.mark.parametrize("threads", [1, 3])
def test_an_onnx_graph_gives_what_can_be_added_up_by_hand(
    tmp_path: Path, classes: int, threads: int
) -> None:
    pairs = [("wing", "lift drag"), ("lift drag", "wing"), ("heat", "flow layer shock"), ("a", "")]
    scorer = open_reranker(str(save_onnx(tmp_path, classes=classes)), threads=threads)
    expected = [onnx_score(query, doc, classes=classes) for query, doc in pairs]
    np.testing.assert_allclose(scorer.score(pairs), expected, atol=1e-6)


def test_an_onnx_graph_without_token_types_is_given_none(tmp_path: Path) -> None:
    scorer = open_reranker(str(save_onnx(tmp_path, types=False)))
    made = scorer.score([("wing", "lift"), ("", "wing lift")])
    assert made[0] == pytest.approx(made[1])


def test_the_tokenizer_can_be_elsewhere(tmp_path: Path) -> None:
    model = save_onnx(tmp_path / "a")
    expected = open_reranker(str(model)).score(PAIRS[:1])
    (tmp_path / "b").mkdir()
    (model.parent / "tokenizer.json").rename(tmp_path / "b" / "tokenizer.json")
    with pytest.raises(DataError, match=r"no tokenizer.json(.|\n)*\?tokenizer=PATH"):
        open_reranker(str(model))
    again = open_reranker(f"{model}?tokenizer={tmp_path / 'b' / 'tokenizer.json'}")
    np.testing.assert_array_equal(again.score(PAIRS[:1]), expected)


def test_the_fingerprint_is_that_of_the_weights_not_of_the_place(
    folder: Path, torch_reranker: Reranker, tmp_path: Path
) -> None:
    shutil.copytree(folder, tmp_path / "copy")
    assert (
        open_reranker(str(tmp_path / "copy"), device="cpu").fingerprint
        == torch_reranker.fingerprint
    )
    other = save_cross_encoder(tmp_path / "other", seed=1)
    assert open_reranker(other, device="cpu").fingerprint != torch_reranker.fingerprint
    one = open_reranker(str(save_onnx(tmp_path / "one")))
    assert one.fingerprint == open_reranker(str(save_onnx(tmp_path / "two"))).fingerprint
    assert one.fingerprint != open_reranker(str(save_onnx(tmp_path / "3", classes=2))).fingerprint


def test_pairs_that_score_nan_are_named(tmp_path: Path) -> None:
    scorer = open_reranker(str(save_onnx(tmp_path, not_a_number=True)))
    with pytest.raises(DataError) as caught:
        scorer.score([("wing", "lift"), ("what is heat", "shock flow"), ("drag", "shock")])
    assert str(caught.value) == (
        "the scores of 2 pairs are NaN or infinite: 'what is heat' with 'shock flow'; "
        "'drag' with 'shock'\n"
        f"  where: {tmp_path / 'model.onnx'}\n"
        "  fix:   try the model in full precision (device = cpu), or another model"
    )


def test_a_model_of_three_classes_is_no_reranker(tmp_path: Path) -> None:
    said = "the model gives 3 numbers for each pair; a reranker gives one, or two classes"
    with pytest.raises(DataError, match=said):
        open_reranker(save_cross_encoder(tmp_path / "torch", classes=3))
    with pytest.raises(DataError, match=said):
        open_reranker(str(save_onnx(tmp_path / "onnx", classes=3)))


def test_an_encoder_is_not_taken_for_a_reranker(folder: Path, tmp_path: Path) -> None:
    from transformers import BertModel

    shutil.copytree(folder, tmp_path / "encoder")
    BertModel.from_pretrained(str(folder)).save_pretrained(str(tmp_path / "encoder"))
    with pytest.raises(DataError, match="this is an encoder: it has no trained scores for pairs"):
        open_reranker(str(tmp_path / "encoder"))


def test_a_reranker_is_not_taken_for_an_encoder(folder: Path, tmp_path: Path) -> None:
    for name in (str(folder), f"onnx:{folder}", f"parts:{folder}"):
        with pytest.raises(DataError, match="this is a reranker: it scores pairs") as caught:
            open_encoder(name)
        assert "--rerank" in caught.value.fix
    with pytest.raises(DataError, match="no output of the graph is a vector a text or a piece"):
        open_encoder(str(save_onnx(tmp_path / "onnx")))
    assert (usual_kind(str(folder)), encoder_beside(str(folder))) == ("reranker", "static")
    from sentence_transformers import SentenceTransformer

    encoder = tmp_path / "encoder"  # which keeps the name of the class that it was made from
    SentenceTransformer(str(folder)).save(str(encoder))
    config = json.loads((encoder / "config.json").read_text())
    config["architectures"] = ["BertForSequenceClassification"]
    (encoder / "config.json").write_text(json.dumps(config))
    assert open_encoder(str(encoder)).dim > 1
    assert (usual_kind(str(encoder)), encoder_beside(str(encoder))) == ("encoder", str(encoder))
    for name in ("static", "somebody/model-that-is-not-here", "http://127.0.0.1:9/v1#m"):
        assert encoder_beside(name) == name


def test_pickled_weights_are_refused_before_anything_opens_them(
    folder: Path, tmp_path: Path
) -> None:
    for path in folder.glob("*.json"):
        shutil.copy(path, tmp_path)
    (tmp_path / "pytorch_model.bin").write_bytes(b"not opened")
    with pytest.raises(DataError, match=r"pickles \(pytorch_model.bin\)(.|\n)*safetensors"):
        open_reranker(str(tmp_path))


def test_code_in_the_models_folder_is_never_run(folder: Path, tmp_path: Path) -> None:
    made = tmp_path / "foreign"
    shutil.copytree(folder, made)
    (made / "own.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')\n")
    config = json.loads((made / "config.json").read_text())
    config |= {
        "model_type": "own",
        "auto_map": {"AutoConfig": "own.C", "AutoModelForSequenceClassification": "own.M"},
    }
    (made / "config.json").write_text(json.dumps(config))
    with pytest.raises(DataError, match="the model needs code of its own to be run"):
        open_reranker(str(made))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("spec", "error", "said"),
    [
        ("", DataError, "no reranker is named"),
        ("./nowhere", DataError, r"there is no reranker at './nowhere'(.|\n)*hub name"),
        ("none.onnx", DataError, "there is no reranker at 'none.onnx'"),
        (
            "m.onnx?tokeniser=x",
            RecipeError,
            r"'tokeniser'(.|\n)*the reranker 'm.onnx(.|\n)*did you",
        ),
        ("nobody/no-such-model", DataError, "no reranker could be loaded"),
    ],
)
def test_what_cannot_be_opened_says_why(spec: str, error: type[Exception], said: str) -> None:
    with pytest.raises(error, match=said):
        open_reranker(spec)


def test_a_device_that_does_not_exist_is_refused(folder: Path) -> None:
    with pytest.raises(RecipeError, match=r"no device 'cud'(.|\n)*did you mean 'cuda'"):
        open_reranker(str(folder), device="cud")


word_pairs = st.tuples(*[st.lists(st.sampled_from(WORDS), max_size=6).map(" ".join)] * 2)


@pytest.mark.slow
@given(st.lists(word_pairs, max_size=30), st.integers(1, 60), st.integers(1, 3))
def test_each_pair_gets_its_own_score_and_is_computed_once(
    pairs: list[Pair], budget: int, workers: int
) -> None:
    seen: list[Pair] = []

    def read(pairs: list[Pair]) -> Read[Pair]:
        lengths = np.array([len(q) + len(d) for q, d in pairs], np.int64)
        return Read(pairs, lengths, np.zeros(len(pairs), bool))

    def compute(batch: list[Pair]) -> Floats:
        seen.extend(batch)
        return np.array([len(q) - 2 * len(d) for q, d in batch], np.float32)

    made = score_pairs(pairs, read, compute, budget=budget, where="", workers=workers)
    assert made.tolist() == [len(q) - 2 * len(d) for q, d in pairs]
    assert sorted(seen) == sorted(set(pairs))


def test_logits_of_other_shapes_are_refused() -> None:
    assert log_odds(np.array([[1.0], [2.0]]), "").tolist() == [1, 2]
    assert log_odds(np.array([[1.0, 3.0]]), "").tolist() == [2]
    with pytest.raises(DataError, match="gives 4 numbers"):
        log_odds(np.zeros((2, 4)), "")
