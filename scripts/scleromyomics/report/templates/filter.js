// Filters the table of verdicts. Without it the whole table is shown.
const form = document.querySelector("form.filter");
const rows = [...document.querySelectorAll("table.verdicts tr[data-verdict]")];
const selects = [...form.querySelectorAll("select")];
for (const select of selects) {
  for (const value of new Set(rows.map((row) => row.dataset[select.dataset.column]))) {
    select.add(new Option(value, value));
  }
}
function apply() {
  const words = form.querySelector("input").value.toLowerCase().split(/\s+/).filter(Boolean);
  const kinds = new Set();
  let shown = 0;
  for (const row of rows) {
    const text = (row.parentNode.rows[0].textContent + " " + row.textContent).toLowerCase();
    row.hidden =
      selects.some((select) => select.value && select.value !== row.dataset[select.dataset.column]) ||
      !words.every((word) => text.includes(word));
    shown += !row.hidden;
    if (!row.hidden) kinds.add(row.dataset.kind);
  }
  for (const body of document.querySelectorAll("table.verdicts tbody:not(.kind)")) {
    body.hidden = [...body.rows].slice(1).every((row) => row.hidden);
  }
  for (const body of document.querySelectorAll("table.verdicts tbody.kind")) {
    body.hidden = !kinds.has(body.dataset.kind);
  }
  form.querySelector("output").textContent = `${shown} of ${rows.length} shown`;
}
form.addEventListener("input", apply);
form.addEventListener("submit", (event) => event.preventDefault());
form.hidden = false;
apply();
