"""The mean of the weights of several models."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from negatives.errors import RecipeError
from negatives.learn.average_round import average

pytest.importorskip("sentence_transformers")


def saved(folder: Path, **tensors: Any) -> Path:
    """A model's folder of a few numbers."""
    from safetensors.torch import save_file

    folder.mkdir()
    save_file(tensors, str(folder / "model.safetensors"))
    (folder / "modules.json").write_text("[]")
    (folder / "training.json").write_text(folder.name)
    return folder


@pytest.mark.recipe("kalm-v2")
def test_the_mean_of_weights_is_that_of_every_number_in_any_order(tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file

    drawn = [torch.randn(5, 3, generator=torch.Generator().manual_seed(seed)) for seed in range(3)]
    count = torch.tensor([7])
    members = [saved(tmp_path / f"{n}", w=w, count=count + n) for n, w in enumerate(drawn)]
    means = []
    for place, order in enumerate(([0, 1, 2], [2, 0, 1])):
        out = tmp_path / f"out-{place}"
        out.mkdir()
        average([members[n] for n in order], out)
        means.append(load_file(str(out / "model.safetensors")))
    expected = [
        [sum(float(w[row, column]) for w in drawn) / 3 for column in range(3)] for row in range(5)
    ]
    assert torch.allclose(means[0]["w"], torch.tensor(expected), atol=1e-7)
    assert torch.equal(means[0]["w"], means[1]["w"])
    assert [int(mean["count"]) for mean in means] == [7, 9], "whole numbers are the first one's"
    assert not (tmp_path / "out-0" / "training.json").exists(), "which is no part of a model"


def test_the_mean_of_one_model_with_itself_is_that_model(tmp_path: Path) -> None:
    import torch

    drawn = torch.randn(40, generator=torch.Generator().manual_seed(1))
    members = [saved(tmp_path / name, w=drawn) for name in ("a", "b", "c")]
    (tmp_path / "out").mkdir()
    average(members, tmp_path / "out")
    from safetensors.torch import load_file

    assert torch.equal(load_file(str(tmp_path / "out" / "model.safetensors"))["w"], drawn)


def test_models_of_other_parts_or_shapes_have_no_mean(tmp_path: Path) -> None:
    import torch

    one = saved(tmp_path / "one", w=torch.ones(3))
    wide = saved(tmp_path / "wide", w=torch.ones(4))
    more = saved(tmp_path / "more", w=torch.ones(3), v=torch.ones(1))
    other = saved(tmp_path / "other", w=torch.ones(3))
    (other / "modules.json").write_text("[1]")
    for place, (member, said) in enumerate(
        [(wide, "the weights 'w' differ"), (more, "that another lacks"), (other, "other parts")]
    ):
        (tmp_path / f"out-{place}").mkdir()
        with pytest.raises(RecipeError, match=said):
            average([one, member], tmp_path / f"out-{place}")
