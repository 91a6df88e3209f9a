"""Apache with mod_php on loopback: where PHP can't let the browser go before it is through."""

import contextlib
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

from .moodle import Moodle
from .processes import Failed, free_port, program, running, tail, unprivileged, until


@contextlib.contextmanager
def serving(sites: list[Moodle], workers: int = 4) -> Iterator[list[str]]:
    """The same sites under mod_php; the URLs to ask, whose Host is the one that each site knows."""
    run = sites[0].run
    module = next(iter(sorted(Path("/usr/lib/apache2/modules").glob("libphp*.so"), reverse=True)), None)
    if module is None:
        raise Failed("Apache's mod_php is missing: sudo apt-get install apache2 libapache2-mod-php")
    ports = [free_port() for _ in sites]
    hosts = "\n".join(HOST.format(port=port, web=site.web) for port, site in zip(ports, sites, strict=True))
    config = run / "apache.conf"
    log = sites[0].logs / "apache.log"
    config.write_text(CONFIG.format(run=run, log=log, module=module, workers=workers, ini=f"/etc/php/{version()}/apache2",
                                    listen="\n".join(f"Listen 127.0.0.1:{port}" for port in ports), hosts=hosts), encoding="utf-8")
    command = [program("apache2"), "-f", str(config), "-DFOREGROUND"]
    environment = os.environ | {"APACHE_RUN_DIR": str(run), "PHPRC": f"/etc/php/{version()}/apache2"}
    with running(command, sites[0].logs / "apache-start.log", **unprivileged(), env=environment) as process:
        until(f"Apache; its log ends: {tail(log, 5)}", 20, (run / "apache.pid").exists, process)
        yield [f"http://127.0.0.1:{port}" for port in ports]


def version() -> str:
    done = subprocess.run([program("php"), "-r", "echo PHP_MAJOR_VERSION, '.', PHP_MINOR_VERSION;"], capture_output=True, text=True, check=True)
    return done.stdout


CONFIG = """ServerRoot /usr/lib/apache2
ServerName 127.0.0.1
PidFile {run}/apache.pid
DefaultRuntimeDir {run}
ErrorLog {log}
{listen}
LoadModule mpm_prefork_module modules/mod_mpm_prefork.so
LoadModule authz_core_module modules/mod_authz_core.so
LoadModule mime_module modules/mod_mime.so
LoadModule dir_module modules/mod_dir.so
LoadModule php_module {module}
TypesConfig /etc/mime.types
StartServers {workers}
MinSpareServers {workers}
MaxSpareServers {workers}
MaxRequestWorkers {workers}
<FilesMatch "\\.php$">
  SetHandler application/x-httpd-php
</FilesMatch>
AcceptPathInfo On
DirectoryIndex index.php
<Directory />
  Require all granted
</Directory>
{hosts}
"""

HOST = """<VirtualHost 127.0.0.1:{port}>
  DocumentRoot {web}
  php_admin_value max_input_vars 5000
  php_admin_value memory_limit 512M
</VirtualHost>"""
