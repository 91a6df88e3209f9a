"""The throwaway site's own database server, on a Unix socket in the temporary folder."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .processes import Failed, give, program, running, unprivileged, until

NAME = "moodle"


class PostgreSql:
    """Debian's PostgreSQL. Nothing here outlives the run, so nothing is synced."""

    kind = "pgsql"
    settings = "-c fsync=off -c synchronous_commit=off -c full_page_writes=off -c max_connections=60 -c shared_buffers=128MB"

    def __init__(self, folder: Path):
        self.data = folder / "db"
        self.socket = folder / "db.sock.d"
        self.log = folder / "log" / "database.log"

    def tool(self, name: str) -> str:
        homes = sorted(Path("/usr/lib/postgresql").glob("*/bin"), reverse=True)
        return next((str(home / name) for home in homes if (home / name).exists()), None) or program(name)

    def prepare(self) -> None:
        self.socket.mkdir(exist_ok=True)
        give(self.socket)

    def create(self) -> None:
        self.data.mkdir()
        give(self.data)
        run([self.tool("initdb"), "-D", str(self.data), "-U", "moodle", "-A", "trust", "-E", "UTF8", "--no-locale", "-N"])

    @contextlib.contextmanager
    def server(self) -> Iterator[None]:
        command = [self.tool("postgres"), "-D", str(self.data), "-k", str(self.socket), "-c", "listen_addresses="]
        with running([*command, *self.settings.split()], self.log, signal.SIGINT, **unprivileged()) as process:
            ready = [self.tool("pg_isready"), "-q", "-h", str(self.socket), "-U", "moodle", "-d", "postgres"]
            until("PostgreSQL", 30, lambda: subprocess.run(ready).returncode == 0, process)
            yield

    def sql(self, text: str, base: str = NAME) -> str:
        command = [self.tool("psql"), "-X", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-h", str(self.socket), "-U", "moodle"]
        return run([*command, "-d", base, "-c", text])

    def create_base(self) -> None:
        self.sql(f"CREATE DATABASE {NAME} ENCODING 'UTF8' TEMPLATE template0", "postgres")

    def config(self) -> str:
        return f"$CFG->dbtype = 'pgsql'; $CFG->dboptions = ['dbsocket' => '{self.socket}'];"

    def read_only(self, yes: bool) -> None:
        """Takes from everybody, or gives back, the right to write; sessions that are open keep theirs."""
        self.sql(f"ALTER DATABASE {NAME} SET default_transaction_read_only = {'on' if yes else 'off'}", "postgres")


class MariaDb:
    """Debian's MariaDB."""

    kind = "mariadb"

    def __init__(self, folder: Path):
        self.data = folder / "db"
        self.socket = folder / "db.sock.d"
        self.log = folder / "log" / "database.log"

    def prepare(self) -> None:
        self.socket.mkdir(exist_ok=True)
        give(self.socket)

    def create(self) -> None:
        self.data.mkdir()
        give(self.data)
        run([program("mariadb-install-db"), "--no-defaults", f"--datadir={self.data}", "--auth-root-authentication-method=normal",
             "--skip-test-db"])

    @contextlib.contextmanager
    def server(self) -> Iterator[None]:
        command = [program("mariadbd"), "--no-defaults", f"--datadir={self.data}", f"--socket={self.path}", "--skip-networking",
                   f"--pid-file={self.socket}/pid", "--innodb-flush-log-at-trx-commit=0", "--innodb-buffer-pool-size=256M",
                   "--character-set-server=utf8mb4", "--collation-server=utf8mb4_unicode_ci", "--skip-log-bin"]
        with running(command, self.log, **unprivileged()) as process:
            until("MariaDB", 60, lambda: subprocess.run([*self.client(), "-e", "SELECT 1"], capture_output=True).returncode == 0, process)
            yield

    @property
    def path(self) -> Path:
        return self.socket / "s"

    def client(self) -> list[str]:
        return [program("mariadb", "mysql"), "--no-defaults", f"--socket={self.path}", "-u", "root", "-N", "-B"]

    def sql(self, text: str, base: str = NAME) -> str:
        return run([*self.client(), "-D", base, "-e", text])

    def create_base(self) -> None:
        self.sql(f"CREATE DATABASE {NAME} CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_ci; CREATE USER moodle@localhost; "
                 f"GRANT ALL ON {NAME}.* TO moodle@localhost", "mysql")

    def config(self) -> str:
        return f"$CFG->dbtype = 'mariadb'; $CFG->dboptions = ['dbsocket' => '{self.path}', 'dbcollation' => 'utf8mb4_unicode_ci'];"

    def read_only(self, yes: bool) -> None:
        """Takes from everybody but root, or gives back, the right to write."""
        self.sql(f"SET GLOBAL read_only = {'ON' if yes else 'OFF'}", "mysql")


def chosen(folder: Path) -> PostgreSql | MariaDb:
    return MariaDb(folder) if os.environ.get("DB") == "mariadb" else PostgreSql(folder)


def run(command: list[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, **unprivileged(), cwd="/")
    if done.returncode != 0:
        raise Failed(f"{Path(command[0]).name} failed:\n{done.stdout[-1000:]}{done.stderr[-2000:]}")
    return done.stdout.strip()
