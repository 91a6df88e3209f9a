"""The other side of the interop test, on PyPI's `standardwebhooks`: one JSON object a line in, one out.

{"do": "sign", "secret", "id", "timestamp", "body"}                  -> {"signature"}
{"do": "verify", "secret", "id", "timestamp", "signature", "body"}   -> {"verified": true or false}
"""
import json
import sys
from datetime import datetime, timezone

from standardwebhooks import Webhook, WebhookVerificationError

for line in sys.stdin:
    ask = json.loads(line)
    webhook = Webhook(ask["secret"])
    if ask["do"] == "sign":
        at = datetime.fromtimestamp(ask["timestamp"], tz=timezone.utc)
        answer = {"signature": webhook.sign(ask["id"], at, ask["body"])}
    else:
        headers = {
            "webhook-id": ask["id"],
            "webhook-timestamp": str(ask["timestamp"]),
            "webhook-signature": ask["signature"],
        }
        try:
            webhook.verify(ask["body"], headers, json_parse=False)
            answer = {"verified": True}
        except WebhookVerificationError:
            answer = {"verified": False}
    print(json.dumps(answer), flush=True)
