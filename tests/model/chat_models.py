"""Tiny random models with a chat template."""

from __future__ import annotations

from pathlib import Path

from tests.model import zoo

CHATML = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content + '<|im_end|>' + '\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)
STRICT = (
    "{{ bos_token }}{% for m in messages %}{% if m.role not in ['user', 'assistant'] %}"
    "{{ raise_exception('Only user and assistant roles are supported!') }}{% endif %}"
    "{{ '[' + m.role + '] ' + (m.content | trim) + '<|im_end|>' }}{% endfor %}"
)
DROPPING = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ '<|im_start|>' + m.content + '<|im_end|>' }}{% endif %}"
    "{% endfor %}"
)
THINKING = (
    "{% for m in messages %}{{ '<|im_start|>' + m.role + '\n' + m.content.split('</think>')[-1] + '<|im_end|>' }}"
    "{% endfor %}"
)
SPACED = "{% for m in messages %}{{ ' ' + (m.content | trim) + ' <|im_end|>' }}{% endfor %}"
TEMPLATES = {"spaced": SPACED, "chatml": CHATML, "strict": STRICT, "dropping": DROPPING, "thinking": THINKING}


def make_chat_model(family: str, folder: Path, template: str | None = "chatml") -> Path:
    """A tiny model of a family whose tokenizer has ChatML's special tokens, and a template of ``TEMPLATES``."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    zoo.make_model(family, folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    tokenizer.chat_template = None if template is None else TEMPLATES[template]
    tokenizer.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder)
    return folder
