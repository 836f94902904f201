"use strict";
// Sorting, filtering, copying, theme. The page says all it has to say without any of it.
(() => {
  const root = document.documentElement;
  root.classList.add("js");
  const all = (selector, from = document) => Array.from(from.querySelectorAll(selector));
  const order = new Intl.Collator("en", { numeric: true, sensitivity: "base" });
  const value = (row, column) => {
    const cell = row.cells[column];
    return cell ? (cell.dataset.v ?? (cell.title || cell.textContent.trim())) : "";
  };

  for (const table of all("table.sorts")) {
    const body = table.tBodies[0];
    all("thead th", table).forEach((head, column) => {
      const button = document.createElement("button");
      button.type = "button";
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const numbers = head.classList.contains("n");
        const now = head.getAttribute("aria-sort");
        // Of numbers the largest are wanted first.
        const up = now ? now === "descending" : !numbers;
        all("thead th", table).forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", up ? "ascending" : "descending");
        const rows = Array.from(body.rows, (row) => [value(row, column), row]);
        rows.sort(([a], [b]) => (up ? 1 : -1) * (numbers ? Number(a) - Number(b) : order.compare(a, b)));
        body.append(...rows.map(([, row]) => row));
      });
    });
  }

  const words = (text) => text.toLowerCase().split(/\s+/).filter(Boolean);
  const holds = (element, wanted) => {
    const text = element.textContent.toLowerCase();
    return wanted.every((word) => text.includes(word));
  };
  for (const box of all("input[data-table]")) {
    const rows = Array.from(document.getElementById(box.dataset.table).tBodies[0].rows);
    const count = document.getElementById(box.dataset.table + "-count");
    box.addEventListener("input", () => {
      const wanted = words(box.value);
      let shown = 0;
      for (const row of rows) {
        row.hidden = !holds(row, wanted);
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = wanted.length ? `${shown} of ${rows.length}` : "";
    });
  }

  const chips = document.getElementById("severities");
  if (chips) {
    chips.hidden = false;
    const cards = all("#cards .card");
    const find = document.getElementById("find");
    const count = document.getElementById("find-count");
    const apply = () => {
      const off = all("[data-severity][aria-pressed=false]", chips).map((chip) => chip.dataset.severity);
      const wanted = words(find.value);
      let shown = 0;
      for (const card of cards) {
        card.hidden = off.includes(card.dataset.severity) || !holds(card, wanted);
        shown += card.hidden ? 0 : 1;
      }
      count.textContent = shown < cards.length ? `${shown} of ${cards.length}` : "";
    };
    find.addEventListener("input", apply);
    for (const chip of all("[data-severity]", chips)) {
      chip.addEventListener("click", () => {
        chip.setAttribute("aria-pressed", String(chip.getAttribute("aria-pressed") === "false"));
        apply();
      });
    }
    // A link to a finding shows it, whatever the filters say.
    addEventListener("hashchange", () => {
      const card = document.getElementById(location.hash.slice(1));
      if (card && card.hidden) {
        card.hidden = false;
        card.scrollIntoView();
      }
    });
  }

  for (const button of all("button.copy")) {
    button.hidden = false;
    const code = button.parentElement.querySelector("code");
    button.addEventListener("click", async () => {
      let done = false;
      try {
        await navigator.clipboard.writeText(code.textContent);
        done = true;
      } catch {
        // Opened from a folder, some browsers keep the clipboard shut: select the text and ask the old way.
        getSelection().selectAllChildren(code);
        done = document.execCommand("copy");
      }
      button.textContent = done ? "Copied" : "Press Ctrl+C";
      setTimeout(() => (button.textContent = "Copy"), 2000);
    });
  }

  // A cell of the matrix, or a line of the picture, shows its conversations.
  const talk = document.querySelector("input[data-table=talk]");
  const show = (wanted) => {
    talk.value = wanted;
    talk.dispatchEvent(new Event("input"));
    location.hash = "conversations";
  };
  if (talk) {
    for (const line of all("path.line[data-words]")) line.addEventListener("click", () => show(line.dataset.words));
    const matrix = document.getElementById("matrix");
    matrix?.addEventListener("click", (event) => {
      const cell = event.target.closest("td.m");
      if (!cell) return;
      const port = matrix.tHead.rows[0].cells[cell.cellIndex].textContent.split(" ").slice(0, 2).join(" ");
      show(`${cell.parentElement.querySelector(".addr").textContent} ${port}`);
    });
  }

  // A link to a device opens its section.
  const open = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (target instanceof HTMLDetailsElement && !target.open) {
      target.open = true;
      target.scrollIntoView();
    }
  };
  addEventListener("hashchange", open);
  open();

  const theme = document.getElementById("theme");
  theme.hidden = false;
  theme.addEventListener("click", () => {
    const next = { auto: "light", light: "dark", dark: "auto" }[root.dataset.theme ?? "auto"];
    if (next === "auto") delete root.dataset.theme;
    else root.dataset.theme = next;
    theme.textContent = `Theme: ${next}`;
  });

  addEventListener("beforeprint", () => all("details:not(.device)").forEach((details) => (details.open = true)));
})();
