#!/usr/bin/env python3
"""Writes signing.json beside itself: what a verifier of ours must answer, made with Python's own hmac so
that it depends on no implementation under test. Run it, and read the difference, when a case is added.

The cases: those that the Standard Webhooks libraries test, and those where the specification can be read
in two ways (ids that hold dots, a header that is there twice).
"""
import base64
import hashlib
import hmac
import json
import pathlib

NOW = 1614265330
ID = "msg_p5jXN8AQM9LWM0D4loKWxJek"
BODY = '{"test": 2432232314}'
SECRETS = {
    "library": "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw",
    "new": "whsec_" + base64.b64encode(bytes(range(32))).decode(),
    "other-source": "whsec_" + base64.b64encode(bytes(range(100, 164))).decode(),
}


def mac(secret, id, timestamp, body):
    key = base64.b64decode(SECRETS[secret].removeprefix("whsec_"))
    body = body.encode() if isinstance(body, str) else body
    return base64.b64encode(hmac.new(key, f"{id}.{timestamp}.".encode() + body, hashlib.sha256).digest()).decode()


VECTORS = []


def case(name, expect, *, id=ID, timestamp=NOW, body=BODY, now=NOW, secrets=("library",), signatures=None, ids=None,
         timestamps=None, lists=None, signer="library"):
    """`signatures` is the header's text with {} for the right signature; `ids`, `timestamps`, `lists` are all
    values of a header, where there is not exactly one."""
    right = "v1," + mac(signer, id, timestamp, body)
    text = (signatures or "{}").replace("{}", right)
    raw = body.encode() if isinstance(body, str) else body
    VECTORS.append({
        "name": name,
        "secrets": list(secrets),
        "now": now,
        "webhook-id": ids if ids is not None else [str(id)],
        "webhook-timestamp": timestamps if timestamps is not None else [str(timestamp)],
        "webhook-signature": lists if lists is not None else [text],
        "body_base64": base64.b64encode(raw).decode(),
        "expect": expect,
    })


bad = "v1," + base64.b64encode(bytes(32)).decode()
right = "v1," + mac("library", ID, NOW, BODY)

# What the libraries test.
case("the libraries' own vector", "library")
case("no id", "header-missing", ids=[])
case("no timestamp", "header-missing", timestamps=[])
case("no signature", "header-missing", lists=[])
case("a timestamp that is no number", "header-timestamp", timestamps=["hello"])
case("a signature that is wrong in one character", "signature", signatures=right[:-4] + ("A" if right[-4] != "A" else "B") + right[-3:])
case("a signature of another body", "signature", lists=["v1," + mac("library", ID, NOW, BODY + " ")])
case("exactly as old as is borne", "library", timestamp=NOW - 300)
case("a second older", "clock", timestamp=NOW - 301)
case("exactly as new as is borne", "library", timestamp=NOW + 300)
case("a second newer", "clock", timestamp=NOW + 301)
case("several signatures and unknown versions", "library", signatures=f"{bad} v2,Ceo5qEr07ixe2NLpvHk3FH9bwy/WavXrAFQ/9tdO6mc= {{}} v1a,AAAA")
case("the right one first", "library", signatures=f"{{}} {bad}")
case("unknown versions only", "signature", lists=["v2," + right[3:]])
case("no version", "signature", lists=[right[3:]])
case("an empty list", "signature", lists=[""])
# Two secrets, for a rotation without a pause.
case("two secrets, signed with the first", "library", secrets=("library", "new"))
case("two secrets, signed with the second", "new", secrets=("library", "new"), signer="new")
case("two secrets, signed with both", "library", secrets=("library", "new"), signatures="v1," + mac("new", ID, NOW, BODY) + " {}")
case("one secret, signed with both", "library", signatures="v1," + mac("new", ID, NOW, BODY) + " {}")
case("signed with a secret that was dropped", "signature", secrets=("new",))
case("signed with another source's secret", "signature", signer="other-source")
case("no secret at all: an unknown source", "signature", secrets=())
case("signed with an empty key", "signature", lists=["v1," + base64.b64encode(hmac.new(b"", f"{ID}.{NOW}.{BODY}".encode(), hashlib.sha256).digest()).decode()])
case("signed with 32 zero bytes, no secret", "signature", secrets=(), lists=["v1," + base64.b64encode(hmac.new(bytes(32), f"{ID}.{NOW}.{BODY}".encode(), hashlib.sha256).digest()).decode()])
# A wrong clock is told only to who has the secret.
case("old and wrong", "signature", timestamp=NOW - 301, lists=[bad])
case("of 1970", "clock", timestamp=0)
case("far in the future", "clock", timestamp=99999999999)
# id.timestamp.body must be readable in one way only.
case("an id with a dot: the shifted request", "header-id", id="a.1700000000", timestamp=NOW)
case("the request it was shifted from", "library", id="a", timestamp=NOW, body='1700000000.[{}]')
case("a dot in the timestamp", "header-timestamp", timestamps=[f"{NOW}.0"])
case("a timestamp with a sign", "header-timestamp", timestamps=[f"+{NOW}"])
case("a negative timestamp", "header-timestamp", timestamp=-1)
case("a timestamp with a space", "header-timestamp", timestamps=[f"{NOW} 1"])
case("an empty timestamp", "header-timestamp", timestamps=[""])
case("a timestamp in hexadecimal", "header-timestamp", timestamps=["0x6037bb32"])
case("a timestamp of 13 digits: milliseconds", "header-timestamp", timestamp=NOW * 1000)
case("a timestamp with a zero before it that was not signed so", "signature", timestamps=[f"0{NOW}"])
case("an empty id", "header-id", ids=[""])
case("an id of 64 characters", "library", id="a" * 64)
case("an id of 65 characters", "header-id", id="a" * 65)
case("an id with every character that may be in it", "library", id="AZaz09-_")
case("an id with a space", "header-id", id="a b")
case("an id with a slash", "header-id", id="a/b")
case("an id of one of our answers", "reserved-id", id="wanted-abc")
case("an id of the other kind of our answers", "reserved-id", id="trace-abc")
case("an id that only resembles one", "library", id="Wanted-abc")
# One value of each.
case("two ids", "header-repeated", ids=[ID, ID])
case("two timestamps", "header-repeated", timestamps=[str(NOW), str(NOW)])
case("two signature headers", "header-repeated", lists=[right, right])
case("16 signatures", "library", signatures=" ".join([bad] * 15) + " {}")
case("17 signatures", "header-signature", signatures=" ".join([bad] * 16) + " {}")
case("17 signatures of unknown versions and the right one", "library", signatures=" ".join(["v2,AAAA"] * 17) + " {}")
# What no MAC looks like.
case("no base64", "signature", lists=["v1,!!!!"])
case("a MAC that is cut", "signature", lists=[right[:-8]])
case("a MAC with more behind it", "signature", lists=["v1," + base64.b64encode(base64.b64decode(right[3:]) + b"x").decode()])
case("tabs between signatures", "signature", signatures=f"{bad}\t{{}}")
case("two spaces between signatures", "library", signatures=f"{bad}  {{}}")
case("V1 in upper case", "signature", lists=["V1," + right[3:]])
# Bodies are bytes.
case("an empty body", "library", body="")
case("every byte value", "library", body=bytes(range(256)))
case("no UTF-8", "library", body=b"\xff\xfe\x00.\x00")
case("a line end more", "signature", body=BODY + "\n", lists=[right])
case("a page of memory", "library", body="x" * 4096)

SECRET_FORMS = [
    {"text": SECRETS["library"], "expect": "ok"},
    {"text": SECRETS["library"].removeprefix("whsec_"), "expect": "prefix"},
    {"text": "", "expect": "prefix"},
    {"text": "whsec_", "expect": "short"},
    {"text": "whsec_" + base64.b64encode(bytes(23)).decode(), "expect": "short"},
    {"text": "whsec_" + base64.b64encode(bytes(24)).decode(), "expect": "ok"},
    {"text": "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD=", "expect": "base64"},
    {"text": "whsec_ not base64", "expect": "base64"},
]

path = pathlib.Path(__file__).with_name("signing.json")
path.write_text(json.dumps({
    "about": "Made by make_signing.py. `expect` is the id of the secret that verifies it, or the kind of the refusal.",
    "secrets": SECRETS,
    "vectors": VECTORS,
    "secret_forms": SECRET_FORMS,
}, indent=1) + "\n")
print(len(VECTORS), "vectors,", len(SECRET_FORMS), "forms of secrets")
