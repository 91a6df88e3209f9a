"""The throwaway Moodle: its code, its installation (kept as a template), php-fpm and nginx."""

import contextlib
import hashlib
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

from . import database
from .processes import Failed, free_port, give, program, running, say, tail, unprivileged, until

ROOT = Path(os.environ["ROOT"])
HERE = ROOT / "moodle" / "tests-live"
PASSWORD = "Live-1234"
# Of PHP's command line: what Moodle's environment check asks for. An upgrade reads the same language files
# some thousand times, with Moodle's own caches off: compiled once they cost a tenth.
PHP_FLAGS = ["-d", "max_input_vars=5000", "-d", "memory_limit=512M", "-d", "opcache.enable_cli=1"]


class Moodle:
    """One site, from its code to its URL."""

    def __init__(self, folder: Path):
        self.folder = folder
        self.origin = Path(os.environ["MOODLE_DIR"])
        self.code = folder / "moodle"
        self.data = folder / "data"
        self.run = folder / "run"
        self.logs = folder / "log"
        self.database = database.chosen(folder)
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        # Values of the plugin's settings that config.php forces, and more lines for it.
        self.forced: dict[str, str] = {}
        self.php = program("php8.3", "php8.2", "php8.1", "php")

    @property
    def web(self) -> Path:
        """The folder that the web server serves: `public` since 5.1."""
        public = self.code / "public"
        return public if (public / "version.php").exists() else self.code

    def release(self) -> str:
        text = (self.web / "version.php").read_text(encoding="utf-8")
        found = re.search(r"^\$release\s*=\s*'([\d.]+\+?)", text, re.MULTILINE)
        if not found:
            raise Failed(f"{self.web}/version.php names no release")
        return found[1]

    # ---- Its code

    @contextlib.contextmanager
    def laid_out(self) -> Iterator[None]:
        """The code base, writable and not the one that was given."""
        for folder in (self.run, self.logs, self.code):
            folder.mkdir()
        give(self.run)
        give(self.logs)
        if os.environ.get("OVERLAY") != "1" or not self.mount():
            say("Copying the code base")
            shutil.copytree(self.origin, self.code, symlinks=True, dirs_exist_ok=True,
                            ignore=shutil.ignore_patterns(".git", "node_modules"))
            (self.code / "config.php").unlink(missing_ok=True)
        try:
            yield
        finally:
            if self.code.is_mount():
                subprocess.run(["umount", "-l", str(self.code)], check=False)

    def mount(self) -> bool:
        upper, work = self.folder / "upper", self.folder / "work"
        upper.mkdir()
        work.mkdir()
        options = f"lowerdir={self.origin},upperdir={upper},workdir={work}"
        done = subprocess.run(["mount", "-t", "overlay", "overlay", "-o", options, str(self.code)], capture_output=True)
        return done.returncode == 0

    def add_plugin(self, source: Path, name: str) -> Path:
        """Puts a local plugin into the site; `upgrade` then installs it."""
        place = self.web / "local" / name
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(source, place)
        subprocess.run(["chmod", "-R", "a+rX", str(place)], check=True)
        return place

    def write_config(self) -> None:
        forced = ", ".join(f"'{key}' => '{value}'" for key, value in self.forced.items())
        setup = (self.web / "lib" / "setup.php").relative_to(self.code)
        (self.code / "config.php").write_text(f"""<?php // The throwaway site of moodle/tests-live.
unset($CFG);
global $CFG;
$CFG = new stdClass();
$CFG->dblibrary = 'native';
$CFG->dbhost = 'localhost';
$CFG->dbname = '{database.NAME}';
$CFG->dbuser = 'moodle';
$CFG->dbpass = '';
$CFG->prefix = 'mdl_';
{self.database.config()}
$CFG->wwwroot = '{self.url}';
$CFG->dataroot = '{self.data}';
$CFG->admin = 'admin';
$CFG->directorypermissions = 02777;
$CFG->noemailever = true;
$CFG->passwordpolicy = 0;
$CFG->debug = E_ALL;
$CFG->debugdisplay = 0;
$CFG->local_witness_file = '{self.folder}/witness.jsonl';
$CFG->forced_plugin_settings = ['local_snsproducer' => [{forced}]];
if (file_exists(__DIR__ . '/more.php')) {{
    require(__DIR__ . '/more.php');
}}
require_once(__DIR__ . '/{setup}');
""", encoding="utf-8")

    def more_config(self, text: str) -> None:
        """More lines for config.php; empty takes them away."""
        more = self.code / "more.php"
        more.write_text(f"<?php\n{text}\n", encoding="utf-8")

    # ---- Its installation

    @contextlib.contextmanager
    def installed(self) -> Iterator[None]:
        """The database server runs, and the site is installed: from the template, where there is one."""
        self.database.prepare()
        template = self.template()
        if not (template / "whole").exists():
            self.make_template(template)
        say(f"Moodle {self.release()} on {self.database.kind}, from the template {template.name}")
        for part in ("db", "data"):
            subprocess.run(["cp", "-a", "--reflink=auto", str(template / part), str(self.folder / part)], check=True)
        witness = self.folder / "witness.jsonl"
        witness.touch()
        give(witness)
        self.write_config()
        with self.database.server():
            yield

    def template(self) -> Path:
        """Where the installed site is kept: another for another Moodle, database or way to install."""
        digest = hashlib.sha256((self.web / "version.php").read_bytes() + Path(database.__file__).read_bytes() + INSTALL.encode())
        name = f"{self.release().rstrip('+')}-{self.database.kind}-{digest.hexdigest()[:12]}"
        return Path(os.environ["BUILD_CACHE"]) / "moodle-live" / name

    def make_template(self, template: Path) -> None:
        say(f"Installing Moodle {self.release()} on {self.database.kind}, once: about 2 minutes")
        self.data.mkdir()
        give(self.data)
        self.database.create()
        self.write_config()
        with self.database.server():
            self.database.create_base()
            self.cli("admin/cli/install_database.php", *INSTALL.split())
        for stale in template.parent.glob(f"{template.name.rsplit('-', 1)[0]}-*"):
            shutil.rmtree(stale)
        template.mkdir(parents=True)
        for part in (self.database.data, self.data):
            subprocess.run(["cp", "-a", str(part), str(template / part.name)], check=True)
            shutil.rmtree(part)
        (template / "whole").touch()

    # ---- Its commands

    def command(self, script: str, *arguments: str) -> list[str]:
        return [self.php, *PHP_FLAGS, str(self.code / script), *arguments]

    def cli(self, script: str, *arguments: str, fine: tuple[int, ...] = (0,), seconds: float = 600) -> str:
        """Runs a script of the code base as www-data; its output."""
        done = subprocess.run(self.command(script, *arguments), capture_output=True, text=True, timeout=seconds,
                              cwd=self.code, stdin=subprocess.DEVNULL, **unprivileged())
        if done.returncode not in fine:
            raise Failed(f"{script} {' '.join(arguments)} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")
        return done.stdout

    def in_web(self, path: str) -> str:
        """A path below the web root, as one of the code base."""
        return str((self.web / path).relative_to(self.code))

    def upgrade(self) -> None:
        """Installs and upgrades plugins as admin/cli/upgrade.php does; that one then spends minutes on settings of others."""
        self.cli(self.in_web("local/witness/install.php"))

    def task(self, name: str, fine: tuple[int, ...] = (0,)) -> str:
        """Runs one scheduled task now."""
        return self.cli("admin/cli/scheduled_task.php", f"--execute={name}", fine=fine)

    # ---- Its web server

    @contextlib.contextmanager
    def served(self) -> Iterator[None]:
        self.write_fpm()
        (self.run / "nginx.conf").write_text(NGINX.format(run=self.run, logs=self.logs, port=self.port, web=self.web), encoding="utf-8")
        fpm = [program("php-fpm8.3", "php-fpm8.2", "php-fpm8.1", "php-fpm"), "-F", "-y", str(self.run / "fpm.conf"),
               "-d", f"opcache.blacklist_filename={self.run}/fresh.txt"]
        nginx = [program("nginx"), "-c", str(self.run / "nginx.conf"), "-g", "daemon off;", "-e", "stderr"]
        with contextlib.ExitStack() as stack:
            self.fpm = stack.enter_context(running(fpm, self.logs / "fpm.log", signal.SIGTERM, **unprivileged()))
            until("php-fpm", 20, (self.run / "fpm.sock").exists, self.fpm)
            process = stack.enter_context(running(nginx, self.logs / "nginx.log", **unprivileged()))
            until(f"nginx; its log ends: {tail(self.logs / 'nginx.log', 3)}", 20, (self.run / "nginx.pid").exists, process)
            yield

    def tune(self, revalidate: int) -> None:
        """From now on php-fpm looks for changed files each so many seconds."""
        self.write_fpm(revalidate)
        os.kill(self.fpm.pid, signal.SIGUSR2)
        time.sleep(1)
        until("php-fpm after its reload", 20, lambda: len(self.fpm_workers()) == WORKERS, self.fpm)

    def write_fpm(self, revalidate: int = 0) -> None:
        conf = FPM.format(run=self.run, logs=self.logs, workers=WORKERS, revalidate=revalidate)
        (self.run / "fpm.conf").write_text(conf, encoding="utf-8")
        # The suite changes these in between, so they are never taken from the cache.
        (self.run / "fresh.txt").write_text(f"{self.code}/more.php\n{self.code}/config.php\n", encoding="utf-8")

    def fpm_workers(self) -> list[int]:
        """The processes that serve requests."""
        done = subprocess.run(["ps", "-o", "pid=", "--ppid", str(self.fpm.pid)], capture_output=True, text=True)
        return [int(word) for word in done.stdout.split()]


INSTALL = f"--agree-license --adminpass={PASSWORD} --adminemail=admin@example.invalid --fullname=Live --shortname=live"

# Processes of php-fpm.
WORKERS = 6

FPM = """[global]
error_log = {logs}/php-fpm.log
[www]
listen = {run}/fpm.sock
pm = static
pm.max_children = {workers}
catch_workers_output = yes
php_admin_value[error_log] = {logs}/php.log
php_admin_flag[log_errors] = on
php_admin_value[max_input_vars] = 5000
php_admin_value[memory_limit] = 512M
php_admin_value[opcache.revalidate_freq] = {revalidate}
"""

NGINX = """pid {run}/nginx.pid;
worker_processes 1;
events {{ }}
http {{
  access_log off;
  include /etc/nginx/mime.types;
  client_max_body_size 50m;
  client_body_temp_path {run}/b; proxy_temp_path {run}/p; fastcgi_temp_path {run}/f; uwsgi_temp_path {run}/u; scgi_temp_path {run}/s;
  server {{
    listen 127.0.0.1:{port};
    root {web};
    index index.php;
    location ~ ^(.+\\.php)(.*)$ {{
      fastcgi_split_path_info ^(.+\\.php)(.*)$;
      include /etc/nginx/fastcgi_params;
      fastcgi_param SCRIPT_FILENAME $document_root$fastcgi_script_name;
      fastcgi_param PATH_INFO $fastcgi_path_info;
      fastcgi_pass unix:{run}/fpm.sock;
      fastcgi_read_timeout 300;
    }}
  }}
}}
"""
