from __future__ import annotations

import pytest

from copilot.playbook.cleaning.lost import tell
from copilot.playbook.cleaning.wording import Wording, bond

# What a byte that is left can be half of, cut down to what matters.
STOPS = ("。", "保", "危", "停", "常", "海", "疲", "遥")


def told(text: str, options: tuple[str, ...], seen: str) -> str:
    """What is told of the `_` in a text, given what is seen elsewhere."""
    before, _, behind = text.partition("_")
    after, beyond = (*behind, "", "")[:2]
    return tell(Wording([seen]), before, options, after, beyond)


@pytest.mark.parametrize(
    ("text", "seen", "expected"),
    [
        # Nothing but a full stop can stand there.
        ("提升至%_互动", "", "。"),
        ("提升至%_控制", "", "。"),
        # 机预 is no word, 危机 is a common one.
        ("、_机预", "", "危"),
        ("定_机处", "定。定。", "危"),
        ("息_护政", "", "保"),
        # 机场 is as common as 危机.
        ("型_机场", "型。型。型。", "?"),
        # 口碑 is less common than 海口, but this text speaks of it.
        ("题_口碑", "问题。口碑好，口碑差。题。题。题。", "。"),
        ("题_口碑", "", "?"),
        # 确保 is a word, and seen here; without that 确。 is as likely.
        ("确_活动", "确保安全，确保质量，确保时间，还有活动。", "保"),
        ("确_活动", "明确。正确。", "?"),
        ("确_活动", "", "?"),
        # 人疲 was seen, but only as part of 人疲倦.
        ("人_活动", "让人疲倦，叫人疲倦，使人疲倦。", "?"),
        # No clause ends with a comma.
        ("，_活动", "", "?"),
    ],
)
def test_before_a_cut(text: str, seen: str, expected: str) -> None:
    assert told(text, STOPS, seen) == expected


@pytest.mark.parametrize(
    ("text", "options", "seen", "expected"),
    [
        ("发展潜_。", ("力", "流", "列"), "有潜力的人。", "力"),
        ("发展潜_。", ("力", "流", "列"), "", "?"),
        # 实施 is as good a word: not how often 实时 was seen decides, but the phrase.
        ("要实_,", ("施", "时", "是"), "实时看，实时改，实时发。", "?"),
        ("要实_,", ("施", "时", "是"), "数据要实时看。", "时"),
        ("要实_,", ("施", "时", "是"), "要实时看，要实施好。", "?"),
        # 的确 is a word, but much else follows 的.
        ("我们的_,", ("确", "人", "群"), "", "?"),
        ("全_", (), "", "?"),
        ("潜_。", ("力", "力"), "潜力。", "?"),
    ],
)
def test_at_the_end_of_a_run(text: str, options: tuple[str, ...], seen: str, expected: str) -> None:
    assert told(text, options, seen) == expected


def test_bonds() -> None:
    assert bond("管", "理") == 3
    assert bond("互", "惠") == 1
    assert bond("献", "祝") == 0
    assert bond("", "理") == bond("管", "") == 0
