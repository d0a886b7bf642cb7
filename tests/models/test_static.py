"""The pieces text is cut into, and words that know their characters."""

from __future__ import annotations

from collections import Counter

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from copilot.models import static

COUNTS = Counter({"社群": 20, "运营": 15, "社": 5, "gmv": 9, "罕见": 1, "知识付费社群": 50})


def test_counting_keeps_terms_whole():
    counts = static.count(["付费群里的gmv涨了30%,gmv!"], ["付费群"])
    assert counts["gmv"] == 2
    assert counts["付费群"] == counts["30"] == counts["%"] == 1
    assert "付费群" not in static.count(["付费群里"], [])


def test_pieces_are_frequent_words_and_all_their_characters():
    pieces = static.tokenizer(COUNTS, 100)
    assert pieces.encode("社群运营 GMV").tokens == ["社群", "运营", "gmv"]
    # Too long and too rare words are read in parts.
    assert pieces.encode("知识付费社群").tokens == ["知", "识", "付", "费", "社群"]
    assert pieces.encode("罕").tokens == ["罕"]
    assert pieces.encode("见习").ids[-1] == pieces.token_to_id("[UNK]")


def test_the_size_is_kept_by_leaving_rare_words_out():
    singles = static.tokenizer(COUNTS, 0).get_vocab_size()
    pieces = static.tokenizer(COUNTS, singles + 1)
    assert pieces.get_vocab_size() == singles + 1
    assert pieces.token_to_id("社群") is not None
    assert pieces.token_to_id("运营") is None


@given(st.permutations(list(COUNTS)))
def test_the_order_of_counting_does_not_matter(words):
    again = static.tokenizer(Counter({word: COUNTS[word] for word in words}), 100)
    assert again.to_str() == static.tokenizer(COUNTS, 100).to_str()


def test_a_folded_word_is_itself_and_its_characters():
    pieces = static.tokenizer(COUNTS, 100)
    size = pieces.get_vocab_size()
    rows = np.random.default_rng(1).standard_normal((size, 4)).astype(np.float32)
    folded = static.fold(rows, static.parts(pieces))
    word, *characters = (pieces.token_to_id(each) for each in ("社群", "社", "群"))
    assert np.allclose(folded[word], rows[word] + rows[characters].sum(axis=0))
    for same in (*characters, pieces.token_to_id("gmv")):
        assert np.array_equal(folded[same], rows[same])
