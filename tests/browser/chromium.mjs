// Drives headless Chromium over its DevTools protocol (over a pipe), with nothing but what Node brings along.
import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const FLAGS = [
  "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
  "--disable-background-networking", "--disable-component-update", "--disable-sync",
  "--hide-scrollbars", "--remote-debugging-pipe",
];

export async function open(binary = process.env.CHROMIUM ?? "chromium") {
  const profile = mkdtempSync(join(tmpdir(), "igorscope-chromium-"));
  const stdio = ["ignore", "ignore", "ignore", "pipe", "pipe"];
  const browser = spawn(binary, [...FLAGS, `--user-data-dir=${profile}`, "about:blank"], { stdio });
  const [to, from] = [browser.stdio[3], browser.stdio[4]];
  const waiting = new Map();
  const listeners = [];
  let last = 0;
  const receive = (message) => {
    const call = waiting.get(message.id);
    if (call) {
      waiting.delete(message.id);
      if (message.error) call.reject(new Error(message.error.message));
      else call.resolve(message.result);
    } else listeners.forEach((listener) => listener(message));
  };
  // Messages end with a NUL.
  let rest = [];
  from.on("data", (data) => {
    for (let end; (end = data.indexOf(0)) >= 0; data = data.subarray(end + 1)) {
      receive(JSON.parse(Buffer.concat([...rest, data.subarray(0, end)]).toString()));
      rest = [];
    }
    rest.push(data);
  });
  const fail = (error) => waiting.forEach(({ reject }) => reject(error));
  browser.on("error", fail);
  browser.on("exit", () => fail(new Error("chromium ended")));
  let session;
  const send = (method, params = {}) => new Promise((resolve, reject) => {
    waiting.set(++last, { resolve, reject });
    to.write(JSON.stringify({ id: last, method, params, sessionId: session }) + "\0");
  });
  const { targetId } = await send("Target.createTarget", { url: "about:blank" });
  ({ sessionId: session } = await send("Target.attachToTarget", { targetId, flatten: true }));

  const complaints = [];
  const requests = [];
  let dialogs = 0;
  let loaded = () => {};
  listeners.push(({ method, params }) => {
    if (method === "Runtime.exceptionThrown") complaints.push(params.exceptionDetails.text);
    if (method === "Runtime.consoleAPICalled" && ["error", "warning", "assert"].includes(params.type)) {
      complaints.push(params.args.map((arg) => arg.value ?? arg.description).join(" "));
    }
    if (method === "Log.entryAdded") complaints.push(params.entry.text);
    if (method === "Network.requestWillBeSent") requests.push(params.request.url);
    if (method === "Page.javascriptDialogOpening") {
      dialogs += 1;
      send("Page.handleJavaScriptDialog", { accept: true });
    }
    if (method === "Page.loadEventFired") loaded();
  });
  for (const domain of ["Page", "Runtime", "Log", "Network"]) await send(`${domain}.enable`);

  return {
    complaints,
    requests,
    dialogs: () => dialogs,
    send,
    async go(url) {
      const done = new Promise((resolve) => { loaded = resolve; });
      await send("Page.navigate", { url });
      await done;
    },
    async size(width, height) {
      await send("Emulation.setDeviceMetricsOverride", { width, height, deviceScaleFactor: 1, mobile: width < 600 });
    },
    async scheme(value) {
      await send("Emulation.setEmulatedMedia", { features: [{ name: "prefers-color-scheme", value }] });
    },
    /** Evaluates an expression (or what a promise of it yields) in the page. */
    async ask(expression) {
      const { result, exceptionDetails } = await send("Runtime.evaluate", { expression, returnByValue: true, awaitPromise: true });
      if (exceptionDetails) throw new Error(exceptionDetails.exception?.description ?? exceptionDetails.text);
      return result.value;
    },
    async picture() {
      return Buffer.from((await send("Page.captureScreenshot", { format: "png" })).data, "base64");
    },
    async pdf() {
      return Buffer.from((await send("Page.printToPDF", { printBackground: true })).data, "base64");
    },
    async close() {
      const ended = new Promise((resolve) => browser.on("exit", resolve));
      to.write(JSON.stringify({ id: ++last, method: "Browser.close" }) + "\0");
      await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 3000))]);
      browser.kill("SIGKILL");
      await ended;
      rmSync(profile, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
    },
  };
}
