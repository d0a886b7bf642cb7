"""Serving: whose vectors are searched, and how another embedder takes over."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable

from copilot.errors import CopilotError
from copilot.models.embedder import Embedder
from copilot.playbook import ingest
from copilot.playbook.lexical import Lexical
from copilot.playbook.records import Records

log = logging.getLogger(__name__)


class Serving:
    """The configured embedder, and the one whose vectors are searched until it has made its own.

    Attributes:
        wanted: the configured embedder.
        now: the one whose vectors are searched; none when it cannot be loaded any more.
        lost: why it cannot be, or why the configured one is not yet in use (mostly empty).
        behind: how many texts the configured one has still to embed, as far as is known.
    """

    def __init__(
        self, records: Records, wanted: Embedder, reference: str, load: Callable[[str], Embedder]
    ) -> None:
        """Choose whose vectors are searched.

        Args:
            reference: what ``wanted`` was loaded by; remembered beside its name.
            load: loads the embedder before it by what that was loaded by.
        """
        self._records = records
        self._embedding = threading.Lock()
        self._asked = threading.Event()
        self.wanted = wanted
        self.lost = ""
        self.behind = 0
        self.now = self._choose(reference, load)

    def _choose(self, reference: str, load: Callable[[str], Embedder]) -> Embedder | None:
        wanted, embeddings = self.wanted, self._records.embeddings
        known = {each.name: each for each in embeddings.known()}
        mine = known.get(wanted.name)
        same = mine and (mine.reference, mine.dimensions) == (reference, wanted.dimensions)
        if not same and embeddings.remember(wanted.name, reference, wanted.dimensions):
            log.warning(
                "the vectors of %r had another length than it makes now (%d): embedding anew",
                wanted.name,
                wanted.dimensions,
            )
        before = embeddings.active()
        if before is None or before.name == wanted.name:
            if set(known) - {wanted.name}:
                # A switch to another one was begun and taken back.
                embeddings.activate(wanted.name)
            return wanted
        reason = "nothing is known of where it came from"
        if before.reference:
            try:
                old = load(before.reference)
                if (old.name, old.dimensions) == (before.name, before.dimensions):
                    return old
                reason = f"{before.reference!r} is another one now, {old.name!r}"
            except (CopilotError, ImportError) as error:
                reason = str(error)
        self.lost = (
            f"the embedder {before.name!r} that made the vectors cannot be loaded any more"
            f" ({reason}): words alone answer until {wanted.name!r} has embedded everything anew."
        )
        log.warning("%s", self.lost)
        return None

    @property
    def settled(self) -> bool:
        """Whether the configured embedder's vectors are searched."""
        return self.now is self.wanted

    @property
    def all(self) -> list[Embedder]:
        """The embedder whose vectors are searched, and the configured one when it is another."""
        return [self.wanted] if self.now in (None, self.wanted) else [self.now, self.wanted]

    def whole(self, words: Lexical) -> bool:
        """Whether the configured embedder is known to have embedded everything."""
        return words.mark("embedded") == f"{self._records.generation()} {self.wanted.name}"

    def embed(
        self,
        words: Lexical,
        stop: Callable[[], bool],
        progress: ingest.Progress | None = None,
        *,
        ahead: bool = False,
    ) -> int:
        """Embed what the configured embedder has not embedded yet; the number of texts.

        Args:
            words: keeps the mark that everything was embedded.
            stop: asked between batches.
            ahead: take over from another thread that is at it; it stops after its batch.
        """
        if ahead:
            self._asked.set()
        with self._embedding:
            if ahead:
                self._asked.clear()
            if self.whole(words):
                self.behind = 0
                return 0

            def tell(done: int, total: int, what: str) -> None:
                self.behind = total - done
                if progress is not None:
                    progress(done, total, what)

            done = ingest.re_embed(
                self._records,
                self.wanted,
                tell,
                lambda: stop() or (not ahead and self._asked.is_set()),
            )
            generation = self._records.generation()
            if not self._records.embeddings.missing(self.wanted.name):
                words.set_mark("embedded", f"{generation} {self.wanted.name}")
                self.behind = 0
            return done

    def failed(self, error: Exception) -> None:
        """Tell that the configured embedder could not go on; the next opening tries again."""
        self.lost = f"{self.wanted.name!r} could not embed what is behind: {error!r}. {self.lost}"

    def take_over(self) -> None:
        """Have the configured embedder's vectors searched from now on, in this process."""
        self.now, self.lost = self.wanted, ""
