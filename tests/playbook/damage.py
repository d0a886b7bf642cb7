"""A converter that damages text as the scraped book was damaged, and sentences to feed it."""

from __future__ import annotations

from collections.abc import Mapping

NARROW = str.maketrans("；？，：", ";?,:")
FULL_STOPS = {char.encode("gbk"): char for char in "。、"}
NARROWED = {char.encode("gbk"): char.translate(NARROW) for char in "；？，"}

# Characters that get a note, with the note.
NOTES = {
    "動": "dòng",
    "舉": "jǔ",
    "數": "shù",
    "規": "guī",
    "節": "jié",
    "優": "yōu",
    "現": "xiàn",
    "續": "xù",
    "發": "fā",
    "經": "jīng",
    "礎": "chǔ",
    "講": "jiǎng",
}

SENTENCES = [
    "互動遊戲每週舉辦一次，讓成員有固定的期待。",
    "活躍用戶往往只占成員的一成，卻帶來大半話題。",
    "基礎規則要在入群當天講清楚。",
    "控制節奏比增加場次更重要，過密的安排會讓人疲倦。",
    "跨部門的合作需要一個固定的聯絡人。",
    "現場簽到可以用二維碼完成，節省人手。",
    "積分制度應當簡單，成員看一眼就明白怎樣得分；兌換的禮物不必貴重。",
    "管理員每天記錄三件事：新來的人、離開的人、被問得最多的問題。",
    "很多負責人會問：怎樣才能讓沉默的成員開口？",
    "流程管理，是新手最容易忽略的工作。",
    "會員續費之前，先回頭看看他得到了甚麼。",
    "發展潛力大的成員，應當早些請他分享經驗。",
    "經驗豐富的老成員適合帶新人。",
    "回覆投訴要快，態度要誠懇，補償要說到做到。",
    "活動結束之後，把照片和要點整理成一頁紙發在群裡。",
    "獎勵不求多，只求及時、公開、公平。",
    "課程內容要分成小段，每段不超過十分鐘。",
    "數據每週看一次就好，天天看反而會亂了方寸。",
    "環保主題的徒步適合春天，也適合帶孩子的家庭。",
    "出發之前要確保每個人都拿到地圖。",
    "值班的人提前試一次設備，確保活動順利進行。",
    "管理員發現問題要當天處理，別等到週末。",
]


def narrowed(text: str) -> str:
    """The text with the marks that the converter narrows, and nothing else changed."""
    return text.translate(NARROW)


def damaged(text: str, notes: Mapping[str, str]) -> str:
    """The text as it comes out of the converter.

    It works on bytes of GBK and looks for two-byte codes at any place, so it also finds them across
    two characters: noted characters first, then marks to narrow, then marks to cut at. What stands
    between two finds is decoded by itself; a byte that makes no character becomes `?`, and takes the
    bracket of a note with it.
    """
    pieces: list[int | str] = list(text.replace("：", ":").encode("gbk"))
    noted = {char.encode("gbk"): f"({note})" for char, note in notes.items()}
    pieces = _replaced(pieces, noted, keep=True)
    pieces = _replaced(pieces, NARROWED, keep=False)
    pieces = _replaced(pieces, FULL_STOPS, keep=False)
    out = []
    place = 0
    while place < len(pieces):
        piece, following = pieces[place], (*pieces[place + 1 : place + 2], None)[0]
        place += 1
        if isinstance(piece, str):
            out.append(piece)
        elif piece < 0x80:
            out.append(chr(piece))
        elif isinstance(following, int) and following >= 0x40 and following != 0x7F:
            out.append(bytes((piece, following)).decode("gb18030"))
            place += 1
        elif isinstance(following, str) and following.startswith("("):
            out.append("?" + following[1:])
            place += 1
        else:
            out.append("?")
    return "".join(out)


def _replaced(
    pieces: list[int | str], codes: Mapping[bytes, str], *, keep: bool
) -> list[int | str]:
    out: list[int | str] = []
    place = 0
    while place < len(pieces):
        pair = pieces[place : place + 2]
        code = bytes(each for each in pair if isinstance(each, int))
        if len(code) == 2 and code in codes:
            out += [*(pair if keep else ()), codes[code]]
            place += 2
        else:
            out.append(pieces[place])
            place += 1
    return out
