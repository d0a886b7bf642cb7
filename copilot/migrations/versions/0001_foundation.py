"""Foundation: playbook documents and passages; keys, gaps and the journal of the desk."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Create the first tables."""
    op.create_table(
        "playbook_roots",
        sa.Column("path", sa.Text, nullable=False),
        sa.Column("audience", sa.String(16), nullable=False),
        sa.PrimaryKeyConstraint("path", name="pk_playbook_roots"),
    )
    op.create_table(
        "playbook_documents",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("root", sa.Text, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("audience", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(80), nullable=False),
        sa.Column("report", sa.JSON, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_playbook_documents"),
        sa.UniqueConstraint("root", "source", name="uq_playbook_documents_root_source"),
        sa.ForeignKeyConstraint(
            ["root"],
            ["playbook_roots.path"],
            name="fk_playbook_documents_root",
            ondelete="CASCADE",
        ),
    )
    op.create_table(
        "playbook_passages",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("document_id", sa.Integer, nullable=False),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("source", sa.Text, nullable=False),
        sa.Column("title", sa.Text, nullable=False),
        sa.Column("section", sa.Text, nullable=False),
        sa.Column("text", sa.Text, nullable=False),
        sa.Column("audience", sa.String(16), nullable=False),
        sa.Column("asks", sa.JSON, nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("embedder", sa.Text, nullable=False),
        sa.Column("embedding", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_playbook_passages"),
        sa.ForeignKeyConstraint(
            ["document_id"],
            ["playbook_documents.id"],
            name="fk_playbook_passages_document_id",
            ondelete="CASCADE",
        ),
    )
    op.create_index("ix_playbook_passages_document_id", "playbook_passages", ["document_id"])
    op.create_table(
        "playbook_generation",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("value", sa.String(32), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_playbook_generation"),
    )
    op.create_table(
        "desk_keys",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(64), nullable=False),
        sa.Column("created", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_desk_keys"),
        sa.UniqueConstraint("digest", name="uq_desk_keys_digest"),
    )
    op.create_table(
        "desk_gaps",
        sa.Column("id", sa.Integer, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("form", sa.Text, nullable=False),
        sa.Column("audience", sa.String(16), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("times", sa.Integer, nullable=False),
        sa.Column("first", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_desk_gaps"),
        sa.UniqueConstraint("form", "audience", name="uq_desk_gaps_form_audience"),
    )
    op.create_table(
        "desk_journal",
        sa.Column("id", sa.String(32), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("door", sa.String(16), nullable=False),
        sa.Column("role", sa.String(16), nullable=False),
        sa.Column("thread", sa.Text, nullable=False),
        sa.Column("question", sa.Text, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("passages", sa.JSON, nullable=False),
        sa.Column("refused", sa.Boolean, nullable=False),
        sa.Column("degraded", sa.Boolean, nullable=False),
        sa.Column("model", sa.Text, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("rating", sa.String(16), nullable=True),
        sa.Column("comment", sa.Text, nullable=True),
        sa.PrimaryKeyConstraint("id", name="pk_desk_journal"),
    )
    op.create_index("ix_desk_journal_at", "desk_journal", ["at"])


def downgrade() -> None:
    """Drop everything of this version."""
    for table in (
        "desk_journal",
        "desk_gaps",
        "desk_keys",
        "playbook_generation",
        "playbook_passages",
        "playbook_documents",
        "playbook_roots",
    ):
        op.drop_table(table)
