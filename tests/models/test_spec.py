"""The options of an encoder's specification, and every refusal."""

from __future__ import annotations

import pytest

from negatives.errors import RecipeError
from negatives.models.open_encoder import open_encoder
from negatives.models.spec import split_options, whole_number
from tests.each import for_each


def test_a_name_without_options_is_itself() -> None:
    assert split_options("a/model.onnx", ["int8"]) == ("a/model.onnx", {})


def test_flags_and_values_come_in_any_order() -> None:
    both = ("m.onnx", {"int8": "", "tokenizer": "a b/t.json"})
    assert split_options("m.onnx?int8&tokenizer=a b/t.json", ["int8"], ["tokenizer"]) == both
    assert split_options("m.onnx?tokenizer=a b/t.json&int8", ["int8"], ["tokenizer"]) == both


@for_each(
    ("spec", "said"),
    [
        ("m.onnx?int9", "there is no option 'int9'(.|\n)*did you mean 'int8'"),
        ("m.onnx?int8&int8", "'int8' comes twice"),
        ("m.onnx?int8=yes", "'int8' takes no value(.|\n)*write only int8"),
        ("m.onnx?tokenizer=", "'tokenizer' has no value(.|\n)*write tokenizer=VALUE"),
        ("m.onnx?tokenizer", "'tokenizer' has no value"),
        ("http://127.0.0.1:9/v1#m?concurency=2", "did you mean 'concurrency'"),
        ("http://127.0.0.1:9/v1#m?concurrency=0", "concurrency=0 is no positive number"),
        ("http://127.0.0.1:9/v1#m?concurrency=many", "concurrency=many is no positive number"),
    ],
)
def test_a_wrong_option_is_refused_before_anything_is_opened(spec: str, said: str) -> None:
    with pytest.raises(RecipeError, match=said) as caught:
        open_encoder(spec)
    assert caught.value.where == f"the encoder {spec!r}" or "#" in spec


def test_a_number_is_read_or_the_default_taken() -> None:
    assert whole_number({"concurrency": "8"}, "concurrency", 4, "") == 8
    assert whole_number({}, "concurrency", 4, "") == 4
