"""Whether a model can be had, told of every form that names one, and never by an error."""

from __future__ import annotations

from pathlib import Path

from negatives.models import open_encoder as forms_of
from negatives.models.absent import absent

HERE = ("static", "parts:static", "parts:50:static", "PARTS:50:static")
NOWHERE = {
    "nobody/no-model": "nobody/no-model, which is not on this machine",
    "no model of this name": "no model of this name, which is not on this machine",
    "a:b:c": "a:b:c, which is not on this machine",
    "onnx:nowhere-at-all?int8": "nowhere-at-all, which is not on this machine",
    "parts:80:./nowhere": "./nowhere, which is not there",
    "parts:onnx:./nowhere": "./nowhere, which is not there",
    "./vision.onnx?images&text=static": "./vision.onnx, which is not there",
    "http://127.0.0.1:9/v1#model": "http://127.0.0.1:9/v1#model, where nothing answers",
}


def test_every_form_of_a_specification_is_understood(tmp_path: Path) -> None:
    folder = tmp_path / "model"
    folder.mkdir()
    for spec in (*HERE, str(folder), f"onnx:{folder}", f"parts:50:{folder}"):
        assert absent(spec) == "", spec
    for spec, told in NOWHERE.items():
        assert absent(spec) == told


def test_no_form_that_an_encoder_is_opened_by_is_forgotten() -> None:
    forms = [line.split()[0] for line in (forms_of.__doc__ or "").splitlines() if ":" in line]
    for form in forms:
        assert isinstance(absent(form.replace("NAME", "static").replace("WORDS", "50")), str), form
