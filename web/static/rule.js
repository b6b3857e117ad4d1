// The form for a rule: what fits a choice comes at once, and rows come and go. Without it, the form's own buttons do the same.
"use strict";
{
  const form = document.getElementById("rule");
  const spare = (rows, of) => document.getElementById("for-" + rows.id).content.querySelector(`[data-of="${of}"] > fieldset`).cloneNode(true);
  const number = row => row.querySelector("[data-chooses]").name.match(/\d+$/)[0];
  const count = (row, n) => {
    for (const e of row.querySelectorAll("[name]")) {
      if ("drop" in e.dataset) e.value = e.value.replace(/\d+$/, n);
      else e.name = e.name.replace(/\d+$/, n);
    }
    for (const e of row.querySelectorAll("legend, .hidden")) e.textContent = e.textContent.replace(/\d+/, n);
    return row;
  };

  form.addEventListener("change", e => {
    if (!("chooses" in e.target.dataset)) return;
    const row = e.target.closest("fieldset"), old = row.querySelector(".fits");
    const fits = count(spare(row.parentElement, e.target.value), number(row)).querySelector(".fits");
    for (const text of fits.querySelectorAll("textarea")) text.value = old.querySelector("textarea")?.value || "";
    old.replaceWith(fits);
  });

  const more = rows => {
    const taken = [...rows.children].map(number), most = Number(rows.dataset.most);
    const free = Array.from({ length: most }, (_, i) => String(i + 1)).find(n => !taken.includes(n));
    if (!free) return;
    rows.append(count(spare(rows, ""), free));
    rows.lastElementChild.querySelector("select").focus();
    full(rows);
  };
  const full = rows => { form.querySelector(`[data-more="${rows.id}"]`).hidden = rows.children.length >= Number(rows.dataset.most); };

  form.addEventListener("click", e => {
    const button = e.target.closest("button");
    if (!button || !("more" in button.dataset || "drop" in button.dataset)) return;
    e.preventDefault();
    if ("more" in button.dataset) return more(document.getElementById(button.dataset.more));
    const rows = button.closest(".rows-of");
    button.closest("fieldset").remove();
    full(rows);
    form.querySelector(`[data-more="${rows.id}"]`).focus();
  });
  for (const rows of form.querySelectorAll(".rows-of")) full(rows);
}
