"""The role of the monitoring on a real PostgreSQL, and when Patroni's callback makes it."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from infra.components.database import ROLES, monitoring_sql
from tests.peers.postgresql import PostgreSQL, postgresql

# as Patroni's: it answers "still in recovery" as often as the file `recovering` has lines
PSQL = """\
#!/bin/sh
echo "$@" >> "$FOLDER/calls"
case "$*" in
  *pg_is_in_recovery*)
    if [ -s "$FOLDER/recovering" ]; then sed -i 1d "$FOLDER/recovering"; echo t; else echo f; fi ;;
esac
"""


@pytest.fixture(scope="module")
def server() -> Iterator[PostgreSQL]:
    with postgresql() as started:
        yield started


def as_monitoring(server: PostgreSQL, password: str) -> "psycopg.Connection[tuple[object, ...]]":
    return psycopg.connect(
        host=server.host, port=server.port, user="monitoring", password=password, dbname=server.database
    )


def test_the_role_is_made_once_and_its_password_follows_the_declaration(server: PostgreSQL) -> None:
    with server.connect() as superuser:
        for password in ("first", "second"):
            superuser.execute(monitoring_sql(password))
    with as_monitoring(server, "second") as connection:
        assert connection.execute("SELECT pg_has_role('pg_monitor', 'member')").fetchone() == (True,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        as_monitoring(server, "first")


def test_it_sees_what_others_do_and_none_of_their_tables(server: PostgreSQL) -> None:
    with server.connect() as superuser:
        superuser.execute(monitoring_sql("known"))
        superuser.execute("DROP TABLE IF EXISTS patients")
        superuser.execute("CREATE TABLE patients (name text)")
        with as_monitoring(server, "known") as connection:
            (query,) = connection.execute(
                "SELECT query FROM pg_stat_activity WHERE pid = %s", [superuser.info.backend_pid]
            ).fetchone() or ("",)
            assert query == "CREATE TABLE patients (name text)"
            with pytest.raises(psycopg.errors.InsufficientPrivilege, match="patients"):
                connection.execute("SELECT * FROM patients")


def callback(folder: Path, role: str, recovering: int) -> tuple[int, list[str]]:
    """Runs it as Patroni does; its exit code and what it asked of psql."""
    for name, text in {"psql": PSQL, "roles": ROLES, "recovering": "yes\n" * recovering, "calls": ""}.items():
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    environment = {"PATH": f"{folder}:{os.environ['PATH']}", "FOLDER": str(folder)}
    done = subprocess.run([folder / "roles", "on_role_change", role, "database"], env=environment, check=False)
    return done.returncode, (folder / "calls").read_text().splitlines()


def test_a_standby_makes_no_roles(tmp_path: Path) -> None:
    assert callback(tmp_path, "replica", 0) == (0, [])


def test_a_new_primary_makes_them_once_it_takes_writes(tmp_path: Path) -> None:
    code, calls = callback(tmp_path, "primary", recovering=2)
    assert code == 0
    assert ["pg_is_in_recovery" in call for call in calls] == [True, True, True, False]
    assert calls[-1].endswith("--file=/run/secrets/patroni/monitoring.sql")
