"""From a specification to an encoder: the cheap paths, and every refusal."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from negatives.errors import DataError, MissingExtra
from negatives.models.open_encoder import open_encoder
from negatives.models.static import StaticEncoder


def test_static_is_the_encoder_in_the_package() -> None:
    assert isinstance(open_encoder("static"), StaticEncoder)


@pytest.mark.parametrize(
    "path", ["no/such/model.onnx", "model.onnx", "./folder", "/no/folder", "~/folder", "a/b/c"]
)
def test_a_path_that_does_not_exist_is_one_clear_error(path: str) -> None:
    with pytest.raises(DataError) as caught:
        open_encoder(path)
    assert f"there is no encoder at {path!r}" in str(caught.value)
    assert caught.value.fix


def test_no_name_at_all_is_refused() -> None:
    with pytest.raises(DataError, match="no encoder is named"):
        open_encoder(" ")


@pytest.mark.parametrize(
    ("module", "spec", "extra"),
    [
        ("onnxruntime", "{folder}/model.onnx", "onnx"),
        ("sentence_transformers", "{folder}", "train"),
    ],
)
def test_a_backend_that_is_not_installed_says_how_to_install_it(
    module: str, spec: str, extra: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tokenizers import Tokenizer, models

    (tmp_path / "model.onnx").write_bytes(b"")
    Tokenizer(models.WordPiece({"a": 0}, unk_token="a")).save(str(tmp_path / "tokenizer.json"))

    class Hider:
        def find_spec(self, name: str, *_: object) -> None:
            if name.split(".")[0] == module:
                raise ModuleNotFoundError(f"No module named {name!r}", name=name)

    for loaded in [name for name in sys.modules if name.split(".")[0] == module]:
        monkeypatch.delitem(sys.modules, loaded)
    monkeypatch.setattr(sys, "meta_path", [Hider(), *sys.meta_path])
    with pytest.raises(MissingExtra) as caught:
        open_encoder(spec.format(folder=tmp_path))
    assert f"pip install 'negatives[{extra}]'" in str(caught.value)


def test_opening_nothing_imports_no_backend() -> None:
    code = (
        "import sys, negatives.models.open_encoder;"
        "heavy = {'torch', 'sentence_transformers', 'onnxruntime', 'tokenizers'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
