// The other side of the interop test, on npm's `standardwebhooks`: one JSON object a line in, one out.
//
// {"do": "sign", "secret", "id", "timestamp", "body"}                  -> {"signature"}
// {"do": "verify", "secret", "id", "timestamp", "signature", "body"}   -> {"verified": true or false}
//
// NODE_PATH names the folder that has the package.
const readline = require("node:readline");
const { Webhook, WebhookVerificationError } = require("standardwebhooks");

readline.createInterface({ input: process.stdin }).on("line", (line) => {
  const ask = JSON.parse(line);
  const webhook = new Webhook(ask.secret);
  let answer;
  if (ask.do === "sign") {
    answer = { signature: webhook.sign(ask.id, new Date(ask.timestamp * 1000), ask.body) };
  } else {
    const headers = {
      "webhook-id": ask.id,
      "webhook-timestamp": String(ask.timestamp),
      "webhook-signature": ask.signature,
    };
    try {
      webhook.verify(ask.body, headers, { jsonParse: false });
      answer = { verified: true };
    } catch (error) {
      if (!(error instanceof WebhookVerificationError)) throw error;
      answer = { verified: false };
    }
  }
  process.stdout.write(JSON.stringify(answer) + "\n");
});
