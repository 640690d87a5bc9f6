// Opens a report.html in headless Chromium, light and dark, as on a telephone and on a screen, and checks what a reader
// would stumble over: errors, overflow, dead links, charts without their points, and what axe-core finds.
//
//   node check.mjs REPORT.html REPORT.json [FOLDER FOR PICTURES]
import { spawn } from "node:child_process";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";

const [page, model, pictures = ".artefacts"] = process.argv.slice(2);
const report = JSON.parse(readFileSync(model, "utf8"));
const axe = readFileSync(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "page-"));
mkdirSync(pictures, { recursive: true });
const flags = ["--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-pipe", `--user-data-dir=${folder}`];
const browser = spawn(process.env.CHROMIUM ?? "chromium", flags, { stdio: ["ignore", "ignore", "ignore", "pipe", "pipe"] });
const waiting = new Map();
const problems = [];
let last = 0, text = "", where = "", loaded = () => {};
browser.stdio[4].on("data", (data) => {
  text += data;
  const parts = text.split("\0");
  text = parts.pop();
  for (const part of parts) {
    const told = JSON.parse(part);
    if (told.id) waiting.get(told.id)?.(told);
    if (told.method === "Page.loadEventFired") loaded();
    if (told.method === "Log.entryAdded" && told.params.entry.level === "error") problems.push(`${where}: ${told.params.entry.text}`);
    if (told.method === "Runtime.exceptionThrown") problems.push(`${where}: ${told.params.exceptionDetails.text}`);
  }
});
const ask = (method, params = {}, sessionId) => new Promise((done, fail) => {
  const id = ++last;
  waiting.set(id, (told) => (told.error ? fail(new Error(`${method}: ${told.error.message}`)) : done(told.result)));
  browser.stdio[3].write(JSON.stringify({ id, method, params, sessionId }) + "\0");
});
const timer = setTimeout(() => { console.error("page: no answer within 60 s"); browser.kill("SIGKILL"); process.exit(1); }, 60_000);

const { targetId } = await ask("Target.createTarget", { url: "about:blank" });
const { sessionId } = await ask("Target.attachToTarget", { targetId, flatten: true });
const tell = (method, params) => ask(method, params, sessionId);
const run = async (expression) => {
  const { result, exceptionDetails } = await tell("Runtime.evaluate", { expression, awaitPromise: true, returnByValue: true });
  if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
  return result.value;
};
for (const name of ["Page", "Log", "Runtime"]) await tell(`${name}.enable`);

const ran = report.probes.filter((probe) => !probe["settled-by"] && !probe.remembered && probe.observation.curve.length);
const samples = ran.map((probe) => probe.observation.curve.length).filter((points) => points > 2).sort((a, b) => a - b);
const commits = report.probes.filter((probe) => probe.subject.kind === "commit").length;
const edges = report.explanation?.why.edges?.length ?? 0;
const flames = report.explanation?.drawn?.length ?? 0;
const expect = (what, is, wanted) => { if (JSON.stringify(is) !== JSON.stringify(wanted)) problems.push(`${where}: ${what}: ${JSON.stringify(is)}, not ${JSON.stringify(wanted)}`); };
const show = async (name, width, features, media = "") => {
  where = name;
  await tell("Emulation.setDeviceMetricsOverride", { width, height: 900, deviceScaleFactor: 1, mobile: width < 600 });
  await tell("Emulation.setEmulatedMedia", { media, features });
  const ready = new Promise((done) => { loaded = done; });
  await tell("Page.navigate", { url: pathToFileURL(resolve(page)).href });
  await ready;
  const { data } = await tell("Page.captureScreenshot", { captureBeyondViewport: true, format: "png" });
  writeFileSync(join(pictures, `report-${name}.png`), Buffer.from(data, "base64"));
};
// From 0, black, to 255.
const brightness = "getComputedStyle(document.body).backgroundColor.match(/[0-9]+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0) / 3";
for (const scheme of ["light", "dark"]) {
  for (const width of [390, 1280]) {
    await show(`${scheme}-${width}`, width, [{ name: "prefers-color-scheme", value: scheme }]);
    if ((await run(brightness) < 128) !== (scheme === "dark")) problems.push(`${where}: the page is not ${scheme}`);
    await run("document.querySelectorAll('details').forEach((part) => { part.open = true; })");
    expect("what is wider than the page", await run("document.documentElement.scrollWidth - document.documentElement.clientWidth"), 0);
    const lines = "[...document.querySelectorAll('svg.memory polyline')].filter((line) => ['#137333', '#B3261E', '#7A5900'].includes(line.getAttribute('stroke')))";
    // A mark at an end is a line of two points.
    const drawn = `${lines}.map((line) => line.points.length).filter((points) => points > 2).sort((a, b) => a - b)`;
    expect("points of memory", await run(drawn), samples);
    expect("marks of commits", await run("document.querySelectorAll('.mark').length"), 2 * commits);
    expect("derivations on the ring", await run("document.querySelectorAll('svg.ring .node').length"), Math.min(edges, 24));
    expect("flame graphs", await run("[...document.querySelectorAll('svg.flames')].filter((one) => one.querySelectorAll('rect').length > 1 && one.getBoundingClientRect().height > 30).length"), flames);
    expect("links that lead nowhere", await run("[...document.querySelectorAll('a[href^=\"#\"]')].map((a) => a.getAttribute('href').slice(1)).filter((id) => !document.getElementById(id))"), []);
    expect("links that are no plain web addresses", await run("[...document.querySelectorAll('a[href]')].map((a) => a.getAttribute('href')).filter((href) => !/^(#|https:\\/\\/[^@]*$)/.test(href))"), []);
    const found = await run(`${axe}; axe.run().then((all) => ({
      looked: all.passes.length > 10 && [...all.passes, ...all.violations].some((one) => one.id === 'color-contrast'),
      wrong: all.violations.filter((one) => ['serious', 'critical'].includes(one.impact)).map((one) => one.id + ': ' + one.nodes.map((node) => node.html.slice(0, 120)).join(' ')),
    }))`);
    expect("axe-core", found, { looked: true, wrong: [] });
  }
}
await show("print-1280", 1280, [{ name: "prefers-color-scheme", value: "dark" }], "print");
expect("brightness in print", await run(brightness), 255);
expect("the contents in print", await run("getComputedStyle(document.querySelector('nav')).display"), "none");
clearTimeout(timer);
const ended = new Promise((done) => browser.on("exit", done));
ask("Browser.close").catch(() => {});
await Promise.race([ended, new Promise((done) => setTimeout(done, 5_000))]);
try {
  rmSync(folder, { recursive: true, force: true, maxRetries: 10, retryDelay: 200 });
} catch {
  // A helper of the browser still writes there; it lies in the folder for temporary files.
}
problems.forEach((problem) => console.error(`page: ${problem}`));
console.log(problems.length ? `page: ${problems.length} problems` : `page: fine, light and dark, at 390 and 1280 px, and in print: ${samples.length} lines of memory, ${commits} commits, ${edges} derivations on the ring, ${flames} flame graphs`);
process.exit(problems.length ? 1 : 0);
