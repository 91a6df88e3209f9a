// asyncapi.js FILE…: what @asyncapi/parser says of each document. Ends with 1 where it finds an error.
//
// Environment: NODE_MODULES (the folder of the packages).
"use strict";

const fs = require("node:fs");
const path = require("node:path");
const { Parser } = require(path.join(process.env.NODE_MODULES, "@asyncapi/parser"));

const ERROR = 0;
const WARNING = 1;

async function main() {
  let wrong = 0;
  for (const file of process.argv.slice(2)) {
    const { document, diagnostics } = await new Parser().parse(fs.readFileSync(file, "utf8"));
    const told = diagnostics.filter((one) => one.severity === ERROR || one.severity === WARNING);
    for (const one of told) console.error(`${path.basename(file)}: ${one.path.join(".")}: ${one.message}`);
    if (!document || told.length) wrong++;
    else console.log(`${path.basename(file)}: AsyncAPI ${document.version()}, ${document.channels().all().length} channels, ${document.messages().all().length} messages: nothing wrong`);
  }
  process.exit(wrong ? 1 : 0);
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
