// look.js SITE [SHOTS]: looks at rendered pages in headless Chromium, served under the strict policy that they
// are made for. Prints what is wrong and ends with 1, or says what was looked at. SHOTS: a folder for pictures.
//
// Environment: NODE_MODULES (the folder of the packages), CHROMIUM (the browser).
"use strict";

const fs = require("node:fs");
const http = require("node:http");
const path = require("node:path");
const need = (name) => require(path.join(process.env.NODE_MODULES, name));
const { chromium } = need("playwright-core");
const axe = fs.readFileSync(path.join(process.env.NODE_MODULES, "axe-core/axe.min.js"), "utf8");

const site = path.resolve(process.argv[2]);
const shots = process.argv[3];
const LIMIT = 100_000;
const POLICY = "default-src 'none'; style-src 'self'; script-src 'self'; form-action 'self'; base-uri 'none'";
const TYPES = { ".html": "text/html", ".css": "text/css", ".js": "text/javascript" };

const faults = [];
const fault = (where, what) => faults.push(`${where}: ${what}`);

function walk(folder) {
  return fs.readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    const full = path.join(folder, entry.name);
    return entry.isDirectory() ? walk(full) : [path.relative(site, full)];
  });
}

function serve() {
  const server = http.createServer((request, response) => {
    const name = path.join(site, decodeURIComponent(new URL(request.url, "http://x").pathname));
    if (!name.startsWith(site + path.sep) || !fs.existsSync(name)) return response.writeHead(404).end();
    const type = TYPES[path.extname(name)] || "text/plain";
    response.writeHead(200, { "content-type": `${type}; charset=utf-8`, "content-security-policy": POLICY });
    response.end(fs.readFileSync(name));
  });
  return new Promise((done) => server.listen(0, "127.0.0.1", () => done(server)));
}

// The pages that are looked at in full: the index, the largest, the smallest, and some between, by size.
function chosen(pages) {
  const contracts = pages.filter((page) => page.includes("/"))
    .sort((a, b) => fs.statSync(path.join(site, b)).size - fs.statSync(path.join(site, a)).size);
  const step = Math.max(1, Math.floor(contracts.length / 2));
  const some = contracts.filter((_, n) => n % step === 0 || n === contracts.length - 1);
  return [...pages.filter((page) => !page.includes("/")), ...some];
}

async function main() {
  const files = walk(site);
  const pages = files.filter((name) => name.endsWith(".html"));
  for (const page of pages) {
    const size = fs.statSync(path.join(site, page)).size;
    if (size >= LIMIT) fault(page, `${size} bytes; a page has less than ${LIMIT}`);
  }
  const server = await serve();
  const at = `http://127.0.0.1:${server.address().port}/`;
  const browser = await chromium.launch({ executablePath: process.env.CHROMIUM, args: ["--no-sandbox"] });
  try {
    await everyPage(browser, at, pages, new Set(files));
    for (const page of chosen(pages)) await inFull(browser, at, page);
    await withoutScript(browser, at, pages);
  } finally {
    await browser.close();
    server.close();
  }
  if (faults.length) {
    console.error(faults.join("\n"));
    process.exit(1);
  }
  const largest = Math.max(...pages.map((page) => fs.statSync(path.join(site, page)).size));
  console.log(`${pages.length} pages: links, sizes (largest ${largest} bytes), 320 px; ${chosen(pages).length} of them by axe, both schemes, 1280 and 390 px, all open: nothing wrong`);
}

// Every page: it asks nobody else, breaks no policy, fits into 320 px, and its links lead somewhere.
async function everyPage(browser, at, pages, files) {
  const context = await browser.newContext({ viewport: { width: 320, height: 640 } });
  const tab = await context.newPage();
  let now = "";
  tab.on("console", (message) => { if (message.type() === "error") fault(now, message.text()); });
  tab.on("pageerror", (error) => fault(now, error.message));
  tab.on("request", (request) => { if (!request.url().startsWith(at)) fault(now, `asks ${request.url()}`); });
  const links = [];
  const anchors = {};
  for (const page of pages) {
    now = page;
    await tab.goto(at + page);
    await tab.evaluate(() => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
    const seen = await tab.evaluate(() => ({
      wide: document.documentElement.scrollWidth,
      links: [...document.querySelectorAll("a[href], link[href], script[src]")].map((a) => a.href || a.src),
      ids: [...document.querySelectorAll("[id]")].map((part) => part.id),
    }));
    if (seen.wide > 320) fault(page, `is ${seen.wide} px wide where there are 320`);
    anchors[page] = new Set(seen.ids);
    links.push(...seen.links.map((link) => [page, link]));
  }
  for (const [page, link] of links) {
    const to = new URL(link);
    const name = decodeURIComponent(to.pathname.slice(1));
    if (!link.startsWith(at)) fault(page, `leads to another site: ${link}`);
    else if (!files.has(name)) fault(page, `leads to ${name}, which is not there`);
    else if (to.hash && !anchors[name]?.has(decodeURIComponent(to.hash.slice(1)))) fault(page, `leads to ${name}${to.hash}, which is not there`);
  }
  await context.close();
}

// Both schemes, wide and narrow, all parts open: no violation of WCAG 2.2 AA or of good practice.
async function inFull(browser, at, page) {
  for (const colorScheme of ["light", "dark"]) {
    for (const width of [1280, 390]) {
      const context = await browser.newContext({ viewport: { width, height: 800 }, colorScheme });
      const tab = await context.newPage();
      await tab.goto(at + page);
      if (shots) {
        const name = `${page.replaceAll("/", "-")}-${width}-${colorScheme}`;
        await tab.screenshot({ path: path.join(shots, `${name}.png`) });
      }
      await tab.evaluate(() => document.querySelectorAll("details").forEach((part) => { part.open = true; }));
      // Through the debugger, which the page's policy does not bind.
      await tab.evaluate(axe);
      const found = await tab.evaluate(() => globalThis.axe.run({
        runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
      }));
      for (const rule of found.violations) {
        const first = rule.nodes[0];
        fault(`${page}, ${width} px, ${colorScheme}`, `${rule.id} (${rule.nodes.length}): ${rule.help}: ${first.html.slice(0, 160)} ${first.any[0]?.message ?? ""}`);
      }
      if (shots && width === 390) await tab.screenshot({ path: path.join(shots, `${page.replaceAll("/", "-")}-open-${colorScheme}.png`), fullPage: true });
      await context.close();
    }
  }
}

// With scripts switched off the text is there, and the index's filters hide rows.
async function withoutScript(browser, at, pages) {
  const context = await browser.newContext({ javaScriptEnabled: false, viewport: { width: 1280, height: 800 } });
  const tab = await context.newPage();
  for (const page of chosen(pages)) {
    await tab.goto(at + page);
    const words = (await tab.locator("main").innerText()).split(/\s+/).length;
    if (words < 300) fault(page, `shows only ${words} words without JavaScript`);
  }
  await tab.goto(at + "index.html");
  const rows = tab.locator("table.cat tbody tr");
  const all = await rows.count();
  const visible = async () => {
    let n = 0;
    for (const row of await rows.all()) if (await row.isVisible()) n++;
    return n;
  };
  const one = await tab.locator("#s option").nth(1).getAttribute("value");
  const expected = await tab.locator(`table.cat tr[data-s="${one}"]`).count();
  await tab.selectOption("#s", one);
  const left = await visible();
  if (left !== expected || expected >= all) fault("index.html", `the filter by subject ${one} leaves ${left} of ${all} rows; expected ${expected}`);
  if (await tab.locator("input[type=search]").count()) fault("index.html", "a search box without JavaScript does nothing");
  await context.close();
}

main().catch((error) => {
  console.error(error);
  process.exit(1);
});
