"""Vectors stand apart from passages, by embedder; asks get rows and vectors of their own."""

import hashlib
from collections import Counter
from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

_BATCH = 1000


def upgrade() -> None:
    """Move every embedding into a table of vectors; the asks' are computed at the next opening."""
    _create()
    with op.batch_alter_table("playbook_passages") as batch:
        batch.add_column(sa.Column("content", sa.String(32), nullable=True))
    _move_embeddings()
    with op.batch_alter_table("playbook_passages") as batch:
        batch.alter_column("content", existing_type=sa.String(32), nullable=False)
        batch.drop_column("embedder")
        batch.drop_column("embedding")
        batch.create_index("ix_playbook_passages_content", ["content"])


def _create() -> None:
    op.create_table(
        "playbook_asks",
        sa.Column("passage_id", sa.String(32), nullable=False),
        sa.Column("content", sa.String(32), nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("origin", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("passage_id", "content", name="pk_playbook_asks"),
    )
    op.create_index("ix_playbook_asks_content", "playbook_asks", ["content"])
    op.create_table(
        "playbook_embedders",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("reference", sa.Text, nullable=False),
        sa.Column("dimensions", sa.Integer, nullable=False),
        sa.Column("active", sa.Boolean, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_playbook_embedders"),
        sa.UniqueConstraint("name", name="uq_playbook_embedders_name"),
    )
    op.create_table(
        "playbook_vectors",
        sa.Column("embedder_id", sa.Integer, nullable=False),
        sa.Column("content", sa.String(32), nullable=False),
        sa.Column("vector", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("embedder_id", "content", name="pk_playbook_vectors"),
        sa.ForeignKeyConstraint(
            ["embedder_id"],
            ["playbook_embedders.id"],
            name="fk_playbook_vectors_embedder_id",
            ondelete="CASCADE",
        ),
    )


def _move_embeddings() -> None:
    connection = op.get_bind()
    meta = sa.MetaData()
    passages, asks, embedders, vectors = (
        sa.Table(f"playbook_{name}", meta, autoload_with=connection)
        for name in ("passages", "asks", "embedders", "vectors")
    )
    lengths = Counter[tuple[str, int]]()
    counted = sa.select(passages.c.embedder, sa.func.length(passages.c.embedding), sa.func.count())
    for name, length, count in connection.execute(counted.group_by(sa.text("1, 2"))):
        lengths[name, length // 4] = count
    # The embedder of most passages is searched; the others' are embedded by it when opened.
    known: dict[str, tuple[int, int]] = {}
    for (name, dimensions), _ in lengths.most_common():
        if name not in known:
            known[name] = (len(known) + 1, dimensions)
            connection.execute(
                embedders.insert().values(
                    name=name,
                    reference="shipped" if name.startswith("shipped@") else "",
                    dimensions=dimensions,
                    active=len(known) == 1,
                )
            )
    named = connection.execute(sa.select(embedders.c.name, embedders.c.id))
    ids = {name: id_ for name, id_ in named}
    seen: set[tuple[int, str]] = set()
    after = ""
    while rows := connection.execute(
        sa.select(passages).where(passages.c.id > after).order_by(passages.c.id).limit(_BATCH)
    ).all():
        after = rows[-1].id
        contents = {row.id: _content(f"{row.title} {row.section}\n{row.text}") for row in rows}
        connection.execute(
            passages.update()
            .where(passages.c.id == sa.bindparam("of"))
            .values(content=sa.bindparam("named")),
            [{"of": id_, "named": content} for id_, content in contents.items()],
        )
        moved = {(ids[row.embedder], contents[row.id]): row.embedding for row in rows}
        new = {key: blob for key, blob in moved.items() if key not in seen}
        seen |= new.keys()
        _insert(
            vectors,
            [
                {"embedder_id": id_, "content": content, "vector": blob}
                for (id_, content), blob in new.items()
            ],
        )
        _insert(asks, [ask for row in rows for ask in _asks(row)])


def _asks(row: Any) -> list[dict[str, Any]]:
    said = {_content(text): text for text in row.asks}
    return [
        {
            "passage_id": row.id,
            "content": content,
            "position": place,
            "text": text,
            "origin": "author",
        }
        for place, (content, text) in enumerate(said.items())
    ]


def _insert(table: sa.Table, rows: list[dict[str, Any]]) -> None:
    if rows:
        op.get_bind().execute(table.insert(), rows)


def _content(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def downgrade() -> None:
    """Put the active embedder's vectors back into the passages; added asks' origins are lost."""
    op.drop_index("ix_playbook_passages_content", "playbook_passages")
    with op.batch_alter_table("playbook_passages") as batch:
        batch.add_column(sa.Column("embedder", sa.Text, nullable=True))
        batch.add_column(sa.Column("embedding", sa.LargeBinary, nullable=True))
    # What has no vector gets an empty one of no embedder, which the older version embeds anew.
    active = "FROM playbook_vectors v JOIN playbook_embedders e ON e.id = v.embedder_id"
    mine = "WHERE e.active AND v.content = playbook_passages.content"
    empty = "''" if op.get_bind().dialect.name == "postgresql" else "x''"
    op.execute(
        f"UPDATE playbook_passages SET embedder = COALESCE((SELECT e.name {active} {mine}), ''),"
        f" embedding = COALESCE((SELECT v.vector {active} {mine}), {empty})"
    )
    with op.batch_alter_table("playbook_passages") as batch:
        batch.alter_column("embedder", existing_type=sa.Text, nullable=False)
        batch.alter_column("embedding", existing_type=sa.LargeBinary, nullable=False)
        batch.drop_column("content")
    for table in ("playbook_asks", "playbook_vectors", "playbook_embedders"):
        op.drop_table(table)
