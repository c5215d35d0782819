// Sorting, narrowing and walking. Pages are readable without it. Text of a run is only ever set as text.
"use strict";
(() => {
  const main = document.getElementById("main");
  const isFile = document.body.classList.contains("file");
  const pages = new Map([...document.querySelectorAll(".page")].map((page) => [page.id, page]));
  let current = document.querySelector(".page.current");

  // -- addresses: `#task/NAME?judge=a` in the file, paths and queries on a server
  const split = (address) => {
    const at = address.indexOf("?");
    const path = at < 0 ? address : address.slice(0, at);
    return [path, new URLSearchParams(at < 0 ? "" : address.slice(at + 1))];
  };
  const here = () => (isFile ? split(location.hash.slice(1)) : [location.pathname, new URLSearchParams(location.search)]);
  // Percent signs and not plus signs, as the links of the pages have them.
  const write = (path, query) => {
    const parts = [...query].filter(([, value]) => value).map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(value)}`);
    return (isFile ? "#" : "") + path + (parts.length ? "?" + parts.join("&") : "");
  };
  const put = (query) => history.replaceState(null, "", write(here()[0] || "overview", query));

  // -- tables
  const text = (cell) => (cell.dataset.sort !== undefined ? cell.dataset.sort : cell.textContent.trim());
  const sortTable = (table, column, down) => {
    const heads = table.tHead.rows[0].cells;
    [...heads].forEach((head, place) => head.hasAttribute("aria-sort") && head.setAttribute("aria-sort", place !== column ? "none" : down ? "descending" : "ascending"));
    const number = (value) => (value === "" || value === "–" ? NaN : Number(value.replace(/[^0-9.eE+-].*$/, "").replace(/,/g, "")));
    const rows = [...table.tBodies[0].rows].map((row) => [row, text(row.cells[column])]);
    const numeric = rows.some(([, value]) => !Number.isNaN(number(value)));
    rows.sort(([, a], [, b]) => {
      if (!numeric) return (down ? -1 : 1) * a.localeCompare(b);
      const [x, y] = [number(a), number(b)];
      // What has no value stays last in both directions.
      if (Number.isNaN(x) || Number.isNaN(y)) return Number.isNaN(x) - Number.isNaN(y);
      return down ? y - x : x - y;
    });
    table.tBodies[0].append(...rows.map(([row]) => row));
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest(".sortable thead button");
    if (!button) return;
    const head = button.closest("th");
    const column = head.cellIndex;
    // Names begin at A, and values at the greatest.
    const before = head.getAttribute("aria-sort");
    const down = before === "none" ? column > 0 : before === "ascending";
    sortTable(button.closest("table"), column, down);
    if (button.closest(".board")) {
      const [, query] = here();
      query.set("sort", head.dataset.column || "");
      query.set("down", down ? "" : "no");
      put(query);
    }
  });
  const narrowBoard = () => {
    const table = current && current.querySelector("[data-table=board]");
    if (!table) return;
    const form = current.querySelector("[data-tools=board]");
    const has = (name, wanted) => name.toLowerCase().includes(wanted.trim().toLowerCase());
    const heads = [...table.tHead.rows[0].cells];
    const shown = heads.map((head, place) => place === 0 || has(head.dataset.column, form.tasks.value));
    heads.forEach((head, place) => (head.hidden = !shown[place]));
    for (const row of table.tBodies[0].rows) {
      [...row.cells].forEach((cell, place) => (cell.hidden = !shown[place]));
      const ranked = [...row.cells].some((cell) => !cell.hidden && cell.tagName === "TD" && !cell.classList.contains("dim") && !cell.classList.contains("none"));
      row.hidden = !has(row.dataset.name, form.judges.value) || (form.ranked.checked && !ranked);
    }
  };
  const openBoard = (query) => {
    const form = current.querySelector("[data-tools=board]");
    if (!form) return;
    form.judges.value = query.get("judges") || "";
    form.tasks.value = query.get("tasks") || "";
    form.ranked.checked = query.get("ranked") === "yes";
    narrowBoard();
    const table = current.querySelector("[data-table=board]");
    const column = [...table.tHead.rows[0].cells].findIndex((head) => query.get("sort") && head.dataset.column === query.get("sort"));
    if (column > 0) sortTable(table, column, query.get("down") !== "no");
  };

  // -- lists of items: the rules of harness/view/filters.py
  const fields = ["judge", "outcome", "verdict", "reason", "low", "high", "first", "against", "gold", "category", "group", "split", "text", "reasons"];
  const said = (marks) => [...new Set(marks.filter((mark) => mark[1]).map((mark) => mark[1]))].sort().join("\n");
  const matches = ([gold, category, group, all], wanted, judges) => {
    if ((wanted.gold && gold !== wanted.gold) || (wanted.category && category !== wanted.category) || (wanted.group && group !== wanted.group)) return false;
    if (wanted.split && new Set(all.flat().filter((mark) => mark[1]).map((mark) => mark[1])).size < 2) return false;
    if (!wanted.judge) return true;
    const of = (name) => all[judges.indexOf(name)] || [];
    const marks = of(wanted.judge);
    if (wanted.against) {
      const [a, b] = [said(marks), said(of(wanted.against))];
      if (!a || !b || a === b) return false;
    }
    if (wanted.outcome === "mixed" && new Set(marks.map((mark) => mark[0] + mark[1])).size < 2) return false;
    const low = wanted.low ? Number(wanted.low) : 0, high = wanted.high ? Number(wanted.high) : 1;
    return marks.some(([kind, verdict, reason, confidence, first]) =>
      (!wanted.outcome || wanted.outcome === "mixed" || kind === wanted.outcome[0]) &&
      (!wanted.verdict || verdict === wanted.verdict) && (!wanted.reason || reason === wanted.reason) &&
      (!wanted.first || (first !== null && (first === 1) === (wanted.first === "yes"))) &&
      ((!wanted.low && !wanted.high) || (confidence !== null && low <= confidence && confidence <= high)));
  };
  const wantedOf = (query) => Object.fromEntries(fields.map((name) => [name, query.get(name) || ""]));
  const listPage = (task) => pages.get("items/" + task);
  const judgesOf = (page) => [...page.querySelector("table.items").tHead.rows[0].cells].slice(3).map((cell) => cell.textContent);
  // What judges wrote stands once in the file, on the pages of the items.
  const textOf = (item, judge) => {
    const page = pages.get(item);
    if (!page) return "";
    const own = [...page.querySelectorAll(".judge")].filter((part) => !judge || part.dataset.judge === judge);
    const parts = own.flatMap((part) => [...part.querySelectorAll(".said, pre, .problem")]);
    return [page.querySelector("h1"), ...page.querySelectorAll(".asked .said"), ...parts].map((part) => part.textContent).join("\n").toLowerCase();
  };
  const tell = (row, item, judges, shown) => {
    row.querySelectorAll(".beside").forEach((part) => part.remove());
    const page = shown.length ? pages.get(item) : null;
    if (!page) return;
    for (const own of page.querySelectorAll(".judge")) {
      const cell = shown.includes(own.dataset.judge) && row.cells[3 + judges.indexOf(own.dataset.judge)];
      const marks = cell ? cell.querySelectorAll("span") : [];
      own.querySelectorAll(".answer").forEach((answer, place) => {
        const reason = answer.querySelector(".reasoning .said") || (answer.classList.contains("unread") && (answer.querySelector("pre") || answer.querySelector(".problem")));
        if (!reason || !marks[place]) return;
        const beside = document.createElement("p");
        beside.className = "beside";
        beside.textContent = reason.textContent.slice(0, 600);
        marks[place].after(beside);
      });
    }
  };
  const narrowItems = (page, query) => {
    const wanted = wantedOf(query), judges = judgesOf(page), form = page.querySelector("[data-tools=items]");
    for (const name of ["judge", "outcome", "against", "gold", "category", "text"]) if (form[name] !== document.activeElement) form[name].value = wanted[name];
    form.split.checked = Boolean(wanted.split);
    form.reasons.checked = Boolean(wanted.reasons);
    const named = [wanted.judge, wanted.against].filter(Boolean), needle = wanted.text.toLowerCase();
    const shown = wanted.reasons ? (named.length ? named : judges) : named.length > 1 ? named : [];
    // Two judges that are held against each other stand alone, with room for their reasons.
    const pair = named.length > 1 && named.every((name) => judges.includes(name));
    const columns = judges.map((name) => pair && !named.includes(name));
    const table = page.querySelector("table.items");
    columns.forEach((hidden, place) => (table.tHead.rows[0].cells[3 + place].hidden = hidden));
    const kept = new URLSearchParams(fields.filter((name) => wanted[name]).map((name) => [name, wanted[name]]));
    const found = [];
    for (const row of table.tBodies[0].rows) {
      const link = row.querySelector("a"), item = split(link.getAttribute("href").slice(1))[0];
      row.hidden = !matches(JSON.parse(row.dataset.line), wanted, judges) || (needle && !textOf(item, wanted.judge).includes(needle));
      if (row.hidden) continue;
      columns.forEach((hidden, place) => (row.cells[3 + place].hidden = hidden));
      tell(row, item, judges, shown);
      link.setAttribute("href", write(item, kept));
      found.push(row);
    }
    const status = page.querySelector("[data-status=items]");
    const words = [...kept].filter(([name]) => name !== "reasons").map(([name, value]) => `${name}: ${value}`).join(" · ");
    status.textContent = `${found.length.toLocaleString("en")} of the items in this file${words ? " · " + words : ""}`;
    return found;
  };
  const openItem = (page, query) => {
    const list = listPage(page.id.split("/")[1]);
    if (!list) return;
    const found = narrowItems(list, query).map((row) => row.querySelector("a").getAttribute("href"));
    const at = found.findIndex((href) => split(href.slice(1))[0] === page.id);
    const [before, after] = page.querySelectorAll(".walk a");
    const set = (link, href) => { if (href) { link.setAttribute("href", href); link.removeAttribute("aria-disabled"); } else { link.removeAttribute("href"); link.setAttribute("aria-disabled", "true"); } };
    set(before, at > 0 && found[at - 1]);
    set(after, at >= 0 && found[at + 1]);
    const words = [...query].map(([name, value]) => `${name}: ${value}`).join(" · ");
    page.querySelector("[data-walk]").textContent = `${at >= 0 ? at + 1 : "–"} of ${found.length}${words ? " · " + words : ""}`;
    const trail = page.querySelectorAll(".trail a");
    trail[trail.length - 1].setAttribute("href", write(list.id, query));
    for (const own of page.querySelectorAll(".judge")) own.classList.toggle("wanted", [query.get("judge"), query.get("against")].includes(own.dataset.judge));
  };

  // -- pages of the file
  const sources = isFile ? JSON.parse(document.getElementById("pictures").textContent || "{}") : {};
  const show = () => {
    const [path, query] = here();
    if (path === "main") return;
    // A page of two judges is there once, under the one that comes first in the manifest.
    const turned = path.replace(/^pair\/([^/]+)\/([^/]+)$/, "pair/$2/$1");
    const page = pages.get(path || "overview") || pages.get(turned) || pages.get("lost");
    if (current !== page) {
      if (current) current.classList.remove("current");
      page.classList.add("current");
      const moved = current !== null;
      current = page;
      if (moved) { window.scrollTo(0, 0); const title = page.querySelector("h1"); if (title) title.focus({ preventScroll: true }); }
    }
    main.classList.add("scripted");
    document.title = page.dataset.title + " · " + document.querySelector(".brand").textContent;
    // Pictures stand once in the file, and are decoded when their page is opened.
    for (const picture of page.querySelectorAll("[data-picture]")) if (!picture.src) picture.src = sources[picture.dataset.picture];
    if (page.id === "overview") openBoard(query);
    else if (page.id.startsWith("items/")) narrowItems(page, query);
    else if (page.id.startsWith("item/")) openItem(page, query);
  };

  document.addEventListener("input", (event) => {
    const form = event.target.closest("form");
    if (!form) return;
    const [path, query] = here();
    if (form.dataset.tools === "board") {
      query.set("judges", form.judges.value);
      query.set("tasks", form.tasks.value);
      query.set("ranked", form.ranked.checked ? "yes" : "");
      put(query);
      narrowBoard();
    } else if (isFile && form.dataset.tools === "items") {
      for (const name of ["judge", "outcome", "against", "gold", "category", "text"]) query.set(name, form[name].value);
      for (const name of ["split", "reasons"]) query.set(name, form[name].checked ? "yes" : "");
      put(query);
      narrowItems(pages.get(path), here()[1]);
    }
  });
  document.addEventListener("submit", (event) => { if (isFile || event.target.dataset.tools === "board") event.preventDefault(); });
  // A server gets no empty fields, so that its addresses stay short.
  document.addEventListener("submit", (event) => { for (const field of event.target.elements) if (!field.value) field.disabled = true; });

  // -- keys
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.closest("input, select, textarea") || !current) return;
    const step = { j: 1, k: -1, ArrowRight: 1, ArrowLeft: -1 }[event.key];
    const walk = current.querySelector(".walk"), table = current.querySelector("table.items");
    if (step && walk && !event.target.closest(".scroll")) {
      const link = walk.querySelector(step > 0 ? "[rel=next]" : "[rel=prev]");
      if (link.getAttribute("href")) { event.preventDefault(); link.click(); }
    } else if (step && table && event.key.length === 1) {
      const rows = [...table.tBodies[0].rows].filter((row) => !row.hidden);
      const at = rows.findIndex((row) => row.classList.contains("at"));
      const next = rows[Math.min(rows.length - 1, Math.max(0, at + step))];
      if (!next) return;
      if (at >= 0) rows[at].classList.remove("at");
      next.classList.add("at");
      next.querySelector("a").focus();
      next.scrollIntoView({ block: "nearest" });
      event.preventDefault();
    } else if (event.key === "u") {
      const trail = current.querySelectorAll(".trail a");
      if (trail.length) trail[trail.length - 1].click();
    } else if (event.key === "?") document.querySelector("footer").scrollIntoView();
  });

  if (isFile) { window.addEventListener("hashchange", show); show(); }
  else {
    openBoard(here()[1]);
    // While a run goes on the page is asked for again, and replaced where something has changed and no one reads on.
    const state = document.body.dataset.live;
    if (state) setInterval(async () => {
      try {
        const answer = await fetch("/state", { cache: "no-store" });
        if (answer.ok && (await answer.text()) !== state && window.scrollY < 200 && !document.querySelector("details[open]")) location.reload();
      } catch { /* the server has ended; the page stays */ }
    }, 5000);
  }
})();
