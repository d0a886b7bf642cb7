"""Cleaning, the search form and scripts."""

import subprocess
import sys
import unicodedata
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from copilot.language import normalize

ANY = st.text(st.characters(exclude_categories=()))
# Characters that interact: phrases OpenCC converts twice, marks that combine, pairs and lone
# surrogates, letters that casefold to several, line ends.
TRICKY = st.text(
    st.sampled_from(
        "瀋著乾薴覆沈沉彷夥，！①²½…ｶﾞ\u0301\u0338\ud83d\ude00\u200d\ufe0fßİΐ\u0345ẞﬃA\r\n\u1100\u1161\u11a8\u3164"
    )
)
TEXTS = ANY | TRICKY


@pytest.mark.parametrize(
    ("raw", "clean"),
    [
        ("你好，世界。真的？好！看：一；二（三）“四”～五……", None),
        ("ＶＩＰ会员１２３％", "VIP会员123%"),
        ("\u3000全角空格", " 全角空格"),
        ("ﾃﾞｰﾀ", "データ"),
        ("⽤户⾦额", "用户金额"),
        ("豈有此理", "豈有此理"),
        ("①内容 ②节奏", None),
        ("10²人，½的人", None),
        ("零\u200b宽\u2060字\ufeff符", "零宽字符"),
        ("反\u202e向\u2066控\u2069制", "反向控制"),
        ("标签\U000e0061\U000e0062", "标签"),
        ("空\u3164白\u115f名", "空白名"),
        ("一\r\n二\r三\x0c四\x85五\u2028六", "一\n二\n三\n四\n五\n六"),
        ("制\t表\n行", None),
        ("铃\x07空\x00", "铃空"),
        ("\ud83d\ude00", "😀"),
        ("\ud800坏", "\ufffd坏"),
        ("1️⃣㊗️", None),
        ("繁體字", None),
    ],
)
def test_clean_folds_forms_and_keeps_what_people_read(raw: str, clean: str | None) -> None:
    assert normalize.clean(raw) == (raw if clean is None else clean)


def test_clean_removes_every_control_and_format_character() -> None:
    hidden = [
        char
        for char in map(chr, range(sys.maxunicode + 1))
        if unicodedata.category(char) in ("Cc", "Cf") and char not in "\n\t"
    ]
    left = {char: normalize.clean(f"前{char}后") for char in hidden}
    kept = [f"U+{ord(char):04X}" for char, text in left.items() if text not in ("前后", "前\n后")]
    assert kept == []


def test_no_folding_brings_a_removed_or_kept_character_back() -> None:
    changed = [
        f"U+{point:04X}"
        for point in range(sys.maxunicode + 1)
        if normalize.clean(once := normalize.clean(chr(point))) != once
    ]
    assert changed == []


@settings(max_examples=300)
@given(TEXTS)
@example("浮瀋瀋著")
@example("\u0345\u1100\u3164\u1161")
def test_cleaning_and_folding_twice_changes_nothing_and_nothing_crashes(text: str) -> None:
    clean, form = normalize.clean(text), normalize.search_form(text)
    assert normalize.clean(clean) == clean
    assert normalize.search_form(form) == form
    assert normalize.search_form(clean) == form
    for result in (clean, form, normalize.simplified(text), normalize.traditional(text)):
        result.encode()
    assert normalize.is_traditional(text) in (True, False)


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("活躍用戶，怎麼維護？", "活跃用户,怎么维护?"),
        ("ＫＯＣ與ＫＯＬ", "koc与kol"),
        ("Straße", "strasse"),
        ("1️⃣第一步", "1⃣第一步"),
        ("著作等身", "著作等身"),
    ],
)
def test_search_form(text: str, form: str) -> None:
    assert normalize.search_form(text) == form


def test_script_conversion_is_what_readers_write() -> None:
    assert normalize.traditional("社群里的人为什么吃面") == "社群裡的人為什麼吃麵"
    assert normalize.simplified("社群裡的人為什麼吃麵") == "社群里的人为什么吃面"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("怎麼讓群裡的人多說話？", True),
        ("退會怎麼辦 这个", True),
        ("怎么让群里的人多说话？", False),
        ("后台里的面板只有一个", False),
        ("著名的乾隆", False),
        ("你好", False),
        ("hello", False),
        ("", False),
        ("這个", False),
    ],
)
def test_script_of_the_writer(text: str, expected: bool) -> None:
    assert normalize.is_traditional(text) is expected


def test_threads_share_converters() -> None:
    texts = [f"第{n}個社群裡的活躍用戶" for n in range(200)]
    with ThreadPoolExecutor(8) as pool:
        forms = list(pool.map(normalize.search_form, texts))
    assert forms == [f"第{n}个社群里的活跃用户" for n in range(200)]


def test_importing_the_room_loads_no_engine() -> None:
    program = (
        "import sys; from copilot.language import boundaries, normalize, segment, strings, tokens,"
        " vocabulary; print([m for m in ('jieba', 'opencc', 'tiktoken') if m in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], capture_output=True, text=True, check=True
    )
    assert (done.stdout.strip(), done.stderr) == ("[]", "")
