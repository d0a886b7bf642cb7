"""`python -m evals.bench`: every bench, one table each; exits 1 when a limit is missed."""

from __future__ import annotations

import sys

from evals import corpus
from evals.bench import ask, embedder, memory, search, serve, sides, start
from evals.bench.timing import show


def main() -> None:
    """Run all benches."""
    _, note = corpus.chosen("documents")
    if note:
        print(f"bench: {note}", file=sys.stderr)
    kept = True
    for title, bench in (
        ("Start", start),
        ("Embedder", embedder),
        ("Search", search),
        ("Ask", ask),
        ("Serve", serve),
        ("Memory", memory),
    ):
        measures = bench.measure()
        show(title, measures)
        kept = kept and all(each.held for each in measures)
    # Retrievers are compared, not held to a limit: `python -m evals.bench.sides --check` does that.
    results, used = sides.measure("dev", sides.at_hand())
    sides.show(results, "dev", used)
    sys.exit(0 if kept else 1)


if __name__ == "__main__":
    main()
