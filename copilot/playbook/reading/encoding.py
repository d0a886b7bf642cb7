"""Encodings: bytes become text, in the encoding that reads as Chinese."""

from __future__ import annotations

import codecs
import re
from dataclasses import dataclass

from copilot.errors import ReadError

# The 500 most frequent characters of jieba's dictionary (73 % of running text) and what their
# traditional forms add, with a few words of the trade.
COMMON = frozenset(
    "一是了人不在有大中国和为这上他个地年来我会以到时要出的生学说道民家子也成行下们于后就发自之对得主长可过天作分方用多你着部能市等业"
    "全里工公经本都而高政法面门动日进区事代那去心小同北定开产前其军还然起种所如现理机体表力好外与文当两实重新三么只山水关明从化平建又"
    "制南内西没此将员名手最东头者月间无安看见各城十相但已些正口通想度加第她合院物性战由位常点海意场武使次二向治因立数样身情入原问把路"
    "被并利石老教万知级量任江及应省资委务元美特期世湖回系比气汉总展电科金先声提品设或义王社很统处四首共马形己儿司太目基领队直计别女权"
    "话少流命至报米给打变果书清活几州华解议更称程今决张导术府才保交放管结师便走达族反再题色五京河接条规式县白它改风光运信受什组听布百"
    "济党指论强做取技黄神选记斯真却职号界件花类何眼兵传带空干农边据集联古广完质阳难增历史专官每住商即步认车台林必死游举线言皇土团收考"
    "求德叫近备研争非具李众连调感转笑革该持始英克士尔让拉思根格造较际亲单朝红型价校约器字段周亚深候则功属积快图火千准究往极育装许参半"
    "令吃观鱼精办像帝八复影告远群包整构料随划算象容示投势热值夫网望源息语股铁断派速怎需片爱律纪支早况病境证编國爲為這個來會時學說們於後"
    "發對長過業裏裡經門動進區產軍還種現機體與當兩實麼關從內沒將員東頭間無見戰點場數樣問並萬級應資務氣漢總電聲設義統處馬兒領隊計別權話"
    "報給變書幾華議稱決張導術結師達題條規縣風運組聽濟黨論強選記卻職號類傳帶幹農邊據聯廣質陽難歷專認車臺線團備爭眾連調轉該爾讓較係"
    "際親單紅價約亞則屬積圖準極裝許參觀魚辦復遠羣構隨劃勢熱網語鐵斷愛紀況證編码券课签购拼惠评裂私域您吗呢吧谢请哪谁課籤購評嗎謝請誰"
)
_PUNCTUATION = frozenset("，。！？、：；“”‘’《》（）【】「」『』—…·～％￥　①②③④⑤")

# What a character says about whether the right encoding was taken (see docs/decisions/0003).
_FREQUENT, _MARK, _KNOWN, _NEUTRAL, _RARE, _FOREIGN = 4.0, 3.0, 1.0, 0.0, -2.0, -4.0
# Characters looked at; the verdict does not change any more after a few hundred.
_SAMPLE = 4000
# Running Chinese scores about 3, the wrong encoding about -1, a damaged page in the right one 2.
_READS_AS_CHINESE = 1.0
# A name or a word of two rare characters may score below; worse than this is no text.
_POSSIBLE = -1.0
# A few Chinese characters in GBK can be valid UTF-8 (联通 is, as Notepad once showed): for so few
# bytes GBK is taken where it reads clearly as Chinese and UTF-8 as nothing Chinese at all.
_FEW, _CLEARLY = 64, 2.0
# Up to this share of characters may be damaged (cut in half, lost) in a text that is still read.
_DAMAGED = 0.02
# C0 controls, but for those that text files hold: line ends of all kinds, tab, backspace, escape.
_CONTROL = re.compile("[\x00-\x07\x0e-\x1a\x1c-\x1f]")
_CONTROLS = 0.005

_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
    (b"\x84\x31\x95\x33", "gb18030"),
)
# Python's codec -> the name shown. cp950 is Big5 as Windows writes it, big5hkscs adds Cantonese.
_CODECS = {
    "gb18030": "gb18030",
    "cp950": "big5",
    "big5hkscs": "big5",
    "utf-16-le": "utf-16-le",
    "utf-16-be": "utf-16-be",
}
_MAGIC = (
    (b"%PDF-", "a PDF"),
    (b"PK\x03\x04", "a zip archive or an Office file"),
    (b"PK\x05\x06", "an empty zip archive"),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old or encrypted Office file"),
    (b"\x89PNG\r\n", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF87a", "a GIF image"),
    (b"GIF89a", "a GIF image"),
    (b"\x7fELF", "a program"),
    (b"MZ\x90\x00", "a program"),
    (b"\x1f\x8b\x08", "a gzip archive"),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive"),
    (b"Rar!\x1a\x07", "a RAR archive"),
    (b"SQLite format 3\x00", "an SQLite database"),
    (b"{\\rtf", "an RTF document"),
)


@dataclass(frozen=True, slots=True)
class Decoded:
    """Text, the encoding it was in, and how many characters of it were damaged beyond reading."""

    text: str
    encoding: str
    damaged: int = 0


def looks_like(data: bytes) -> str:
    """What the first bytes of a file show it to be, in words; empty when they show nothing."""
    for magic, name in _MAGIC:
        if data.startswith(magic):
            return name
    return "a film or sound" if data[4:8] == b"ftyp" else ""


def decode(data: bytes, *, declared: str = "") -> Decoded:
    """Decode the bytes of a text file.

    A byte order mark decides; else UTF-8 when all bytes fit it; else, of GB18030, Big5 and UTF-16,
    the one in which the text reads best as Chinese. Line ends become ``\\n``.

    Args:
        data: the whole file.
        declared: the encoding that the file itself names (HTML), tried before guessing.

    Raises:
        ReadError: it is no text, or in an encoding that is not recognised.
    """
    if found := looks_like(data):
        raise ReadError(f"not text: it is {found}", remedy="give it its right file extension")
    for mark, codec in _MARKS:
        if data.startswith(mark):
            return _checked(_marked(data, mark, codec))
    plain = _strictly(data, "utf-8")
    if plain is not None and _tidy(plain):
        return _mistaken(data, plain) or Decoded(_lines(plain), "utf-8")
    if declared and (text := _declared(data, declared)):
        return _checked(text)
    if guessed := _whole(data) or _damaged(data):
        return guessed
    raise ReadError(
        "not text, or in an encoding that is not recognised",
        remedy="convert it to text, or save it as UTF-8",
    )


def decode_name(data: bytes) -> str:
    """Decode a file name from a zip: UTF-8, else whichever of GB18030 and Big5 reads best."""
    if (text := _strictly(data, "utf-8")) is not None:
        mistaken = _mistaken(data, text)
        return mistaken.text if mistaken else text
    found = [text for codec in ("gb18030", "cp950") if (text := _strictly(data, codec)) is not None]
    return max(found, key=score) if found else data.decode("cp437")


def score(text: str) -> float:
    """How much a text reads as Chinese, per character that is not ASCII: about -4 to 4."""
    kinds = [_worth(char) for char in text[:_SAMPLE] if char > "\x7f"]
    return sum(kinds) / len(kinds) if kinds else 0.0


def _worth(char: str) -> float:
    if char in COMMON:
        return _FREQUENT
    if char in _PUNCTUATION:
        return _MARK
    if "\u4e00" <= char <= "\u9fff":
        return _KNOWN if _first_level(char) else _RARE
    if "\uff01" <= char <= "\uff5e":
        return _KNOWN
    # Emoji, arrows, dingbats: beside Chinese as often as not, and in no wrong decoding.
    return _NEUTRAL if char >= "\U0001f000" else _FOREIGN


def _first_level(char: str) -> bool:
    """Whether GB 2312 or Big5 counts the character among the frequently used ones."""
    simplified = char.encode("gb2312", "ignore")
    if simplified and 0xB0 <= simplified[0] <= 0xD7:
        return True
    traditional = char.encode("big5", "ignore")
    return bool(traditional) and 0xA4 <= traditional[0] <= 0xC6


def _whole(data: bytes) -> Decoded | None:
    """The encoding that all bytes fit and in which they read best."""
    found = []
    for codec, name in _CODECS.items():
        text = _strictly(data, codec)
        if text is not None and _tidy(text) and _plausible(text, codec):
            found.append((score(text), Decoded(_lines(text), name)))
    best = max(found, key=lambda each: each[0], default=None)
    return best[1] if best and best[0] >= _POSSIBLE else None


def _mistaken(data: bytes, plain: str) -> Decoded | None:
    """What a few bytes say in GBK, when UTF-8 fits them only by chance."""
    if len(data) > _FEW or plain.isascii() or score(plain) > _FOREIGN:
        return None
    text = _strictly(data, "gb18030")
    return Decoded(_lines(text), "gb18030") if text and score(text) >= _CLEARLY else None


def _damaged(data: bytes) -> Decoded | None:
    """The encoding that nearly all bytes fit and in which the rest reads as Chinese."""
    found = []
    for codec, name in (("utf-8", "utf-8"), ("gb18030", "gb18030"), ("cp950", "big5")):
        text = data.decode(codec, "replace")
        lost = text.count("\ufffd")
        if lost <= max(1, _DAMAGED * len(text)) and _tidy(text):
            found.append((score(text.replace("\ufffd", "")), Decoded(_lines(text), name, lost)))
    best = max(found, key=lambda each: each[0], default=None)
    return best[1] if best and best[0] >= _READS_AS_CHINESE else None


def _tidy(text: str) -> bool:
    """Whether it holds no more control characters than text does; NUL is in none."""
    return "\x00" not in text and len(_CONTROL.findall(text)) <= _CONTROLS * len(text)


def _plausible(text: str, codec: str) -> bool:
    """Whether UTF-16 was meant: any even number of bytes can be decoded as it."""
    if not codec.startswith("utf-16"):
        return True
    ascii_share = sum(char < "\x7f" for char in text[:_SAMPLE]) / max(1, len(text[:_SAMPLE]))
    needed = _CLEARLY if len(text) <= _FEW // 8 else _READS_AS_CHINESE
    return ascii_share > 0.7 or score(text) >= needed


def _marked(data: bytes, mark: bytes, codec: str) -> Decoded:
    body = data[len(mark) :] if codec == "gb18030" else data
    text = body.decode(codec, "replace")
    big = mark in (codecs.BOM_UTF16_BE, codecs.BOM_UTF32_BE)
    name = codec if codec in ("utf-8-sig", "gb18030") else f"{codec}-{'be' if big else 'le'}"
    return Decoded(_lines(text), name, text.count("\ufffd"))


def _declared(data: bytes, declared: str) -> Decoded | None:
    # What calls itself gb2312 holds GBK characters as often as not; GB18030 contains both.
    name = "gb18030" if declared.lower().replace("-", "") in ("gb2312", "gbk") else declared
    try:
        text = data.decode(name)
    except (LookupError, UnicodeDecodeError, ValueError):
        return None
    return Decoded(_lines(text), name.lower())


def _checked(found: Decoded) -> Decoded:
    """Refuse what says which encoding it is in, and holds more damage than text does."""
    if not _tidy(found.text) or found.damaged > max(1, _DAMAGED * len(found.text)):
        raise ReadError(
            f"not text, or not in the encoding it names ({found.encoding})",
            remedy="convert it to text, or save it as UTF-8",
        )
    return found


def _strictly(data: bytes, codec: str) -> str | None:
    try:
        return data.decode(codec)
    except UnicodeDecodeError:
        return None


def _lines(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\r", "\n")
