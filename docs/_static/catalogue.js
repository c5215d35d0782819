// Filters the table of the catalogue. It asks no server, and without it the table is a plain one.
"use strict";

document.addEventListener("DOMContentLoaded", () => {
  for (const table of document.querySelectorAll(".catalogue table")) {
    addFilters(table);
  }
});

// Columns with a few known words get a list, that of the items a number, and the others a text to look for.
const LISTS = new Set(["modality", "answers", "gate", "official"]);

function addFilters(table) {
  const names = [...table.tHead.rows[0].cells].map((cell) => cell.textContent.trim());
  const rows = [...table.tBodies[0].rows];
  const form = document.createElement("form");
  form.className = "catalogue-filters";
  form.setAttribute("aria-label", "Filter the catalogue");
  const count = document.createElement("p");
  count.setAttribute("role", "status");
  const tests = [];
  names.forEach((name, column) => {
    const control = makeControl(name, rows.map((row) => textOf(row, column)));
    const label = document.createElement("label");
    label.append(labelOf(name), " ", control);
    form.append(label);
    tests.push((row) => accepts(name, control.value, textOf(row, column)));
  });
  const reset = document.createElement("button");
  reset.type = "reset";
  reset.textContent = "Show all";
  form.append(reset, count);

  const apply = () => {
    for (const row of rows) {
      row.hidden = !tests.every((test) => test(row));
    }
    const shown = rows.filter((row) => !row.hidden).length;
    count.textContent = `${shown} of ${rows.length} tasks`;
  };
  form.addEventListener("input", apply);
  form.addEventListener("reset", () => setTimeout(apply));
  form.addEventListener("submit", (event) => event.preventDefault());
  table.before(form);
  apply();
}

function textOf(row, column) {
  return row.cells[column] ? row.cells[column].textContent.trim() : "";
}

function labelOf(name) {
  return name === "items" ? "at most so many items" : name;
}

function makeControl(name, texts) {
  const input = document.createElement("input");
  if (name === "items") {
    input.type = "number";
    input.min = "1";
    return input;
  }
  if (name !== "parity" && !LISTS.has(name)) {
    input.type = "search";
    return input;
  }
  const select = document.createElement("select");
  const words = name === "parity" ? ["proven"] : [...new Set(texts.flatMap(wordsOf))].sort();
  select.append(new Option("any", ""), ...words.map((word) => new Option(word, word)));
  return select;
}

function wordsOf(text) {
  return text.split(",").map((word) => word.trim()).filter(Boolean);
}

function accepts(name, wanted, text) {
  if (!wanted) return true;
  if (name === "items") return text !== "" && Number(text.replaceAll(",", "")) <= Number(wanted);
  if (name === "parity") return text !== "";
  if (LISTS.has(name)) return wordsOf(text).includes(wanted);
  return text.toLowerCase().includes(wanted.toLowerCase());
}
