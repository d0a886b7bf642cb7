from __future__ import annotations

import re
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from copilot.playbook.cleaning import repair, shift
from copilot.playbook.cleaning.repair import mend
from copilot.playbook.cleaning.wording import Wording, common_characters, fold
from tests.playbook.damage import NOTES, SENTENCES, damaged, narrowed

# Every sentence once on its own line: nothing is cut there, so the pairs of characters are known.
WITNESS = narrowed("\n".join(SENTENCES)) + "\n"
noted = st.sets(st.sampled_from(sorted(NOTES))).map(
    lambda chars: {char: NOTES[char] for char in sorted(chars)}
)
paragraphs = st.lists(st.sampled_from(SENTENCES), min_size=1, max_size=15).map("".join)


def told(text: str) -> str:
    """A pattern that a repaired text must match: what could not be told may be anything."""
    return re.escape(text).replace(r"\?", "(?:.|\\?)")


@given(paragraphs, noted)
@settings(max_examples=100, deadline=None)
def test_what_the_converter_did_is_undone(paragraph: str, notes: dict[str, str]) -> None:
    text = "\n".join(SENTENCES) + "\n" + paragraph
    mended = mend(damaged(text, notes))
    assert re.fullmatch(told(mended.text), narrowed(text))
    partly = [fix.offset for fix in mended.repairs if "?" in fix.after]
    assert [each.offset for each in mended.suspicious] == partly
    assert all(each.reason == "character lost" for each in mended.suspicious)


@given(paragraphs, noted)
@settings(max_examples=100, deadline=None)
def test_nothing_is_made_up_where_nothing_bears_witness(
    paragraph: str, notes: dict[str, str]
) -> None:
    raw = damaged(paragraph, notes)
    mended = mend(raw)
    truth = narrowed(paragraph)
    if mended.text == truth:
        return
    assert mended.suspicious
    # Whatever was put in place of a run stands in the truth, in order.
    position = 0
    for fix in mended.repairs:
        if fix.kind == "bytes out of step":
            found = re.compile(told(fix.after)).search(truth, position)
            assert found, fix
            position = found.start() + 1


@pytest.mark.parametrize(
    ("text", "cut"),
    [
        # 。 + 活: A3 BB is the full-width semicolon.
        ("禮物不必貴重。活躍用戶往往只占一成。", "?;钴S"),
        # 。 + 控: A3 BF is the full-width question mark.
        ("會員得到了甚麼。控制節奏要管理。", "??刂"),
        # 。 + 現: A3 AC is the full-width comma, and the second byte of 現 is an ASCII letter.
        ("態度要誠懇。現場簽到可以用二維碼。", "?,F"),
        # 保 + 活: the lost character is no full stop.
        ("環保活動要確保活動順利。", "?;顒"),
    ],
)
def test_each_kind_of_cut(text: str, cut: str) -> None:
    raw = damaged(text, {})
    assert cut in raw
    assert mend(WITNESS + raw).text == WITNESS + text


def test_cut_by_a_note_with_a_byte_left_over_at_a_full_stop() -> None:
    text = "這裡的成員有發展潛力。另外三位也有發展潛力、經驗和時間。\n大家都看好他的潛力。"
    raw = damaged(text, NOTES)
    assert re.search(r"展\?jié\)\w\?。", raw)
    mended = mend(damaged("\n".join(SENTENCES) + "\n", NOTES) + raw)
    assert mended.text.endswith(text)
    assert [fix.after for fix in mended.repairs][-3:-1] == ["潛力", "潛力"]


SIMPLIFIED = [
    "要提前写好危机预案，也要演练危机处理。",
    "危机过去以后，先保护当事人，再追究责任。",
    "隐私保护政策写在群公告里，保护措施每季度检查一次。",
    "互动要有来有回，活动要有始有终。",
    "口碑传播靠老成员，罚款不如提醒。",
    "规模化以后，经常会出现没人认领的事；停课通知要提前发。",
    "不同类型危机场景要有不同的负责人。",
]


@given(st.lists(st.sampled_from(SIMPLIFIED), min_size=1, max_size=12).map("".join))
@settings(max_examples=40, deadline=None)
def test_words_that_are_always_cut_are_not_taken_for_sentence_ends(paragraph: str) -> None:
    """危机 and 保护 hold A3 BB like 。互 does, so they never stand in the text undamaged."""
    mended = mend(damaged("\n".join(SIMPLIFIED) + "\n" + paragraph, {}))
    truth = narrowed("\n".join(SIMPLIFIED) + "\n" + paragraph)
    position = 0
    for fix in mended.repairs:
        found = re.compile(told(fix.after)).search(truth, position)
        assert found, fix
        position = found.start() + 1
    assert mended.suspicious or mended.text == truth


def test_a_repair_says_what_stood_there_and_where() -> None:
    raw = WITNESS + damaged(SENTENCES[0] + SENTENCES[1], NOTES)
    mended = mend(raw)
    fix = next(each for each in mended.repairs if each.kind == "bytes out of step")
    assert raw[fix.offset :].startswith(fix.before)
    assert mended.text[mended.repaired(fix.offset) :].startswith(fix.after)
    notes = next(each for each in mended.repairs if each.kind == "pinyin notes")
    assert notes.count == raw.count("(")


def test_positions_lead_back_to_the_text_before_repair() -> None:
    raw = "一" * 5 + "".join(f"數(shù)據{n}。" for n in range(10))
    mended = mend(raw)
    assert mended.text == "一" * 5 + "".join(f"數據{n}。" for n in range(10))
    for n in range(10):
        at = mended.text.index(f"據{n}")
        assert raw[mended.original(at)] == "據"
        assert mended.repaired(mended.original(at)) == at


def test_a_paragraph_mark_before_a_run_stays_a_mark() -> None:
    """`。` before the lost byte: the `?` stands for the mark, and no character is missing."""
    raw = WITNESS + "值班的人提前試一次設備。?" + damaged("。活動結束之後", {})[1:]
    mended = mend(raw)
    assert mended.text.endswith("設備。?活動結束之後")
    assert not mended.suspicious


def test_a_lost_character_that_could_be_several_stays_lost_and_is_reported() -> None:
    raw = damaged("要確保活動結束之後把照片發在群裡。", {})
    mended = mend(narrowed("\n".join(SENTENCES[:14])) + "\n活動結束之後再談。\n" + raw)
    assert mended.text.endswith("要確?活動結束之後把照片發在群裡。")
    assert [each.reason for each in mended.suspicious] == ["character lost"]


def test_a_run_without_proof_is_left_and_reported() -> None:
    raw = damaged("說到做到。現煮咖啡。", {})
    mended = mend(raw)
    assert mended.text == raw
    assert [each.reason for each in mended.suspicious] == ["bytes out of step"]
    assert "?,F" in mended.suspicious[0].excerpt


@pytest.mark.parametrize(
    "text",
    [
        "怎么办?我们先开个会。",
        "真的吗??那太好了;大家都来,一起想办法。",
        "他问:「在吗?」没有人回答。",
        "为什么?;因为没有人管。谁来?,谁负责?",
        "A?B 测试怎么做?Excel 就够了,不必买工具。",
        "https://example.org/?a=1&b=2 里的参数是什么意思?",
        "饕餮盛宴?蹴鞠比赛?彳亍而行?都可以。",
        "??????",
        "ありがとう?どういたしまして。",
        "注音ㄅㄆㄇ?是的。",
    ],
)
def test_questions_of_the_author_are_no_damage(text: str) -> None:
    mended = mend(text)
    assert mended.text == text
    assert not mended.repairs


common = sorted(common_characters())


@given(st.text(st.sampled_from([*common[:600], *"?;,.:!？；，。AbS3 \n()"]), max_size=200))
@settings(max_examples=300, deadline=None)
def test_text_of_common_characters_is_never_touched(text: str) -> None:
    assert mend(text).text == text


@given(st.text(max_size=300))
@settings(max_examples=200, deadline=None)
def test_any_text_can_be_mended_and_mending_again_changes_nothing(text: str) -> None:
    once = mend(text)
    assert mend(once.text).text == once.text


def test_a_text_made_of_lost_characters_is_given_up_and_says_so() -> None:
    mended = mend("?钴S" * (shift.TRIES + 5))
    assert mended.suspicious[-1].offset < 3 * (shift.TRIES + 5)
    assert mended.suspicious[-1].reason == "bytes out of step"


def test_edits_do_not_overlap() -> None:
    raw = WITNESS + damaged("".join(SENTENCES * 3), NOTES)
    fixes = [each for each in mend(raw).repairs if each.kind == "bytes out of step"]
    assert len(fixes) > 10
    for fix, following in pairwise(fixes):
        assert fix.offset + len(fix.before) <= following.offset


def test_fold_keeps_lengths() -> None:
    text = "發髮乾隆著作裏麵\ud840\udc00AB，" + "".join(map(chr, range(0x4E00, 0x9FFF)))
    text = text.replace("\ud840\udc00", "\U00020000")
    assert len(fold(text)) == len(text)
    assert fold("發展潛力") == "发展潜力"


def test_wording_prefers_what_it_has_seen() -> None:
    wording = Wording(["确保安全。确保质量。保持联系。"])
    assert wording.fit("确", "保", "安") > 5 * wording.fit("确", "。", "安")
    assert wording.familiar("的")
    assert not wording.familiar("彧")


def test_the_module_names_its_kinds() -> None:
    assert set(repair.RepairKind.__args__) == {  # type: ignore[attr-defined]
        "bytes out of step",
        "pinyin notes",
        "paragraph marks",
    }
