"""A real Llama of random, seeded weights with a byte-level tokenizer, small enough for a test."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

LONGEST = 512
MARKS = ["<|start|>", "<|end|>"]


def save_tokenizer(folder: Path) -> Any:
    """Bytes, and the two marks."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    numbers = {piece: at for at, piece in enumerate([*MARKS, *letters])}
    tokenizer: Any = Tokenizer(models.BPE(numbers, []))
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    fast: Any = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, bos_token=MARKS[0], eos_token=MARKS[1]
    )
    fast.save_pretrained(str(folder))
    return fast


def save_llama(folder: Path, *, seed: int = 0, longest: int = LONGEST, layers: int = 2) -> str:
    """A Llama of 2 layers and 32 numbers, four heads sharing two keys; its folder."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    size = len(save_tokenizer(folder))
    torch.manual_seed(seed)
    LlamaForCausalLM(
        LlamaConfig(
            vocab_size=size,
            hidden_size=32,
            intermediate_size=64,
            num_hidden_layers=layers,
            num_attention_heads=4,
            num_key_value_heads=2,
            max_position_embeddings=longest,
            initializer_range=0.3,
            bos_token_id=0,
            eos_token_id=1,
            pad_token_id=None,
        )
    ).save_pretrained(str(folder))
    return str(folder)


@cache
def tiny_llama(seed: int = 0) -> str:
    """One that is made once for all tests of a process."""
    import tempfile

    return save_llama(Path(tempfile.mkdtemp(prefix="negatives-tiny-lm-")), seed=seed)
