"""The document table of a build: what waits in a file is what was added, and is counted exactly."""

import random

from exbert_rpc.corpus.build.table import DocumentTable
from exbert_rpc.corpus.store.documents import BlockPlace, IndexedDocument, dump_documents, dump_table, load_documents


def document(uri: str, record: int | None, group: str, digests: list[str]) -> IndexedDocument:
    places = tuple(BlockPlace(digest, 3, "é\n", ((0, 1, 2, 3, 4, 5, 6),), (1, 2, 3)) for digest in digests)
    return IndexedDocument(uri, None, "ab", 5, 6, places, record, group, (("key", "a\nb"),))


def some_documents(seed: int) -> list[tuple[IndexedDocument, bool]]:
    rng = random.Random(seed)
    digests = [f"{number:032x}" for number in range(20)]
    groups = ["", "0", "1", "2", "007", "12", "doc", "99999999", "123456789"]
    return [
        (
            document(uri, record, rng.choice([*groups, str(record)]), rng.choices(digests, k=rng.randint(0, 4))),
            rng.random() < 0.4,
        )
        for uri in ("file:///a", "file:///b", "mem:c")
        for record in range(rng.randint(1, 30))
    ]


def test_rows_and_counts_are_those_of_all_documents_in_memory():
    for seed in range(50):
        added = some_documents(seed)
        with DocumentTable() as table:
            for one, is_new in added:
                table.add(one, is_new=is_new)
            documents = [one for one, _ in added]
            assert list(table.documents()) == documents
            assert load_documents(b"".join(dump_table(table.rows()))) == tuple(documents)
            units = [one.unit for one in documents]
            assert table.n_documents == len(set(units))
            assert table.n_unchanged == len(set(units)) - len({one.unit for one, is_new in added if is_new})
            digests = [place.digest for one in documents for place in one.blocks]
            assert dict(table.occurrences()) == {digest: digests.count(digest) for digest in digests}
            assert [digest for digest, _ in table.occurrences()] == list(dict.fromkeys(digests))


def test_an_empty_table_is_a_table():
    assert load_documents(dump_documents(())) == ()
