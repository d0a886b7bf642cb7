"""Keys: made, checked, revoked; nothing that opens a door is kept."""

from __future__ import annotations

import pytest
from sqlalchemy import select

from copilot.desk.keys import ROLES, KeyRow, Keys
from copilot.errors import BadInput, NotFound, Unauthorized
from copilot.store import Store
from tests.conftest import Clock


@pytest.fixture
def keys(records_store: Store) -> Keys:
    return Keys(records_store, Clock())


def test_a_key_opens_what_it_was_made_for(keys: Keys) -> None:
    made, secret = keys.create("bot", "飞书机器人")
    found = keys.check(secret)
    assert found == made
    assert (found.role, found.name, found.revoked) == ("bot", "飞书机器人", None)
    assert found.created.utcoffset() is not None


def test_secrets_are_long_and_never_the_same(keys: Keys) -> None:
    secrets = {keys.create(role, "")[1] for role in ROLES for _ in range(3)}
    assert len(secrets) == 12
    assert all(each.startswith("cop-") and len(each) > 40 for each in secrets)


def test_the_secret_is_kept_nowhere(keys: Keys, records_store: Store) -> None:
    _, secret = keys.create("admin", "x")
    with records_store.read() as session:
        row = session.scalars(select(KeyRow)).one()
        kept = [str(getattr(row, column.name)) for column in KeyRow.__table__.columns]
    assert not any(secret.removeprefix("cop-") in each for each in kept)


@pytest.mark.parametrize("wrong", ["", "cop-", "nonsense", "密钥", "\x00", "\ud800"])
def test_anything_else_is_refused(keys: Keys, wrong: str) -> None:
    _, secret = keys.create("bot", "")
    for attempt in (wrong, secret + wrong + "x", secret.upper(), secret[:-1]):
        with pytest.raises(Unauthorized, match="keys create"):
            keys.check(attempt)


def test_a_revoked_key_is_refused_and_stays_revoked(keys: Keys) -> None:
    made, secret = keys.create("operator", "")
    revoked = keys.revoke(made.id)
    assert revoked.revoked is not None
    assert keys.revoke(made.id).revoked == revoked.revoked
    with pytest.raises(Unauthorized):
        keys.check(secret)


def test_unknown_role_and_unknown_key_are_named(keys: Keys) -> None:
    with pytest.raises(BadInput, match=r"'root'.*admin, operator, trainer, bot"):
        keys.create("root", "")
    with pytest.raises(NotFound, match=r"'nope'.*keys list"):
        keys.revoke("nope")


def test_list_and_any_follow_what_happens(keys: Keys) -> None:
    assert (keys.list(), keys.any()) == ([], False)
    first, _ = keys.create("bot", "first")
    second, _ = keys.create("admin", "second")
    assert [key.name for key in keys.list()] == ["first", "second"]
    keys.revoke(first.id)
    assert keys.any()
    keys.revoke(second.id)
    assert not keys.any()
    assert len(keys.list()) == 2


@pytest.mark.parametrize("name", ["\ud800", "a\x00b"])
def test_any_name_can_be_given(keys: Keys, name: str) -> None:
    made, secret = keys.create("bot", name)
    assert keys.check(secret).id == made.id
