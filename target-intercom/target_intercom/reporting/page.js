// The records of the page: unpacked from the text of #data, filtered, and shown in pieces. Every value is set as text.
"use strict";
const PIECE = 200;
const $ = (id) => document.getElementById(id);
const make = (tag, text, parent) => {
  const element = document.createElement(tag);
  if (text) element.textContent = text;
  if (parent) parent.append(element);
  return element;
};
const link = (address, text, parent) => {
  if (!/^https?:\/\//.test(address)) return make("span", text, parent);
  const element = make("a", text, parent);
  element.href = address;
  element.rel = "noreferrer";
  return element;
};
const say = (value) => (value === null || value === "" ? "nothing" : typeof value === "object" ? JSON.stringify(value) : String(value));

const unpack = async () => {
  const packed = Uint8Array.from(atob($("data").textContent), (one) => one.charCodeAt(0));
  const stream = new Blob([packed]).stream().pipeThrough(new DecompressionStream("deflate"));
  return (await new Response(stream).text()).split("\n").filter(Boolean).map((line) => JSON.parse(line));
};

const fillRow = (row, one) => {
  const [group, id, source, name, company, mrr, value, found, would, why, remedy, changes] = one;
  const cells = ["Record", "Match value", "In Intercom", "A sync", "Reason", "Values"].map((title) => {
    const cell = make("td", "", row);
    cell.dataset.title = title;
    return cell;
  });
  link(source, id || "-", cells[0]);
  const who = make("small", "", cells[0]);
  // A name that is written from right to left must not turn what stands beside it.
  [name, company, mrr && `MRR ${mrr}`].filter(Boolean).forEach((part, at) => {
    if (at) who.append(" · ");
    make("bdi", part, who);
  });
  cells[1].textContent = value;
  found.forEach(([address, text]) => cells[2].append(link(address, text), " "));
  cells[3].textContent = would || group;
  cells[4].textContent = why;
  if (remedy) make("small", remedy, cells[4]);
  const names = Object.keys(changes);
  if (!names.length) return;
  const details = make("details", "", cells[5]);
  make("summary", names.length === 1 ? "1 value" : `${names.length} values`, details);
  const table = make("table", "", details);
  names.forEach((field) => {
    const line = make("tr", "", table);
    make("th", field, line).scope = "row";
    make("td", `${say(changes[field][0])} → ${say(changes[field][1])}`, line);
  });
};

const start = (all) => {
  const texts = all.map((one) => JSON.stringify(one).toLowerCase());
  const kinds = new Map();
  all.forEach((one) => {
    const kind = [one[8] || one[0], one[9]].filter(Boolean).join(": ");
    one.kind = kind;
    kinds.set(kind, (kinds.get(kind) || 0) + 1);
  });
  kinds.forEach((count, kind) => (make("option", `${kind} (${count})`, $("kind")).value = kind));
  let shown = [];
  const showMore = (count) => {
    const from = $("rows").childElementCount;
    shown.slice(from, from + count).forEach((one) => fillRow(make("tr", "", $("rows")), one));
    const left = shown.length - $("rows").childElementCount;
    $("more").hidden = !left;
    $("more").textContent = `Show ${Math.min(left, PIECE)} more`;
    $("count").textContent = `${shown.length} of ${all.length} records${left ? `, ${$("rows").childElementCount} shown` : ""}`;
  };
  const filter = () => {
    const words = $("text").value.toLowerCase().split(/\s+/).filter(Boolean);
    const kind = $("kind").value;
    shown = all.filter((one, at) => (!kind || one.kind === kind) && words.every((word) => texts[at].includes(word)));
    $("rows").replaceChildren();
    showMore(PIECE);
  };
  $("text").addEventListener("input", filter);
  $("kind").addEventListener("change", filter);
  $("more").addEventListener("click", () => showMore(PIECE));
  addEventListener("beforeprint", () => showMore(2000));
  $("tables").hidden = true;
  $("list").hidden = false;
  filter();
};

// A browser that cannot unpack shows the tables below.
if (typeof DecompressionStream === "function") unpack().then(start);
