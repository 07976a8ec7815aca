"""A Llama that has learned some texts by heart: words are its tokens, and seconds its training."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

WORDS = 4000
READ = 64


def save_taught(
    folder: Path, texts: Sequence[str], words_of: Sequence[str], *, steps: int = 60, seed: int = 0
) -> str:
    """One layer that is taught the first `READ` words of `texts`; it knows the words of both."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    fast = _tokenizer(folder, [*texts, *words_of])
    rows = [[0, *fast(text)["input_ids"][:READ]] for text in texts]
    data = torch.tensor([row for row in rows if len(row) == READ + 1])
    torch.manual_seed(seed)
    net = LlamaForCausalLM(
        LlamaConfig(
            vocab_size=len(fast), hidden_size=48, intermediate_size=96, num_hidden_layers=1,
            num_attention_heads=2, num_key_value_heads=2, max_position_embeddings=256,
            bos_token_id=0, eos_token_id=1, pad_token_id=None,
        )
    )  # fmt: skip
    optimiser = torch.optim.AdamW(net.parameters(), 1e-2)
    net.train()
    for _ in range(steps):
        some = data[torch.randperm(len(data))[:16]]
        optimiser.zero_grad()
        net(some, labels=some).loss.backward()
        optimiser.step()
    net.save_pretrained(str(folder))
    return str(folder)


def _tokenizer(folder: Path, texts: Sequence[str]) -> Any:
    """Words and signs, the commonest of these texts; the rest is one token."""
    from tokenizers import Tokenizer, models, pre_tokenizers, trainers
    from transformers import PreTrainedTokenizerFast

    folder.mkdir(parents=True, exist_ok=True)
    made: Any = Tokenizer(models.WordLevel(unk_token="<unknown>"))
    made.pre_tokenizer = pre_tokenizers.Whitespace()
    marks = ["<start>", "<end>", "<unknown>"]
    made.train_from_iterator(
        texts, trainers.WordLevelTrainer(vocab_size=WORDS, special_tokens=marks)
    )
    fast: Any = PreTrainedTokenizerFast(
        tokenizer_object=made, bos_token=marks[0], eos_token=marks[1], unk_token=marks[2]
    )
    fast.save_pretrained(str(folder))
    return fast
