"""A real cross-encoder of random, seeded weights, small enough to make in a test; and ONNX ones."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from negatives.arrays import Floats

TEXT = "wing lift drag heat flow layer boundary shock query what is of a the in on"
WORDS = TEXT.split()
SEED = 0
VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]


def save_tokenizer(folder: Path) -> Any:
    """A word-level BERT tokenizer as tokenizer.json and its settings."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
    from transformers import PreTrainedTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    numbers = {word: at for at, word in enumerate(VOCABULARY)}
    tokenizer: Any = Tokenizer(models.WordPiece(numbers, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]",
        pair="[CLS] $A [SEP] $B:1 [SEP]:1",
        special_tokens=[("[CLS]", 2), ("[SEP]", 3)],
    )
    fast: Any = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        unk_token="[UNK]",
        pad_token="[PAD]",
        cls_token="[CLS]",
        sep_token="[SEP]",
        mask_token="[MASK]",
        model_max_length=32,
        model_input_names=["input_ids", "token_type_ids", "attention_mask"],
    )
    fast.save_pretrained(str(folder))
    return fast


def save_cross_encoder(folder: Path, *, classes: int = 1, seed: int = 0, scale: float = 1.0) -> str:
    """A BERT of 2 layers and 32 numbers, with a scoring head; its folder as a specification."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    save_tokenizer(folder)
    torch.manual_seed(seed)
    model = BertForSequenceClassification(
        BertConfig(
            vocab_size=len(VOCABULARY),
            hidden_size=32,
            num_hidden_layers=2,
            num_attention_heads=2,
            intermediate_size=64,
            max_position_embeddings=32,
            num_labels=classes,
            initializer_range=0.5,
        )
    )
    with torch.no_grad():
        model.classifier.weight.mul_(scale)
    model.save_pretrained(str(folder))
    return str(folder)


def save_onnx(
    folder: Path, *, classes: int = 1, types: bool = True, not_a_number: bool = False
) -> Path:
    """Logits: over the pieces of the second text, the sum of what a table says of each word."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    save_tokenizer(folder)
    table = _table(classes)
    if not_a_number:
        table[VOCABULARY.index("shock")] = np.nan
    names = ["input_ids", "attention_mask", *(["token_type_ids"] if types else [])]
    whose = "token_type_ids" if types else "attention_mask"
    nodes = [
        helper.make_node("Gather", ["table", "input_ids"], ["each"]),
        helper.make_node("Cast", [whose], ["there"], to=TensorProto.FLOAT),
        helper.make_node("Unsqueeze", ["there", "last"], ["weights"]),
        helper.make_node("Mul", ["each", "weights"], ["weighed"]),
        helper.make_node("ReduceSum", ["weighed", "middle"], ["logits"], keepdims=0),
    ]
    graph = helper.make_graph(
        nodes,
        "pairs",
        [helper.make_tensor_value_info(name, TensorProto.INT64, ["n", "p"]) for name in names],
        [helper.make_tensor_value_info("logits", TensorProto.FLOAT, ["n", classes])],
        [
            numpy_helper.from_array(table, "table"),
            numpy_helper.from_array(np.array([2], np.int64), "last"),
            numpy_helper.from_array(np.array([1], np.int64), "middle"),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)])
    model.ir_version = 8
    onnx.save(model, str(folder / "model.onnx"))
    return folder / "model.onnx"


def _table(classes: int) -> Floats:
    """Numbers by word, some for and some against; special pieces say nothing."""
    table = np.random.default_rng(SEED).normal(scale=0.5, size=(len(VOCABULARY), classes))
    table[:5] = 0
    return table.astype(np.float32)


def onnx_score(query: str, doc: str, *, classes: int = 1) -> float:
    """What the graph of `save_onnx` gives for a pair of short texts of known words."""
    table = _table(classes)
    logits = sum((table[VOCABULARY.index(word)] for word in doc.split()), np.zeros(classes))
    return float(logits[0] if classes == 1 else logits[1] - logits[0])
