// Makes the pictures of docs/images from the sample survey: the report in light and dark and on a telephone, and the summary in
// 80 and 160 columns. node scripts/screenshots.mjs [IGORSCOPE]; CHROMIUM names the browser.
import { execFileSync } from "node:child_process";
import { mkdtempSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { open } from "../tests/browser/chromium.mjs";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const igorscope = resolve(process.argv[2] ?? join(root, "target/release/igorscope"));
const images = join(root, "docs/images");
const folder = mkdtempSync(join(tmpdir(), "igorscope-pictures-"));
const sample = ["analyze", "captures/site-survey.pcapng", "--inventory", "captures/site-survey.toml"];
const page = await open();

async function picture(name, url, [width, height], scheme) {
  await page.send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value: scheme }] });
  await page.size(width, height);
  await page.go(url);
  const { data } = await page.send("Page.captureScreenshot", { format: "webp", quality: 75 });
  writeFileSync(join(images, name), Buffer.from(data, "base64"));
}

// What a terminal of so many columns shows, as a page: the colours are those of ECMA-48's SGR.
function terminal(columns) {
  const command = `stty cols ${columns} rows 50; ${[igorscope, ...sample].map((word) => `'${word}'`).join(" ")} 2>/dev/null`;
  const text = execFileSync("script", ["-qec", command, "/dev/null"], { cwd: root, env: { ...process.env, TERM: "xterm" } });
  const colours = { 1: "font-weight:700", 2: "opacity:.6", 31: "color:#f66", 32: "color:#6c6", 33: "color:#dc6", 36: "color:#6cd" };
  const lines = text.toString().replaceAll("\r", "").replace(/[&<>]/g, (c) => `&#${c.charCodeAt(0)};`);
  const html = lines.replace(/\x1b\[([\d;]*)m/g, (_, codes) =>
    codes === "0" || codes === "" ? "</span>" : `<span style="${codes.split(";").map((code) => colours[code] ?? "").join(";")}">`);
  const file = join(folder, `${columns}.html`);
  writeFileSync(file, `<!doctype html><meta charset="utf-8"><body style="margin:0;background:#161b22"><pre style="color:#dde;font:14px/1.3 monospace;padding:1em;margin:0">${html}</pre>`);
  return pathToFileURL(file).href;
}

try {
  mkdirSync(images, { recursive: true });
  execFileSync(igorscope, [...sample, "-q", "-o", folder, "--format", "html"], { cwd: root });
  const report = pathToFileURL(join(folder, "report.html")).href;
  await picture("report-light.webp", report, [1280, 1500], "light");
  await picture("report-dark.webp", report, [1280, 1500], "dark");
  await picture("report-telephone.webp", report, [390, 900], "light");
  await picture("picture.webp", `${report}?picture#picture`, [1280, 800], "light");
  await picture("summary-80.webp", terminal(80), [720, 1500], "dark");
  await picture("summary-160.webp", terminal(160), [1400, 1150], "dark");
} finally {
  await page.close();
  rmSync(folder, { recursive: true });
}
