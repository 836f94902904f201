// Opens report.html as a person would and holds it to what it promises.
// node report.mjs REPORT [AXE.js]; CHROMIUM names the browser. Exit status 1 with a line for each failure.
import { readFileSync, statSync } from "node:fs";
import { pathToFileURL } from "node:url";
import { resolve } from "node:path";
import { open } from "./chromium.mjs";

const [file, axe] = process.argv.slice(2);
const failures = [];
const check = (holds, what) => { if (!holds) failures.push(what); };
const page = await open();
try {
  const url = pathToFileURL(resolve(file)).href;
  await page.size(1280, 900);
  await page.go(url);
  const took = await page.ask("performance.getEntriesByType('navigation')[0].loadEventEnd");
  console.log(`${statSync(file).size} bytes, loaded in ${Math.round(took)} ms`);

  check(page.requests.every((request) => request === url), `asks for nothing but itself: ${page.requests}`);
  check(await page.ask("document.scripts.length === 1"), "has one script, its own");
  check(await page.ask("document.documentElement.classList.contains('js')"), "its script runs under its policy");
  const refused = "new Promise((done) => { document.addEventListener('securitypolicyviolation', () => done(true)); " +
    "const script = document.createElement('script'); script.textContent = 'document.title = \"broken\"'; " +
    "document.body.append(script); setTimeout(() => done(false), 2000); })";
  const before = page.complaints.length;
  check(await page.ask(refused), "its policy refuses a foreign script");
  page.complaints.splice(before);

  const column = (table, place) => page.ask(
    `Array.from(document.getElementById("${table}").tBodies[0].rows, (row) => Number(row.cells[${place}].dataset.v))`);
  const click = (selector) => page.ask(`document.querySelector('${selector}').click()`);
  const sorted = (list, way) => list.every((value, at) => at === 0 || way * (value - list[at - 1]) >= 0);
  await click("#talk thead th:nth-child(7) button");
  check(sorted(await column("talk", 6), -1), "sorts numbers, the largest first");
  await click("#talk thead th:nth-child(7) button");
  check(sorted(await column("talk", 6), 1), "sorts numbers, the smallest first");
  check(await page.ask("document.querySelector('#talk th[aria-sort=ascending]') !== null"), "says how it is sorted");

  // What decides is in view without scrolling.
  const right = (id, title) => page.ask(
    `Array.from(document.getElementById("${id}").tHead.rows[0].cells).find((cell) => cell.textContent.includes("${title}")).getBoundingClientRect().right`);
  for (const [id, title] of [["talk", "Verdict"], ["talk", "Outcome"], ["matrix", "State"], ["matrix", "Blocked"]])
    {
    const edge = await right(id, title);
    check(edge < 1230, `shows ${title} of ${id} at 1280 pixels (${edge})`);
  }

  const shown = (table) => page.ask(
    `Array.from(document.getElementById("${table}").tBodies[0].rows).filter((row) => !row.hidden).length`);
  const type = (selector, text) => page.ask(
    `{ const box = document.querySelector('${selector}'); box.value = ${JSON.stringify(text)}; ` +
    "box.dispatchEvent(new Event('input')); }");
  const all = await shown("hosts");
  await type("input[data-table=hosts]", "gateway declared");
  const some = await shown("hosts");
  check(some > 0 && some < all, `filters the inventory (${some} of ${all})`);
  await type("input[data-table=hosts]", "");
  check(await shown("hosts") === all, "shows everything again");
  const cards = () => page.ask("document.querySelectorAll('#cards .card:not([hidden])').length");
  const every = await cards();
  await click(".chip.alert");
  check(await cards() < every, "leaves out a severity");
  await click(".chip.alert");
  check(await cards() === every, "takes it in again");

  for (const width of [1280, 390]) {
    await page.size(width, 900);
    const wide = await page.ask("document.documentElement.scrollWidth");
    check(wide <= width, `fits ${width} pixels (${wide})`);
  }
  // A4 within a browser's margins: what is wider makes it shrink everything.
  await page.send("Emulation.setEmulatedMedia", { media: "print" });
  await page.size(718, 1018);
  const sheet = await page.ask("document.documentElement.scrollWidth");
  check(sheet <= 718, `fits a sheet of A4 (${sheet})`);
  // On paper: the result, every finding with what to do, ports, picture and nodes; the long tables stay in the page.
  const printed = (id) => page.ask(`document.getElementById("${id}").offsetHeight > 0`);
  for (const id of ["summary", "findings", "ports", "picture", "nodes", "time", "capture"]) check(await printed(id), `prints ${id}`);
  for (const id of ["conversations", "inventory"]) check(!await printed(id), `keeps ${id} off the paper`);
  check(await page.ask("Array.from(document.querySelectorAll('.card .advice')).every((advice) => advice.offsetHeight > 0)"), "prints what to do");
  await page.send("Emulation.setEmulatedMedia", { media: "" });
  await page.size(1280, 900);
  const pdf = await page.pdf();
  const sheets = (pdf.toString("latin1").match(/\/Type\s*\/Page\b(?!s)/g) ?? []).length;
  check(sheets >= 4 && sheets <= 6, `prints on ${sheets} sheets`);
  await page.ask("document.querySelector('details.device').open = true");
  const more = ((await page.pdf()).toString("latin1").match(/\/Type\s*\/Page\b(?!s)/g) ?? []).length;
  check(more >= sheets && await page.ask("document.querySelector('details.device').open"), "prints a device that is opened");

  if (axe) {
    for (const scheme of ["light", "dark"]) {
      await page.scheme(scheme);
      await page.ask(readFileSync(axe, "utf8") + ";true");
      // It is to see the rows that a browser lays out only when they are scrolled to.
      await page.ask("document.styleSheets[0].insertRule('.long { content-visibility: visible !important }');true");
      const violations = await page.ask(
        "axe.run({ resultTypes: ['violations'] }).then((result) => result.violations.map((found) => " +
        "`${found.id} (${found.nodes.length}): ${found.nodes[0].html.slice(0, 160)} ${found.nodes[0].any.map((any) => any.message).join(' ').slice(0, 200)}`))");
      violations.forEach((violation) => failures.push(`${scheme}: axe: ${violation}`));
    }
  }
  check(page.dialogs() === 0, "opens no dialog");
  check(page.complaints.length === 0, `no console errors: ${page.complaints}`);
} finally {
  await page.close();
}
failures.forEach((failure) => console.error(`not so: ${failure}`));
process.exitCode = failures.length ? 1 : 0;
