// Visits every page of an offline package (a folder) or of a portal (an address) in a real browser and checks it.
//
//   node pages.mjs FOLDER|ADDRESS [--screenshots FOLDER] [--pages N]
//   node pages.mjs --self-test
//
// An address may be the portal's one-time login link. Each page is visited at the width of a telephone and of a desktop,
// with and without JavaScript, and a portal's forms about access are submitted. Exit code 0: nothing found; 1: findings, one a line; 2: the test itself could not run.
import { access, mkdir, readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { parseArgs } from "node:util";
import { chromium } from "playwright-core";
import { forms } from "./forms.mjs";

const AXE = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const RULES = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"];
const TELEPHONE = { name: "telephone", width: 390, height: 844 };
const DESKTOP = { name: "desktop", width: 1280, height: 900 };
const PASSES = [
  { view: TELEPHONE, javaScript: true, colours: "light" },
  { view: TELEPHONE, javaScript: false, colours: "light" },
  { view: DESKTOP, javaScript: true, colours: "light" },
  { view: DESKTOP, javaScript: false, colours: "light" },
  { view: DESKTOP, javaScript: true, colours: "dark" },
];
// At most this many pages of one kind (paths that differ in numbers only), so that a large package stays affordable.
const OF_ONE_KIND = 3;

/** What is visited: where it begins, and what belongs to it. */
async function target(text) {
  if (/^https?:\/\//.test(text)) {
    const start = new URL(text);
    return { start: start.href, inside: (url) => url.origin === start.origin, files: false };
  }
  const folder = path.resolve(text);
  await access(path.join(folder, "index.html"));
  const root = pathToFileURL(folder + path.sep).href;
  return { start: root + "index.html", inside: (url) => url.href.startsWith(root), files: true };
}

const withoutFragment = (url) => Object.assign(new URL(url), { hash: "" }).href;
const isPage = (url) => !/\.(csv|json|ndjson|md|css|checkpoint|tlog-proof)$/.test(url.pathname) && !/\/(checkpoint|tlog-proof)$/.test(url.pathname);
const kind = (url) => new URL(url).pathname.replace(/[0-9]+/g, "N");

/** One pass over all pages with one width, with or without JavaScript. */
async function pass(browser, where, { view, javaScript, colours, state, screenshots, most, findings, seen }) {
  const context = await browser.newContext({
    viewport: { width: view.width, height: view.height },
    javaScriptEnabled: javaScript,
    storageState: state,
    colorScheme: colours,
    reducedMotion: "reduce",
  });
  const page = await context.newPage();
  page.setDefaultTimeout(20_000);
  const label = `${view.name}, ${colours}, ${javaScript ? "with" : "without"} JavaScript`;
  let current = where.start;
  const finding = (text) => findings.push(`${current} (${label}): ${text}`);
  page.on("console", (message) => message.type() === "error" && finding(`console: ${message.text()}`));
  page.on("pageerror", (error) => finding(`script error: ${error.message}`));
  page.on("requestfailed", (request) => finding(`failed to load ${request.url()}`));
  page.on("request", (request) => {
    if (!request.url().startsWith("data:") && !where.inside(new URL(request.url()))) finding(`asks for ${request.url()}`);
  });

  const queue = [where.start];
  const found = new Set(queue.map(withoutFragment));
  const kinds = new Map();
  const files = new Set();
  const fragments = [];
  const anchors = new Map();
  let visited = 0;
  while (queue.length > 0 && visited < most) {
    current = queue.shift();
    const response = await page.goto(current, { waitUntil: "load" }).catch((error) => {
      finding(`cannot be opened: ${error.message.split("\n")[0]}`);
      return null;
    });
    if (!response) {
      // The browser's own error page is still arriving: leave it before the next page is asked for.
      await page.goto("about:blank").catch(() => undefined);
      continue;
    }
    if (!where.files && response.status() !== 200) finding(`answers ${response.status()}`);
    visited += 1;
    const facts = await page.evaluate(() => ({
      links: [...document.querySelectorAll("a[href], area[href]")].map((link) => link.href),
      ids: [...document.querySelectorAll("[id]")].map((element) => element.id),
      scripts: document.querySelectorAll("script").length,
      handlers: [...document.querySelectorAll("*")].filter((e) => [...e.attributes].some((a) => /^on/i.test(a.name))).length,
      wide: document.documentElement.scrollWidth - document.documentElement.clientWidth,
      widest: [...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > document.documentElement.clientWidth + 1).slice(0, 3).map((e) => e.outerHTML.slice(0, 100)),
      text: document.body.innerText,
    }));
    anchors.set(withoutFragment(page.url()), new Set(facts.ids));
    if (new Set(facts.ids).size < facts.ids.length) finding("has an id twice");
    if (facts.scripts > 0 || facts.handlers > 0) finding("holds a script");
    if (facts.wide > 0) finding(`is ${facts.wide} px wider than the window: ${facts.widest.join(" | ")}`);
    if (!/as of checkpoint/i.test(facts.text)) finding("does not say as of which checkpoint it is");
    if (/\b(compliant|certified)\b/i.test(facts.text)) finding("claims more than evidence can");
    // axe waits for timers, which do not run without JavaScript; the document is the same one, since it holds no script.
    if (javaScript) await accessibility(page, finding);
    if (javaScript && screenshots) await shoot(page, screenshots, `${view.name}-${colours}`);
    if (view === DESKTOP && javaScript && colours === "light") await print(page, finding);
    for (const href of facts.links) {
      const url = new URL(href);
      if (!where.inside(url)) {
        finding(`links to ${href}`);
        continue;
      }
      if (url.hash) fragments.push([current, href]);
      const plain = withoutFragment(href);
      if (found.has(plain)) continue;
      found.add(plain);
      if (!isPage(url)) files.add(plain);
      else if ((kinds.get(kind(plain)) ?? 0) < OF_ONE_KIND) {
        kinds.set(kind(plain), (kinds.get(kind(plain)) ?? 0) + 1);
        queue.push(plain);
      } else files.add(plain);
    }
  }
  for (const [from, href] of fragments) {
    const ids = anchors.get(withoutFragment(href));
    current = from;
    if (ids && !ids.has(decodeURIComponent(new URL(href).hash.slice(1)))) finding(`links to ${href}, which has no such place`);
  }
  for (const file of files) {
    current = file;
    const problem = where.files
      ? await access(fileURLToPath(file)).then(() => null, () => "does not exist")
      : await context.request.get(file).then((answer) => (answer.ok() ? null : `answers ${answer.status()}`));
    if (problem) finding(problem);
  }
  seen.push({ label, visited, files: files.size, left: queue.length });
  const after = await context.storageState();
  await context.close();
  return after;
}

async function accessibility(page, finding) {
  const violations = await page.evaluate(
    async ([source, rules]) => {
      if (!window.axe) (0, eval)(source);
      const result = await window.axe.run(document, { runOnly: rules, preload: false });
      return result.violations.map((v) => `${v.id}: ${v.help} (${v.nodes.length}): ${v.nodes[0].html.slice(0, 160)}`);
    },
    [AXE, RULES],
  );
  for (const violation of violations) finding(`axe ${violation}`);
}

async function print(page, finding) {
  const pdf = await page.pdf({ format: "A4" });
  const text = pdf.toString("latin1");
  if (!text.startsWith("%PDF-") || pdf.length < 5000 || !/\/Type\s*\/Page\b/.test(text)) finding(`prints an empty document (${pdf.length} bytes)`);
}

async function shoot(page, folder, manner) {
  const url = new URL(page.url());
  const name = (url.pathname.split("/").slice(-3).join("_") + url.search).replace(/[^A-Za-z0-9._-]+/g, "_") || "root";
  // A page of thousands of rows is taller than a picture may be: its top shows the same.
  const tall = (await page.evaluate(() => document.documentElement.scrollHeight)) > 15_000;
  await page.screenshot({ fullPage: !tall, path: path.join(folder, `${manner}-${name}.png`) });
}

async function check(text, { screenshots, most }) {
  const where = await target(text);
  if (screenshots) await mkdir(screenshots, { recursive: true });
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: [
      "--no-sandbox",
      "--disable-gpu",
      "--disable-dev-shm-usage",
      "--disable-background-networking",
      "--disable-component-update",
      "--host-resolver-rules=MAP * ~NOTFOUND , EXCLUDE 127.0.0.1",
    ],
  });
  const findings = [];
  const seen = [];
  let submitted = 0;
  try {
    let state;
    for (const manner of PASSES) {
      state = await pass(browser, where, { ...manner, state, screenshots, most, findings, seen });
      // The login link works once; after it the cookie does.
      if (!where.files && new URL(where.start).pathname === "/login") where.start = new URL("/", where.start).href;
    }
    if (!where.files) submitted = await forms(browser, where.start, state, (text) => findings.push(text));
  } finally {
    await browser.close();
  }
  return { findings: [...new Set(findings)], seen, submitted };
}

/** A page with one fault of each sort: every check must find its own. */
async function selfTest() {
  const folder = fileURLToPath(new URL("faults", import.meta.url));
  const { findings } = await check(folder, { most: 10 });
  const expected = {
    "off-origin request": /asks for http/,
    "console error": /console: /,
    "script": /holds a script/,
    "wide page": /wider than the window/,
    "no checkpoint": /as of which checkpoint/,
    "claim": /claims more/,
    "accessibility": /axe image-alt/,
    "missing file": /does not exist/,
    "missing page": /cannot be opened/,
    "missing place": /no such place/,
    "foreign link": /links to https:/,
    "id twice": /has an id twice/,
  };
  const missed = Object.entries(expected).filter(([, pattern]) => !findings.some((text) => pattern.test(text)));
  return missed.map(([name]) => `self-test: the fault "${name}" was not found`);
}

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { screenshots: { type: "string" }, pages: { type: "string", default: "120" }, "self-test": { type: "boolean" } },
});
let findings;
try {
  if (values["self-test"]) {
    findings = await selfTest();
  } else if (positionals.length !== 1) {
    throw new Error("usage: node pages.mjs FOLDER|ADDRESS [--screenshots FOLDER] [--pages N] | --self-test");
  } else {
    const result = await check(positionals[0], { screenshots: values.screenshots, most: Number(values.pages) });
    findings = result.findings;
    for (const { label, visited, files, left } of result.seen) {
      console.log(`${label}: ${visited} pages visited, ${files} files reached${left > 0 ? `, ${left} pages left out` : ""}`);
      if (visited < 3) findings.push(`${label}: only ${visited} pages were reached`);
    }
    if (result.submitted > 0) console.log(`${result.submitted} forms were submitted by keyboard`);
  }
} catch (error) {
  console.error(error.message);
  process.exit(2);
}
for (const finding of findings) console.log(finding);
console.log(findings.length === 0 ? "nothing found" : `${findings.length} findings`);
process.exit(findings.length === 0 ? 0 : 1);
