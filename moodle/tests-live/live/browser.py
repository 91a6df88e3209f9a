"""A person with a browser, a step of the suite as a web request, and a client of Moodle's web services."""

import html
import http.cookiejar
import json
import re
import time
import urllib.error
import urllib.parse
import urllib.request

from .moodle import PASSWORD, Moodle
from .processes import Failed


def flat(values: dict, prefix: str = "") -> list[tuple[str, str]]:
    """PHP's form of nested values: a[b][0]=c."""
    pairs: list[tuple[str, str]] = []
    items = values.items() if isinstance(values, dict) else enumerate(values)
    for key, value in items:
        name = f"{prefix}[{key}]" if prefix else str(key)
        if isinstance(value, (dict, list)):
            pairs += flat(value, name)
        elif value is not None:
            pairs.append((name, str(int(value)) if isinstance(value, bool) else str(value)))
    return pairs


class Browser:
    """One session, with its cookies."""

    def __init__(self, moodle: Moodle, user: str = ""):
        self.moodle = moodle
        self.opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(http.cookiejar.CookieJar()))
        self.took = 0.0
        self.user = user
        if user:
            self.log_in(user)

    def open(self, path: str, form: dict | None = None, fine: tuple[int, ...] = (200,), seconds: float = 120) -> str:
        """Fetches a page, or posts a form; its text. `took` is how long that was."""
        url = path if path.startswith("http") else f"{self.moodle.url}/{path}"
        data = None if form is None else urllib.parse.urlencode(flat(form)).encode()
        began = time.monotonic()
        try:
            with self.opener.open(url, data, timeout=seconds) as answer:
                text, status = answer.read().decode("utf-8", "replace"), answer.status
                self.at = answer.geturl()
        except urllib.error.HTTPError as error:
            text, status = error.read().decode("utf-8", "replace"), error.code
        except OSError as error:
            raise Failed(f"{path} gave no page: {error}") from None
        finally:
            self.took = time.monotonic() - began
        if status not in fine:
            raise Failed(f"{path} was answered {status}:\n{readable(text)[:1500]}")
        return text

    def log_in(self, user: str, password: str = PASSWORD) -> None:
        page = self.open("login/index.php")
        token = re.search(r'name="logintoken" value="(\w+)"', page)
        page = self.open("login/index.php", {"logintoken": token[1] if token else "", "username": user, "password": password})
        if "login/logout.php" not in page:
            raise Failed(f"{user} could not log in: {readable(page)[:500]}")

    def sesskey(self, page: str = "") -> str:
        found = re.search(r'"sesskey":"(\w+)"', page or self.open("user/profile.php"))
        if not found:
            raise Failed("the page holds no sesskey")
        return found[1]


def readable(page: str) -> str:
    """The words of a page."""
    page = re.sub(r"(?s)<(script|style|head)\b.*?</\1>", " ", page)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", page))).strip()


class Steps:
    """Runs steps of the suite (site/witness/steps) in Moodle."""

    def __init__(self, moodle: Moodle):
        self.moodle = moodle

    def web(self, name: str, user: str = "admin", /, **arguments):
        """As a web request of its own; what the step returns."""
        nocookies = arguments.pop("nocookies", None)
        form = {"step": name, "as": user, "arguments": json.dumps(arguments), "nocookies": nocookies}
        return self.read(name, Browser(self.moodle).open("local/witness/step.php", form, fine=(200, 500), seconds=300))

    def cli(self, name: str, user: str = "admin", /, **arguments):
        """As a command line."""
        script = self.moodle.in_web("local/witness/cli.php")
        return json.loads(self.moodle.cli(script, name, user, json.dumps(arguments)).splitlines()[-1])

    def read(self, name: str, text: str):
        try:
            answer = json.loads(text)
        except ValueError:
            raise Failed(f"the step {name} did not answer in JSON: {text[:1500]}") from None
        if "result" not in answer:
            raise Failed(f"the step {name} failed: {answer.get('error', answer)}")
        return answer["result"]


class WebService:
    """A client of Moodle's REST interface, with one person's token."""

    def __init__(self, moodle: Moodle, token: str):
        self.moodle = moodle
        self.token = token

    def __call__(self, function: str, **arguments):
        form = arguments | {"wstoken": self.token, "wsfunction": function, "moodlewsrestformat": "json"}
        answer = json.loads(Browser(self.moodle).open("webservice/rest/server.php", form) or "null")
        if isinstance(answer, dict) and "exception" in answer:
            raise Failed(f"{function}: {answer}")
        return answer
