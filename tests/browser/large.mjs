// Opens the report of a large survey and holds the browser's work to bounds that a busy machine does not move.
// node large.mjs REPORT; CHROMIUM names the browser. Exit status 1 with a line for each failure.
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { open } from "./chromium.mjs";

const RUNS = 3;
const file = resolve(process.argv[2]);
const folder = mkdtempSync(join(tmpdir(), "igorscope-large-"));
const failures = [];
const check = (holds, what) => { if (!holds) failures.push(what); };

/** What loading a page took, in a browser of its own. */
async function load(path) {
  const page = await open();
  try {
    await page.size(1280, 900);
    await page.send("Performance.enable");
    await page.go(pathToFileURL(path).href);
    const time = await page.ask("performance.getEntriesByType('navigation')[0].loadEventEnd");
    const elements = await page.ask("document.querySelectorAll('*').length");
    const { metrics } = await page.send("Performance.getMetrics");
    const metric = (name) => metrics.find((metric) => metric.name === name).value;
    return { time, elements, boxes: metric("LayoutObjects"), work: metric("TaskDuration") };
  } finally {
    await page.close();
  }
}

try {
  // The same page with every row laid out at once (a changed style needs another policy: none), and an empty one.
  const text = readFileSync(file, "utf8");
  const whole = join(folder, "whole.html");
  const changed = text.replace(/<meta http-equiv="Content-Security-Policy"[^>]*>/, "").replace("content-visibility:auto", "");
  check(changed.length < text.length - 100, "has a policy and lays out long tables when they are wanted");
  writeFileSync(whole, changed);
  const empty = join(folder, "empty.html");
  writeFileSync(empty, "<!doctype html><html lang=\"en\"><title>Empty</title><p>Empty");

  const runs = { report: [], whole: [], empty: [] };
  for (let run = 0; run < RUNS; run += 1) {
    runs.report.push(await load(file));
    runs.whole.push(await load(whole));
    runs.empty.push(await load(empty));
  }
  const least = (name, key) => Math.min(...runs[name].map((run) => run[key]));
  for (const [name, list] of Object.entries(runs)) {
    const times = list.map((run) => `${Math.round(run.time)} ms`).join(", ");
    console.log(`${name}: loaded in ${times}; ${list[0].elements} elements, ${list[0].boxes} boxes`);
  }
  const { elements, boxes } = runs.report[0];
  check(elements < 30_000, `has few elements (${elements})`);
  check(boxes < 8_000, `lays out little before it is scrolled (${boxes} boxes)`);
  check(boxes * 5 < runs.whole[0].boxes, `lays out long tables later (${boxes} of ${runs.whole[0].boxes} boxes)`);
  const [report, at_once] = [least("report", "work"), least("whole", "work")];
  // Told, not asserted: the machine may be busy.
  console.log(`work until loaded: ${report.toFixed(2)} s, laid out at once ${at_once.toFixed(2)} s`);
} finally {
  rmSync(folder, { recursive: true, force: true });
}
failures.forEach((failure) => console.error(`not so: ${failure}`));
process.exitCode = failures.length ? 1 : 0;
