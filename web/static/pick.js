// Fields that find what is known as one types: data-find is where they ask. What is chosen fills them, and the fields beside
// them. The list is a listbox of its field: arrows move in it, Enter takes, Escape closes it.
"use strict";
(() => {
  const wait = 200;
  let field = null, list = null, at = -1, items = [], late = 0, asking = null;

  const make = (name, css, text) => Object.assign(document.createElement(name), { className: css, textContent: text });
  const close = () => {
    clearTimeout(late);
    asking?.abort();
    if (!field) return;
    list.hidden = true;
    list.replaceChildren();
    items = [];
    at = -1;
    field.setAttribute("aria-expanded", "false");
    field.removeAttribute("aria-activedescendant");
  };

  // attach makes a field one with a list, when it is first come to.
  const attach = input => {
    if (field === input) return;
    close();
    field = input;
    list = input.nextElementSibling?.matches(".found") ? input.nextElementSibling : make("ul", "found", "");
    if (list.isConnected) return;
    list.id = input.id + "-found";
    list.hidden = true;
    list.setAttribute("role", "listbox");
    list.setAttribute("aria-label", input.dataset.found);
    input.after(list);
    for (const [name, value] of Object.entries({ role: "combobox", "aria-autocomplete": "list", "aria-expanded": "false", "aria-controls": list.id })) input.setAttribute(name, value);
  };

  const move = to => {
    at = to;
    items.forEach(({ row }, i) => row.setAttribute("aria-selected", String(i === at)));
    if (at < 0) return field.removeAttribute("aria-activedescendant");
    field.setAttribute("aria-activedescendant", items[at].row.id);
    items[at].row.scrollIntoView({ block: "nearest" });
  };

  const take = ({ fill }) => {
    const into = field;
    close();
    for (const [id, value] of Object.entries(fill)) {
      const one = document.getElementById(id);
      if (!one) continue;
      one.value = value;
      if (one !== into) one.dispatchEvent(new Event("input", { bubbles: true }));
    }
  };

  const show = found => {
    close();
    items = found.map((one, i) => {
      const row = make("li", "", "");
      row.id = list.id + i;
      row.setAttribute("role", "option");
      row.append(make("span", "", one.text), " ", make("span", "muted small", one.more));
      row.addEventListener("click", () => take(one));
      return { ...one, row };
    });
    if (!items.length) return;
    list.replaceChildren(...items.map(({ row }) => row));
    list.hidden = false;
    field.setAttribute("aria-expanded", "true");
    move(-1);
  };

  const ask = async input => {
    const url = new URL(input.dataset.find, location), text = input.value.trim();
    if (text.length < (/^#?\d/.test(text) ? 1 : 2)) return close();
    url.searchParams.set("q", text);
    asking?.abort();
    asking = new AbortController();
    try {
      const r = await fetch(url, { headers: { Accept: "application/json" }, signal: asking.signal });
      if (!r.ok) throw r;
      const { found } = await r.json();
      if (field === input && document.activeElement === input) show(found);
    } catch (e) {
      if (e.name !== "AbortError") close(); // it goes on without a list
    }
  };

  document.addEventListener("focusin", e => { if (e.target.matches("[data-find]")) attach(e.target); });
  document.addEventListener("focusout", e => { if (e.target === field) close(); });
  document.addEventListener("pointerdown", e => { if (e.target.closest(".found")) e.preventDefault(); }); // the field keeps the focus
  document.addEventListener("mousedown", e => { if (e.target.closest(".found")) e.preventDefault(); });
  document.addEventListener("input", e => {
    if (e.target !== field || !e.isTrusted) return;
    clearTimeout(late);
    late = setTimeout(ask, wait, field);
  });
  document.addEventListener("keydown", e => {
    if (e.target !== field || !items.length || e.isComposing) return;
    const n = items.length + 1, to = { ArrowDown: (at + 2) % n - 1, ArrowUp: (at + n) % n - 1 }[e.key];
    if (to !== undefined) move(to);
    else if (e.key === "Enter" && at >= 0) take(items[at]);
    else if (e.key === "Escape") close();
    else return;
    e.preventDefault();
    e.stopImmediatePropagation();
  }, true);
})();
