"""Roles in plain words: who looks at whom."""

from __future__ import annotations

from exbert_rpc.analysis.profile.types import SAME_WORD
from exbert_rpc.corpus.head_sums import RelationDirection

_VERB, _NOUN, _ANY = ("their verb", "verbs"), ("their noun", "nouns"), ("the word that they depend on", "words")
_RELATIONS: dict[str, tuple[str, tuple[str, str], str]] = {
    "nsubj": ("subjects", _VERB, "subject"),
    "nsubjpass": ("passive subjects", _VERB, "passive subject"),
    "csubj": ("clausal subjects", _VERB, "clausal subject"),
    "dobj": ("direct objects", _VERB, "direct object"),
    "obj": ("objects", _VERB, "object"),
    "iobj": ("indirect objects", _VERB, "indirect object"),
    "dative": ("indirect objects", _VERB, "indirect object"),
    "pobj": ("objects of prepositions", ("their preposition", "prepositions"), "object"),
    "attr": ("attributes", _VERB, "attribute"),
    "oprd": ("object predicates", _VERB, "object predicate"),
    "aux": ("auxiliaries", _VERB, "auxiliary"),
    "auxpass": ("passive auxiliaries", _VERB, "passive auxiliary"),
    "advmod": ("adverbs", ("the word that they modify", "words"), "adverb"),
    "amod": ("adjectives", _NOUN, "adjective"),
    "nummod": ("numbers", _NOUN, "number"),
    "quantmod": ("modifiers of quantities", ("their number", "numbers"), "modifier"),
    "nmod": ("modifiers of nouns", _NOUN, "modifier"),
    "compound": ("compound modifiers", _NOUN, "compound modifier"),
    "det": ("determiners", _NOUN, "determiner"),
    "predet": ("predeterminers", _NOUN, "predeterminer"),
    "poss": ("possessors", _NOUN, "possessor"),
    "prep": ("prepositions", _ANY, "preposition"),
    "case": ("case markers", _NOUN, "case marker"),
    "prt": ("verb particles", _VERB, "particle"),
    "mark": ("subordinating words", ("the verb of their clause", "verbs of clauses"), "subordinating word"),
    "cc": ("conjunctions", ("the first word that they join", "words"), "conjunction"),
    "conj": ("conjuncts", ("the word that they are joined to", "words"), "conjunct"),
    "preconj": ("first parts of paired conjunctions", _ANY, "paired conjunction"),
    "xcomp": ("open clausal complements", _VERB, "open clausal complement"),
    "ccomp": ("clausal complements", _VERB, "clausal complement"),
    "acomp": ("adjectival complements", _VERB, "adjectival complement"),
    "pcomp": ("clauses after prepositions", ("their preposition", "prepositions"), "clause"),
    "advcl": ("adverbial clauses", _VERB, "adverbial clause"),
    "relcl": ("relative clauses", _NOUN, "relative clause"),
    "acl": ("clauses on nouns", _NOUN, "clause"),
    "appos": ("appositions", _NOUN, "apposition"),
    "neg": ("negations", _VERB, "negation"),
    "agent": ("agents of the passive", _VERB, "agent"),
    "expl": ("expletives", _VERB, "expletive"),
    "npadvmod": ("nouns used as adverbs", ("the word that they modify", "words"), "noun used as an adverb"),
}


def who_looks_at_whom(role: str, direction: RelationDirection | None) -> tuple[str, str]:
    """Subject and object of "… look at …": ``("determiners", "their noun")``."""
    if role == SAME_WORD:
        return "words", "other places of the same word"
    if role not in _RELATIONS:
        if direction == "toHead":
            return f"words with the dependency {role}", "their syntactic head"
        return "words", f"their dependents with the dependency {role}"
    plural, (their_head, heads), singular = _RELATIONS[role]
    return (plural, their_head) if direction == "toHead" else (heads, f"their {singular}")
