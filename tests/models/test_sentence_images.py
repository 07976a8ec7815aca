"""A CLIP model in a sentence-transformers folder: images and texts in one space."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import negatives as neg
from negatives.models.open_encoder import open_encoder, reads_no_texts
from negatives.models.sentence_transformers import SentenceTransformersEncoder
from tests import pictures
from tests.cli.commands import negatives

library = pytest.importorskip("sentence_transformers")
image_of = pytest.importorskip("PIL.Image")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A CLIP of a few numbers, drawn by chance, saved as its library saves it."""
    import torch
    from transformers import (
        CLIPConfig,
        CLIPImageProcessorPil,
        CLIPModel,
        CLIPProcessor,
        CLIPTokenizerFast,
    )

    folder = tmp_path_factory.mktemp("clip")
    letters = [chr(code) for code in range(97, 123)]
    tokens = [
        *letters,
        *(f"{letter}</w>" for letter in letters),
        "<|startoftext|>",
        "<|endoftext|>",
    ]
    vocab = {token: number for number, token in enumerate(tokens)}
    small = {
        "hidden_size": 16, "intermediate_size": 32, "num_hidden_layers": 1,
        "num_attention_heads": 2, "projection_dim": 8,
    }  # fmt: skip
    text = small | {
        "vocab_size": len(vocab), "max_position_embeddings": 32, "bos_token_id": 52,
        "eos_token_id": 53, "pad_token_id": 53,
    }  # fmt: skip
    vision = small | {"image_size": 32, "patch_size": 16}
    torch.manual_seed(0)
    model = CLIPModel(CLIPConfig(text_config=text, vision_config=vision, projection_dim=8))
    size = {"height": 32, "width": 32}
    processor = CLIPProcessor(
        CLIPImageProcessorPil(size={"shortest_edge": 32}, crop_size=size),
        CLIPTokenizerFast(vocab=vocab, merges=[]),
    )
    model.save_pretrained(folder / "hf")
    processor.save_pretrained(folder / "hf")
    made = library.SentenceTransformer(str(folder / "hf"))
    made.save_pretrained(str(folder / "model"), create_model_card=False)
    return folder / "model"


def test_both_halves_give_what_the_library_gives(clip: Path, tmp_path: Path) -> None:
    assert reads_no_texts(str(clip))
    pictures.draw(tmp_path / "red.png", "red", "disc", (8, 8))
    encoder = open_encoder(str(clip))
    assert isinstance(encoder, SentenceTransformersEncoder)
    assert list(encoder.contents) == ["image", "text"]
    theirs = library.SentenceTransformer(str(clip), device="cpu")
    image = image_of.open(tmp_path / "red.png")
    white = image_of.new("RGBA", image.size, "white")
    shown = image_of.alpha_composite(white, image).convert("RGB")
    own = encoder.contents["image"].encode([str(tmp_path / "red.png"), ""]).vectors
    np.testing.assert_allclose(own[0], theirs.encode([shown])[0], atol=1e-5)
    assert not own[1].any()
    texts = ["a red disc", "b"]
    np.testing.assert_allclose(encoder.encode(texts).vectors, theirs.encode(texts), atol=1e-5)
    assert encoder.contents["image"].fingerprint != encoder.fingerprint


def test_a_folder_of_captions_is_mined_and_measured_with_it(clip: Path, tmp_path: Path) -> None:
    made = pictures.folder(tmp_path / "made")
    done = negatives(
        "mine", f"{made}@train", "--recipe", "nv-retriever", "--encoder", clip,
        "--set", "judge.percent-of-positive.percent=1", "--out", tmp_path / "run", "--quiet",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert len(neg.Run(tmp_path / "run").negatives)
    done = negatives("evaluate", clip, f"reverse:{made}@dev", "--metric", "Success@1", "--quiet")
    assert done.returncode == 0, done.stderr
