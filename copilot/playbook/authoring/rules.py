"""Rules: what is checked of one entry, beside its front matter's types."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field

from copilot.language.figures import figures, stands
from copilot.playbook.authoring import notes
from copilot.playbook.authoring.entries import Entry
from copilot.playbook.authoring.problems import Level, Problem
from copilot.playbook.authoring.sources import Source, Sources
from copilot.playbook.authoring.wording import Shared, is_enumeration, letters

# Fewer ways to ask leave an entry unfound: bodies with 20 asks each reached recall 0.92 where
# bodies alone reached 0.53 (design.md, "Known facts").
FEWEST_ASKS = 15
# An ask in the entry's own words finds nothing that the body would not.
COPIED_ASK = 10
# A sentence shared with a source, digits aside; terms in a row are facts and do not count.
COPIED_SENTENCE = 20

# Where every figure needs a note: these sections are quoted in answers.
FACTS = ("指标与阈值", "案例")
# Headings by folder; one that goes on (`怎么做：开场前`, `角色与权限`) counts too. `a|b` is either:
# cases that name every figure need no list of the same figures.
REQUIRED: Mapping[str, tuple[str, ...]] = {
    "playbook": ("要点", "怎么做", "指标与阈值|案例", "常见误区", "相关"),
    "sop": ("要点", "角色", "怎么做", "指标与阈值", "常见误区", "相关"),
    "crisis": ("要点", "触发条件", "角色", "怎么做", "话术", "指标与阈值", "常见误区", "相关"),
    "members": ("要点", "常见误区", "相关"),
}
BLANK = "【待填"


@dataclass(frozen=True)
class Context:
    """What an entry is checked against: the ids there are, and the sources."""

    ids: frozenset[str]
    sources: Sources
    copied: Shared = field(init=False)

    def __post_init__(self) -> None:
        texts = [section.text for section in self.sources.sections.values()]
        object.__setattr__(self, "copied", Shared(texts, COPIED_SENTENCE, digits=False))


def check_entry(entry: Entry, context: Context) -> list[Problem]:
    """Everything wrong with one entry, in the order of its lines."""
    found: list[Problem] = []
    for rule, check in _RULES.items():
        level: Level = "warning" if rule in _WARNINGS else "problem"
        for line, what, remedy in check(entry, context):
            found.append(Problem(entry.file, line, rule, what, remedy, level))
    return sorted(found)


Found = Iterator[tuple[int, str, str]]


def _links(entry: Entry, context: Context) -> Found:
    for target, line in entry.links:
        if target == entry.id:
            yield line, f"[[{target}]] is this entry.", "Link another, or none."
        elif target not in context.ids:
            yield line, f"[[{target}]] is no entry.", "See `copilot knowledge list` for the ids."


def _sections(entry: Entry, _: Context) -> Found:
    titles = [part.title for part in entry.parts]
    for required in REQUIRED[entry.kind]:
        either = tuple(required.split("|"))
        if not any(title.startswith(either) for title in titles):
            told = "` or `## ".join(either)
            yield entry.body_line, f"there is no `## {told}`.", "Add the section."
    for part in entry.parts:
        if not part.text.strip():
            yield part.line - 1, f"`## {part.title}` is empty.", "Write it, or take it out."
        if titles.count(part.title) > 1:
            yield part.line - 1, f"`## {part.title}` stands twice.", "Join the two."


def _asks(entry: Entry, _: Context) -> Found:
    count = len(entry.asks)
    if count < FEWEST_ASKS:
        yield (
            entry.line_of("asks:"),
            f"{count} asks.",
            f"Write at least {FEWEST_ASKS}, as people really ask.",
        )
    seen: dict[str, str] = {}
    for ask in entry.asks:
        form = letters(ask)
        if BLANK in ask:
            yield entry.line_of(ask), "an ask is left blank.", "Write it, or take it out."
        if form in seen:
            yield entry.line_of(ask), f"the ask {ask!r} stands twice.", "Take one out."
        seen[form] = ask


def _copied_asks(entry: Entry, _: Context) -> Found:
    body = Shared([entry.body], COPIED_ASK)
    for ask in entry.asks:
        if stretch := body.longest(ask):
            yield (
                entry.line_of(ask),
                f"the ask has {stretch!r} from the body.",
                "Ask in other words: what the body says is found anyway.",
            )


def _blanks(entry: Entry, _: Context) -> Found:
    lines = entry.body.split("\n")
    blank = [number for number, line in enumerate(lines, entry.body_line) if BLANK in line]
    if entry.kind == "playbook" and blank:
        yield blank[0], "a blank is left.", "Fill it in: only sop, crisis and members have blanks."
    if entry.kind == "members" and blank and not entry.template:
        yield blank[0], "a blank is left.", "Fill it in, or say `template: true`."
    if entry.template and not blank:
        yield (
            entry.line_of("template:"),
            "a template without blanks.",
            "Take `template` out: members may now be answered from it.",
        )


def _places(entry: Entry, context: Context) -> Found:
    """Sources and notes name sections that exist, and the front matter lists what notes name."""
    known = context.sources.sections
    for place in entry.sources:
        if place not in known:
            yield entry.line_of(place), f"the sources have no {place}.", "Name one that exists."
        if entry.sources.count(place) > 1:
            yield entry.line_of(place), f"{place} stands twice in `sources`.", "Once is enough."
    if not entry.sources and entry.kind == "playbook":
        yield entry.line_of("sources:"), "`sources` is empty.", "Name the sections it rests on."
    told: set[str] = set()
    for statement in notes.statements(entry.body):
        line = entry.body_line + statement.line - 1
        for place in statement.places:
            if place not in known:
                yield line, f"the note names {place}, which does not exist.", "Mend the note."
            elif place not in entry.sources and place not in told:
                told.add(place)
                yield line, f"{place} is not among `sources`.", "Add it to the front matter."
    for number, text in notes.odd(entry.body):
        line = entry.body_line + number - 1
        yield line, f"{text!r} is no note.", "Write it as （002 §4.2） or （000 §Q23）."


def _figures(entry: Entry, context: Context) -> Found:
    """Figures with a note stand in the section it names; in the facts' sections each has one."""
    known = context.sources.sections
    facts = _lines_of_facts(entry)
    for statement in notes.statements(entry.body):
        line = entry.body_line + statement.line - 1
        named = [known[place] for place in statement.places if place in known]
        for figure in figures(statement.text):
            if statement.places:
                if not any(stands(figure, section.figures) for section in named):
                    places = "、".join(statement.places)
                    yield line, f"{figure.text} is not in {places}.", _nearest(named)
            elif line in facts:
                remedy = "Say where it stands, as （002 §4.2）, or take it out."
                yield line, f"{figure.text} has no note.", remedy


def _own_figures(entry: Entry, _: Context) -> Found:
    """Figures without a note outside the facts' sections: the author's own, or a note forgotten."""
    facts = _lines_of_facts(entry)
    for statement in notes.statements(entry.body):
        line = entry.body_line + statement.line - 1
        if statement.places or line in facts:
            continue
        for figure in figures(statement.text):
            remedy = "Say where it stands, unless it is your own."
            yield line, f"{figure.text} has no note.", remedy


def _nearest(sections: list[Source]) -> str:
    held = "; ".join(f"{each.key}: {each.told or 'no figures'}" for each in sections)
    told = f" ({held})" if held else ""
    return f"Mend the figure or the note{told}; put figures of your own behind the note."


def _lines_of_facts(entry: Entry) -> set[int]:
    return {
        line
        for part in entry.parts
        if part.title.startswith(FACTS)
        for line in range(part.line, part.line + part.text.count("\n") + 1)
    }


def _copied(entry: Entry, context: Context) -> Found:
    for number, line in enumerate(entry.body.split("\n"), entry.body_line):
        for stretch in context.copied.stretches(line):
            if not is_enumeration(stretch):
                yield number, f"{stretch!r} stands in a source.", "Say it in your own words."


_RULES: dict[str, Callable[[Entry, Context], Found]] = {
    "links": _links,
    "sections": _sections,
    "asks": _asks,
    "copied-ask": _copied_asks,
    "blanks": _blanks,
    "places": _places,
    "figures": _figures,
    "own-figure": _own_figures,
    "copied-sentence": _copied,
}
_WARNINGS = {"own-figure"}


def facts_without_asks(entry: Entry) -> int:
    """How many different figures of the facts' sections no ask names."""
    asked = {figure.name for ask in entry.asks for figure in figures(ask)}
    told = {
        figure.name: figure
        for part in entry.parts
        if part.title.startswith(FACTS)
        for statement in notes.statements(part.text)
        for figure in figures(statement.text)
    }
    return sum(not stands(figure, asked) for figure in told.values())
