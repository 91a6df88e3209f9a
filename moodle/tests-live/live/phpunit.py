"""moodle/phpunit.sh: the plugin's PHPUnit tests in Moodle's own frame, on a throwaway database."""

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from .moodle import PHP_FLAGS, ROOT, Moodle
from .processes import Failed, give, program, say, unprivileged

# Moodle's frame for PHPUnit 9 is that of 4.5; 5.0 and later want PHPUnit 11, which Debian 12 does not have.
PLUGIN = ROOT / "moodle" / "local_snsproducer"
SUITE = "local_snsproducer_testsuite"


def main(arguments: list[str]) -> None:
    with tempfile.TemporaryDirectory(prefix="moodle-phpunit-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        moodle = Moodle(folder)
        with moodle.laid_out():
            own = (moodle.code / "vendor" / "bin" / "phpunit").exists()
            if not own and int(moodle.release().split(".")[0]) > 4:
                say(f"SKIPPED: PHPUnit on Moodle {moodle.release()}: it wants a newer PHPUnit than Debian has, and brings none in vendor/")
                return
            moodle.add_plugin(PLUGIN, "snsproducer")
            if not own:
                borrow_phpunit(moodle)
            # The frame writes phpunit.xml beside Moodle's config.php.
            give_top(moodle.code)
            data = folder / "phpunitdata"
            moodle.more_config(f"$CFG->phpunit_prefix = 'phpu_';\n$CFG->phpunit_dataroot = '{data}';")
            moodle.write_config()
            moodle.database.prepare()
            template = template_of(moodle)
            fresh = not (template / "whole").exists()
            if fresh:
                say(f"Installing Moodle {moodle.release()} for PHPUnit, once for this version of the plugin: about 2 minutes")
                moodle.data.mkdir()
                data.mkdir()
                moodle.database.create()
            else:
                say(f"Moodle {moodle.release()} for PHPUnit, from the template {template.name}")
                for part in ("db", "data", "phpunitdata"):
                    subprocess.run(["cp", "-a", "--reflink=auto", str(template / part), str(folder / part)], check=True)
            give(moodle.data)
            give(data)
            if fresh:
                with moodle.database.server():
                    moodle.database.create_base()
                    tool(moodle, "--install")
                keep(template, folder)
            with moodle.database.server():
                tool(moodle, "--buildconfig")
                status = run(moodle, own, arguments)
    if status != 0:
        raise Failed(f"PHPUnit ended with {status}")


def borrow_phpunit(moodle: Moodle) -> None:
    """Debian's PHPUnit in the place where Moodle looks for the one of Composer."""
    place = moodle.code / "vendor" / "phpunit" / "phpunit"
    place.mkdir(parents=True)
    (place / "composer.json").write_text("{}")
    (moodle.code / "vendor" / "bin").mkdir()
    (moodle.code / "vendor" / "bin" / "phpunit").symlink_to(program("phpunit"))
    (moodle.code / "vendor" / "autoload.php").write_text('<?php require_once "/usr/share/php/PHPUnit/Autoload.php";\n')


def give_top(code: Path) -> None:
    if os.getuid() == 0:
        shutil.chown(code, "www-data", "www-data")


def template_of(moodle: Moodle) -> Path:
    """Where the installed frame is kept: another for another Moodle, or another database of the plugin."""
    digest = hashlib.sha256((moodle.web / "version.php").read_bytes())
    for file in [PLUGIN / "version.php", *sorted((PLUGIN / "db").glob("*"))]:
        digest.update(file.read_bytes())
    name = f"phpunit-{moodle.release().rstrip('+')}-{moodle.database.kind}-{digest.hexdigest()[:12]}"
    return Path(os.environ["BUILD_CACHE"]) / "moodle-live" / name


def keep(template: Path, folder: Path) -> None:
    for stale in template.parent.glob(f"{template.name.rsplit('-', 1)[0]}-*"):
        shutil.rmtree(stale)
    template.mkdir(parents=True)
    for part in ("db", "data", "phpunitdata"):
        subprocess.run(["cp", "-a", "--reflink=auto", str(folder / part), str(template / part)], check=True)
    (template / "whole").touch()


def environment(moodle: Moodle) -> dict[str, str]:
    """Moodle's tests want the locale of its birthplace: made where the machine has none, and only for them."""
    kept = dict(os.environ, HOME=str(moodle.folder))
    have = subprocess.run(["locale", "-a"], capture_output=True, text=True).stdout.lower().replace("-", "")
    if "en_au.utf8" not in have:
        place = Path(os.environ["BUILD_CACHE"]) / "locale"
        if not (place / "en_AU.UTF-8").exists():
            place.mkdir(parents=True, exist_ok=True)
            subprocess.run([program("localedef"), "-i", "en_AU", "-f", "UTF-8", str(place / "en_AU.UTF-8")], check=True)
        kept["LOCPATH"] = str(place)
    return kept


def tool(moodle: Moodle, verb: str) -> None:
    command = moodle.command(moodle.in_web("admin/tool/phpunit/cli/util.php"), verb)
    done = subprocess.run(command, capture_output=True, text=True, cwd=moodle.code, stdin=subprocess.DEVNULL,
                          env=environment(moodle), **unprivileged())
    if done.returncode != 0:
        raise Failed(f"Moodle's PHPUnit frame: {verb} ended with {done.returncode}:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def run(moodle: Moodle, own: bool, arguments: list[str]) -> int:
    phpunit = str(moodle.code / "vendor" / "bin" / "phpunit") if own else program("phpunit")
    # A file or a folder of the plugin may be named as it lies in this checkout.
    prefix = "moodle/local_snsproducer/"
    inside = str((moodle.web / "local" / "snsproducer").relative_to(moodle.code)) + "/"
    told = [inside + a.removeprefix(prefix) if a.startswith(prefix) else a for a in arguments]
    chosen = told if any(a.endswith(".php") for a in told) else ["--testsuite", SUITE, *told]
    command = [moodle.php, *PHP_FLAGS, phpunit, "--colors=never", *chosen]
    # Through a pipe: PHP opens its standard output anew, and would write over what stands in a file.
    with subprocess.Popen(command, cwd=moodle.code, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          env=environment(moodle), **unprivileged()) as process:
        while part := os.read(process.stdout.fileno(), 65536):
            sys.stdout.buffer.write(part)
            sys.stdout.buffer.flush()
    return process.returncode


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failed as problem:
        sys.exit(f"error: {problem}")
    except KeyboardInterrupt:
        sys.exit("ended by Ctrl-C")
