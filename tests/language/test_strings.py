"""The catalogue."""

import re
from pathlib import Path

import pytest

import copilot
from copilot.errors import BadInput, NotFound
from copilot.language import normalize, strings

PACKAGE = Path(copilot.__file__).parent
FILE = PACKAGE / "language" / "strings.toml"
KEYS = sorted(strings.catalogue())


@pytest.mark.parametrize("key", KEYS)
def test_each_key_has_both_languages_with_the_same_plain_placeholders(key: str) -> None:
    entry = strings.catalogue()[key]
    assert set(entry) == set(strings.LANGUAGES)
    # A label may end in the blank that stands before what it labels.
    assert all(text.strip() and text.lstrip() == text for text in entry.values())
    names = strings.placeholders(entry["zh"])
    assert names == strings.placeholders(entry["en"])
    assert all(re.fullmatch("[a-z_]+", name) for name in names)
    # Nothing but names in braces: no attributes, conversions or formats.
    for text in entry.values():
        assert set(re.findall(r"\{[^}]*\}", text)) == {f"{{{name}}}" for name in names}


@pytest.mark.parametrize("key", KEYS)
def test_each_language_reads_as_itself(key: str) -> None:
    entry = strings.catalogue()[key]
    assert re.search("[\u4e00-\u9fff]", entry["zh"])
    assert not normalize.is_traditional(entry["zh"])
    # Chinese text takes Chinese punctuation.
    assert not re.search("[\u4e00-\u9fff][,;:!?]|[,;:!?][\u4e00-\u9fff]", entry["zh"])
    assert not re.search("[\u4e00-\u9fff，。：“”]", entry["en"])
    assert normalize.clean(entry["zh"]) == entry["zh"]


def test_the_file_is_sorted() -> None:
    headings = re.findall(r"^\[(.+)\]$", FILE.read_text(encoding="utf-8"), re.MULTILINE)
    assert headings == sorted(headings)
    assert headings == list(strings.catalogue())


def test_every_key_in_the_code_is_in_the_catalogue() -> None:
    call = re.compile(r"""\b(?:say|text)\(\s*["']([a-z_]+(?:\.[a-z_]+)+)["']""")
    sources = {path: path.read_text(encoding="utf-8") for path in PACKAGE.rglob("*.py")}
    used = {(path.name, key) for path, source in sources.items() for key in call.findall(source)}
    assert {(name, key) for name, key in used if key not in KEYS} == set()


def test_text_fills_in_values_as_they_are() -> None:
    assert strings.text("index.failed", source="{a}.pdf", reason="坏了") == (
        "读取失败：{a}.pdf（坏了）"
    )
    assert strings.text("index.failed", "en", source="a.pdf", reason="x") == "failed: a.pdf (x)"
    assert strings.text("answer.source") == "来源："


def test_an_unknown_key_is_refused_with_a_remedy() -> None:
    with pytest.raises(NotFound, match=r"'answer\.nothing'") as caught:
        strings.text("answer.nothing")
    assert "strings.toml" in caught.value.remedy


@pytest.mark.parametrize(
    ("language", "values"),
    [
        ("zh", {}),
        ("zh", {"source": "a"}),
        ("zh", {"source": "a", "reason": "b", "more": "c"}),
        ("fr", {"source": "a", "reason": "b"}),
    ],
)
def test_wrong_values_or_language_are_refused(language: str, values: dict[str, str]) -> None:
    with pytest.raises(BadInput) as caught:
        strings.text("index.failed", language, **values)
    assert caught.value.remedy


@pytest.mark.parametrize("reader", ["member", "staff"])
@pytest.mark.parametrize("kind", ["about", "greeting", "handoff", "refused", "thanks"])
def test_members_and_staff_are_spoken_to(kind: str, reader: str) -> None:
    assert strings.text(f"answer.{kind}.{reader}")


def test_a_refusal_is_plain_offers_a_person_and_names_no_figure() -> None:
    for reader, person in (("member", "真人"), ("staff", "同事")):
        refusal = strings.text(f"answer.refused.{reader}")
        assert person in refusal
        assert not re.search("[0-9]", refusal)
