"""Checks what is written: links and anchors of the documents, the commands in their `sh` blocks, and
words that no committed file may hold.

    documents.py [--binary PATH]

Without a binary the subcommands of `moodle-sns-producer` are not checked.
"""

import argparse
import functools
import re
import shlex
import subprocess
import sys
import unicodedata
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAME = "moodle-sns-producer"

# A checkout stands alone: no host of a package registry (packages are named, their clients know where),
# no path of some machine. Written in halves, so that this file may be checked too.
FORBIDDEN = [
    ("a registry's host", re.compile("|".join(["static.crates" + r"\.io", "index.crates" + r"\.io", r"pypi\." + "org",
        "pythonhosted" + r"\.org", "registry.npmjs" + r"\.org", "deb.debian" + r"\.org", "proxy.golang" + r"\.org"]))),
    ("a path of one machine", re.compile(r"(?<![\w./-])/(?:ro" + r"ot|wo" + r"rk|ho" + r"me/[a-z]+)/")),
    ("a folder outside the checkout", re.compile(r"\.\./sha" + "red")),
]
# Made by tools or captured: not ours to word.
NOT_OURS = ("Cargo.lock", "LICENSE", "tests/corpus/")


def tracked() -> list[Path]:
    """The files that git would commit."""
    names = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT, check=True, capture_output=True, text=True,
    ).stdout.split("\0")
    return [ROOT / name for name in names if name and (ROOT / name).is_file()]


def slug(heading: str) -> str:
    """The anchor that a heading gets where Markdown is shown as a page."""
    text = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", heading.strip()).replace("`", "")
    kept = (c for c in text.lower() if c in "-_ " or unicodedata.category(c)[0] in "LN")
    return "".join(kept).replace(" ", "-")


@functools.cache
def anchors(page: Path) -> set[str]:
    found: set[str] = set()
    fenced = False
    for line in page.read_text(encoding="utf-8").splitlines():
        if line.startswith("```"):
            fenced = not fenced
        elif not fenced and (match := re.match(r"#{1,6} (.+)", line)):
            base = name = slug(match[1])
            n = 0
            while name in found:
                n += 1
                name = f"{base}-{n}"
            found.add(name)
    return found


def links(page: Path):
    """Yields (line, problem) of each link that leads nowhere."""
    fenced = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.lstrip().startswith("```"):
            fenced = not fenced
        if fenced:
            continue
        for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`]*`", "", line)):
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            path, _, anchor = target.partition("#")
            file = (page.parent / path) if path else page
            if not file.exists():
                yield number, f"the link {target} leads to no file"
            elif anchor and file.suffix == ".md" and anchor not in anchors(file.resolve()):
                yield number, f"{file.name} has no heading for #{anchor}"


def commands(page: Path):
    """Yields (line, words) of each command in the page's sh blocks."""
    inside = False
    joined, start = "", 0
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        if line.strip().startswith("```"):
            inside = not inside and re.match(r"\s*```(sh|bash)\b", line) is not None
            continue
        if not inside:
            continue
        start = start if joined else number
        joined += line.strip()
        if joined.endswith("\\"):
            joined = joined[:-1] + " "
            continue
        text, joined = joined.removeprefix("$ "), ""
        try:
            words = shlex.split(text, comments=True)
        except ValueError as error:
            yield start, ["?", str(error)]
            continue
        command: list[str] = []
        for word in [*words, ";"]:
            if word in (";", "&&", "||", "|", "&"):
                if command:
                    yield start, command
                command = []
            elif command or not re.match(r"[A-Za-z_]\w*=|sudo$", word):
                command.append(word)


@functools.cache
def help_of(binary: str, path: tuple[str, ...]) -> str:
    return subprocess.run([binary, *path, "--help"], capture_output=True, text=True, timeout=20).stdout


def subcommands(text: str) -> set[str]:
    block = re.search(r"^Commands:\n((?:  .*\n|\n)+)", text, re.MULTILINE)
    return set(re.findall(r"^  ([a-z][a-z-]*)", block[1], re.MULTILINE)) if block else set()


def problem_of(words: list[str], binary: str | None) -> str | None:
    """What is wrong with a command; None where nothing is, or it isn't one of ours."""
    first = words[0]
    if first == "?":
        return f"not a shell line: {words[1]}"
    if first == "make":
        targets = set(re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))
        missing = [word for word in words[1:] if re.fullmatch(r"[a-z][a-z-]*", word) and word not in targets]
        return f"the Makefile has no target {missing[0]}" if missing else None
    if first in ("bash", "sh") and len(words) > 1:
        first = words[1]
    if re.match(r"(\./)?(scripts|localstack|\.ci|benches)/", first):
        return None if (ROOT / first).is_file() else f"there is no {first}"
    if first.rsplit("/", 1)[-1] != NAME or binary is None:
        return None
    path: tuple[str, ...] = ()
    for word in words[1:]:
        known = subcommands(help_of(binary, path))
        if word.startswith("-") or not known:
            break
        if word not in known:
            return f"`{' '.join((NAME, *path))}` has no subcommand {word}"
        path = (*path, word)
    text = help_of(binary, path)
    for word in words[1:]:
        if word.startswith("--") and not re.search(re.escape(word.split("=")[0]) + r"(?![\w-])", text):
            return f"`{' '.join((NAME, *path))}` has no option {word.split('=')[0]}"
    return None


def rules(file: Path):
    """Yields (line, problem) of each word that may not be there."""
    if str(file.relative_to(ROOT)).startswith(NOT_OURS):
        return
    try:
        text = file.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        return
    for number, line in enumerate(text.splitlines(), 1):
        for what, pattern in FORBIDDEN:
            if match := pattern.search(line):
                yield number, f"{what} may not stand in a committed file: {match[0]}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", help="a built moodle-sns-producer, whose --help is asked")
    given = parser.parse_args()
    problems = []
    files = tracked()
    # Those under src/ are templates: their links are those of the pages made from them.
    pages = [file for file in files if file.suffix == ".md" and ROOT / "src" not in file.parents]
    seen = 0
    for page in pages:
        problems += [(page, *found) for found in links(page)]
        for number, words in commands(page):
            seen += 1
            if problem := problem_of(words, given.binary):
                problems.append((page, number, problem))
    for file in files:
        problems += [(file, *found) for found in rules(file)]
    for file, number, problem in problems:
        print(f"{file.relative_to(ROOT)}:{number}: {problem}", file=sys.stderr)
    if problems:
        sys.exit(1)
    print(f"{len(pages)} pages, {seen} commands, {len(files)} files: all links lead somewhere, all commands exist")


if __name__ == "__main__":
    main()
