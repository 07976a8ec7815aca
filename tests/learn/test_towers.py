"""Towers of images and texts: from a folder of captions to a model that finds images by words."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import negatives as neg
from negatives.cache_folder import VARIABLE
from negatives.errors import DataError, RecipeError
from negatives.events import Event, Noted
from negatives.learn.encoded import EncodedBatch
from negatives.learn.train import train
from negatives.models.open_encoder import open_encoder
from negatives.models.towers import TowersEncoder
from negatives.optional import torch
from negatives.read import load
from negatives.recipe import load_recipe
from negatives.recipe_changes import override
from negatives.schema import Collection
from negatives.store.atomic import file_hash
from tests import pictures
from tests.cli.commands import negatives

pytest.importorskip("torch")
pytest.importorskip("transformers")
pytest.importorskip("PIL")

FEW = ("train.size=16", "train.dim=16", "train.batch_size=12", "train.max_length=8")


@pytest.fixture(scope="module")
def shown(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pictures.folder(tmp_path_factory.mktemp("pictures"))


@pytest.fixture(scope="module")
def model(shown: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("model") / "m"
    changes = [f"--set={each}" for each in (*FEW, "train.steps=80")]
    done = negatives("train", shown, "--recipe", "clip", "--out", out, *changes)
    assert done.returncode == 0, done.stderr
    return out


def ndcg(model: Path, data: Collection) -> float:
    found = neg.evaluate(str(model), data, metrics=["nDCG@10"]).per_query["nDCG@10"]
    return float(np.mean(found.to_numpy()))


@pytest.mark.recipe("clip")
def test_a_trained_model_finds_images_by_words_and_words_by_images(
    shown: Path, model: Path, tmp_path: Path
) -> None:
    for before in ("", "reverse:"):
        data = load(f"{before}{shown}@dev")
        found = ndcg(model, data)
        untrained = train(
            f"{before}{shown}@train", tmp_path / f"m-{before[:3]}", look=False,
            recipe=override(load_recipe("clip"), [*FEW, "train.steps=1"]),
        )  # fmt: skip
        chance = ndcg(untrained.path, data)
        assert found > chance + 0.2, (before, found, chance)


@pytest.mark.recipe("hardness-concentration")
def test_hardness_is_concentrated_in_both_directions_alike(shown: Path, tmp_path: Path) -> None:
    """Which side asks makes no difference to the loss of pairs that are each other's only ones."""
    recipe = override(load_recipe("hardness-concentration"), [*FEW, "train.steps=5"])
    made = train(shown, tmp_path / "m", recipe=recipe, look=False)
    assert made.account["loss"] == {"rows_at_the_floor": 0.0}
    loss = recipe.learn.open()  # type: ignore[union-attr]
    draw = torch.Generator().manual_seed(0)
    queries, docs = torch.randn(2, 6, 8, generator=draw)
    own = {"relevant": torch.eye(6) > 0, "present": torch.ones(6, 1) > 0}
    there = loss(EncodedBatch(queries=queries, docs=docs[:, None], **own))
    back = loss(EncodedBatch(queries=docs, docs=queries[:, None], **own))
    torch.testing.assert_close(there, back)


def test_the_same_seed_gives_the_same_model(shown: Path, tmp_path: Path) -> None:
    recipe = override(load_recipe("clip"), [*FEW, "train.steps=5"])
    made = [
        train(shown, tmp_path / name, recipe=recipe, look=False, seed=seed).path
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    hashes = [file_hash(path / "model.safetensors") for path in made]
    assert hashes[0] == hashes[1] != hashes[2]


def test_the_encoder_reads_what_a_side_has(shown: Path, model: Path, tmp_path: Path) -> None:
    encoder = TowersEncoder(model)
    assert encoder.fingerprint == open_encoder(str(model)).fingerprint
    red = str(shown / "images" / "red-disc-0.png")
    texts = encoder.encode(["a red disc", ""]).vectors
    images = encoder.contents["image"].encode([red, ""]).vectors
    assert texts.shape == images.shape == (2, 16)
    assert np.isfinite(texts).all()
    assert np.isfinite(images).all()
    alone = encoder.contents["image"].encode([red]).vectors
    np.testing.assert_allclose(alone[0], images[0], atol=1e-5)
    done = negatives(
        "mine", f"{shown}@train", "--recipe", "nv-retriever", "--encoder", model,
        "--out", tmp_path / "run", "--quiet",
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    run = neg.Run(tmp_path / "run")
    assert run.negatives["doc_id"].str.starts_with("images/").all()
    done = negatives("train", run.path, "--recipe", "clip", "--model", model, "--out",
                     tmp_path / "more", "--set=train.negatives=2", "--set=train.steps=3",
                     "--set=train.batch_size=8")  # fmt: skip
    assert done.returncode == 0, done.stderr


def test_an_image_that_changed_is_encoded_again(
    model: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Vectors are kept by what a file holds, and not by what it is called."""
    monkeypatch.setenv(VARIABLE, str(tmp_path / "store"))
    made = pictures.folder(tmp_path / "made")
    encoded = []
    for place in (pictures.PLACES[4], pictures.PLACES[4], (2, 2)):
        pictures.draw(made / "images" / "red-disc-4.png", "red", "disc", place)
        heard: list[Event] = []
        neg.evaluate(str(model), load(f"{made}@dev"), emit=heard.append)
        noted = [each for each in heard if isinstance(each, Noted)]
        of_corpus = [each.value for each in noted if each.name == "encode dense corpus"]
        encoded += [each["encoded"] for each in of_corpus]
    assert encoded == [12, 0, 1]


def test_what_towers_cannot_read_is_refused(shown: Path, model: Path, tmp_path: Path) -> None:
    ids = tmp_path / "plays.tsv"
    ids.write_text("user_id\titem_id\n" + "".join(f"{n}\t{n % 7}\n" for n in range(40)), "utf-8")
    recipe = override(load_recipe("clip"), ["train.steps=1"])
    heard: list[Event] = []
    with pytest.raises(DataError) as caught:
        train(ids, tmp_path / "m", recipe=recipe, look=False, emit=heard.append)
    assert str(caught.value).startswith(
        "towers needs the image or text of the documents, and these have nothing but their ids\n"
    )
    assert "--kind factors" in caught.value.fix
    assert heard == [], "it is refused before any work"
    with pytest.raises(RecipeError, match="holds no towers"):
        train(shown, tmp_path / "m", recipe=recipe, model=str(tmp_path), look=False)
    broken = pictures.folder(tmp_path / "broken")
    (broken / "images" / "red-disc-1.png").write_bytes(b"no image at all")
    with pytest.raises(DataError, match="the image cannot be read") as caught:
        train(broken, tmp_path / "m", recipe=recipe, look=False)
    assert "red-disc-1.png" in str(caught.value.where)
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    (damaged / "towers.json").write_text('{"dim": 4}', "utf-8")
    with pytest.raises(DataError, match="no towers can be read"):
        open_encoder(str(damaged))


def test_an_image_that_is_said_to_be_huge_is_not_opened(tmp_path: Path) -> None:
    from PIL import Image

    from negatives.models.images import squares

    path = tmp_path / "large.png"
    Image.new("1", (11_000, 10_000)).save(path)
    with pytest.raises(DataError, match="exceeds limit"):
        squares([str(path)], 16)
