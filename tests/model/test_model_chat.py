"""Chat messages through a model's own template: the stock ids, and offsets in each content."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from exbert_rpc.errors import InvalidParams, TextTooLong
from exbert_rpc.model.loading import load_model
from exbert_rpc.model.types import ChatMessage
from tests.model.chat_models import make_chat_model
from tests.model.test_model_offsets import texts
from tests.samples import sizes

TALK = [
    ("system", "You are kind."),
    ("user", "Who ran to the café?"),
    ("assistant", "The girl."),
    ("user", "Where? 日本"),
]


def messages_of(pairs) -> list[ChatMessage]:
    return [ChatMessage(role, content) for role, content in pairs]


@pytest.fixture(scope="module")
def chat(tmp_path_factory, cache_dir):
    made = {}

    def load(template: str | None = "chatml", family: str = "llama"):
        if (template, family) not in made:
            folder = make_chat_model(family, tmp_path_factory.mktemp("chat"), template)
            made[template, family] = load_model(str(folder), cache_dir=cache_dir, device="cpu"), folder
        return made[template, family]

    return load


def stock_ids(folder, pairs, **options):
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    plain = [{"role": role, "content": content} for role, content in pairs]
    return tokenizer.apply_chat_template(plain, tokenize=True, return_dict=True, **options)["input_ids"]


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_prompt_is_read_as_the_stock_tokenizer_reads_it(chat, family):
    model, folder = chat("chatml", family)
    encoding = model.prompts.tokenize_messages(messages_of(TALK))
    assert encoding.ids.tolist() == stock_ids(folder, TALK, add_generation_prompt=True)
    answered = model.prompts.tokenize_messages(messages_of(TALK[:3]))
    assert answered.ids.tolist() == stock_ids(folder, TALK[:3])
    open_ = model.prompts.tokenize_messages(messages_of(TALK[:3]), continues=True)
    assert open_.ids.tolist() == stock_ids(folder, TALK[:3], continue_final_message=True)


@pytest.fixture(params=sizes(25, 150))
def examples(request) -> int:
    return request.param


@pytest.mark.parametrize("template", ["chatml", "strict"])
def test_tokens_of_a_message_cover_its_content(chat, template, examples):
    model, folder = chat(template)
    prompts = model.prompts

    @settings(max_examples=examples, deadline=None, derandomize=True, database=None)
    @given(st.lists(texts, min_size=1, max_size=3))
    @example(["  spaces around \n", "<|im_end|> typed <s>", "\ue000"])
    @example(["a<|im_end|>b", "\n", "x"])
    def check(contents):
        roles = ["user", "assistant", "user"]
        pairs = list(zip(roles, contents, strict=False))
        try:
            encoding = prompts.tokenize_messages(messages_of(pairs))
        except TextTooLong:
            return
        starts = encoding.start[encoding.end > encoding.start]
        assert (np.diff(starts) >= 0).all()
        for place, content in zip(encoding.messages, contents, strict=True):
            shown = encoding.text[place.start : place.end]
            assert shown == content[place.skipped : place.skipped + len(shown)]
            assert shown.strip() == content.strip()
            covered = np.zeros(len(encoding.text), dtype=bool)
            for start, end in zip(encoding.start, encoding.end, strict=True):
                covered[start:end] = True
            bare = {encoding.text[n] for n in range(place.start, place.end) if not covered[n]}
            assert not "".join(bare).strip()
        typed = prompts.special_in(*contents)
        if not typed:
            assert encoding.ids.tolist() == stock_ids(folder, pairs, add_generation_prompt=pairs[-1][0] != "assistant")

    check()


@pytest.mark.parametrize("family", ["llama", "gpt2"])
def test_a_control_token_in_a_content_is_ordinary_text_unless_it_is_parsed(chat, family):
    model, folder = chat("chatml", family)
    pairs = [("user", "Say <|im_end|> twice <|im_end|>"), ("assistant", "no")]
    from transformers import AutoTokenizer

    end = AutoTokenizer.from_pretrained(folder).convert_tokens_to_ids("<|im_end|>")
    literal = model.prompts.tokenize_messages(messages_of(pairs))
    parsed = model.prompts.tokenize_messages(messages_of(pairs), parse=True)
    assert parsed.ids.tolist() == stock_ids(folder, pairs)
    assert parsed.ids.tolist().count(end) == 4
    assert literal.ids.tolist().count(end) == 2
    place = literal.messages[0]
    inside = (literal.start >= place.start) & (literal.end <= place.end) & (literal.end > literal.start)
    assert not literal.is_special[inside].any()
    pieces = [literal.text[start:end] for start, end in zip(literal.start[inside], literal.end[inside], strict=True)]
    assert "".join(pieces).replace(" ", "") == pairs[0][1].replace(" ", "")
    outside = literal.is_special & (literal.end > literal.start)
    control = {literal.text[start:end] for start, end in zip(literal.start[outside], literal.end[outside], strict=True)}
    assert control == {"<|im_start|>", "<|im_end|>"}


def test_a_stripped_content_is_told_from_the_white_space_that_the_template_writes(chat):
    model, folder = chat("spaced")
    pairs = [("user", "Who ran? "), ("assistant", " The girl ")]
    encoding = model.prompts.tokenize_messages(messages_of(pairs))
    assert encoding.ids.tolist() == stock_ids(folder, pairs)
    assert [encoding.text[p.start : p.end] for p in encoding.messages] == ["Who ran?", "The girl"]
    assert [p.skipped for p in encoding.messages] == [0, 1]


@pytest.mark.parametrize(
    ("template", "pairs", "said"),
    [
        (None, [("user", "Hello")], "this model has no chat template"),
        ("strict", [("system", "Be kind."), ("user", "Hello")], "Only user and assistant roles are supported!"),
        ("dropping", [("user", "Hello"), ("critic", "No")], r"messages\[1\]: .* drops it \(role 'critic'\)"),
        ("thinking", [("user", "Hi"), ("assistant", "<think>x</think>y")], r"messages\[1\]\.content: .* rewrites it"),
        ("chatml", [], "messages: is empty"),
        ("chatml", [("", "Hello")], r"messages\[0\]\.role: is blank"),
    ],
)
def test_what_a_template_does_not_show_is_refused_by_name(chat, template, pairs, said):
    model, _folder = chat(template)
    with pytest.raises(InvalidParams, match=said) as refused:
        model.prompts.tokenize_messages(messages_of(pairs))
    assert refused.value.hint


@pytest.mark.parametrize("family", ["bert", "roberta", "llama", "t5"])
def test_parsed_texts_have_the_ids_of_the_stock_tokenizer(load, folder_of, family):
    from transformers import AutoTokenizer

    stock = AutoTokenizer.from_pretrained(folder_of(family))
    special = [str(one) for one in stock.all_special_tokens]
    text = f"The girl {special[0]} ran {special[-1]}to a pub {special[1]}."
    encoding = load(family).prompts.parse(text)
    assert encoding.ids.tolist() == stock(text).input_ids
    parsed = (encoding.is_special | encoding.is_masked) & (encoding.end > encoding.start)
    found = [text[start:end] for start, end in zip(encoding.start[parsed], encoding.end[parsed], strict=True)]
    assert found == [special[0], special[-1], special[1]]


def test_a_parsed_mask_token_is_a_masked_position(load):
    model = load("bert")
    parsed = model.prompts.parse("The girl [MASK] away.")
    (at,) = np.flatnonzero(parsed.is_masked)
    assert parsed.tokens[at] == "[MASK]"
    assert not parsed.is_special[at]
    masked = model.tokenize("The girl ran away.", mask=[3])
    assert parsed.ids[at] == masked.ids[np.flatnonzero(masked.is_masked)[0]]
