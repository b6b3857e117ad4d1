// The console without waiting: parts of pages are swapped instead of whole pages, what happens elsewhere is shown, drafts
// are kept, and keys work. Everything works without it, only slower. It makes no HTML: pages come parsed by the browser.
"use strict";
(() => {
  const $ = (css, from = document) => from.querySelector(css);
  const all = (css, from = document) => [...from.querySelectorAll(css)];
  const id = name => document.getElementById(name);
  const desk = () => id("desk");
  const parts = ["views", "list", "ticket", "toasts"];
  const say = text => { id("says").textContent = text; };
  let under; // the load that is under way
  let dirty = false; // the editor has text that is not kept
  let changed = false; // the properties differ from what is saved

  // ask fetches one of our pages as a document.
  const ask = (url, body, method = body ? "POST" : "GET") => new Promise((done, fail) => {
    const x = new XMLHttpRequest();
    x.open(method, url);
    x.responseType = "document";
    x.setRequestHeader("Accept", "text/html");
    x.onload = () => (x.response && $("#desk", x.response) && x.status < 500 ? done({ page: x.response, url: x.responseURL, status: x.status }) : fail(x));
    x.onerror = () => fail(x);
    x.send(body);
    under = x;
  });

  // swap puts the parts of a page in the place of ours. What has the focus keeps it, what is scrolled stays so.
  const swap = (page, names = parts) => {
    const focus = document.activeElement?.id;
    const range = focus && [document.activeElement.selectionStart, document.activeElement.selectionEnd];
    const typed = dirty && id("body") && { ticket: desk().dataset.ticket, body: id("body").value, note: id("as-note").checked };
    for (const name of names) {
      const ours = id(name), theirs = page.getElementById(name);
      if (!ours || !theirs) continue;
      const top = ours.scrollTop;
      for (const a of [...ours.attributes]) if (!theirs.hasAttribute(a.name)) ours.removeAttribute(a.name);
      for (const a of theirs.attributes) ours.setAttribute(a.name, a.value);
      const lasting = all("[data-keep]", ours).filter(t => new Date(t.dataset.due) > Date.now() && !page.getElementById(t.id));
      ours.replaceChildren(...theirs.childNodes, ...lasting);
      ours.scrollTop = top;
    }
    if (names === parts) {
      desk().className = $("#desk", page).className;
      for (const x of ["ticket", "seen"]) desk().dataset[x] = $("#desk", page).dataset[x] || "";
      document.title = page.title;
    }
    if (typed && typed.ticket === desk().dataset.ticket && id("body") && id("body").value !== typed.body) { // typed while the page was on its way
      id("body").value = id("body").value ? id("body").value + "\n\n" + typed.body : typed.body;
      id("as-note").checked = typed.note;
    }
    if (focus && id(focus) && document.activeElement.id !== focus) {
      id(focus).focus({ preventScroll: true });
      if (range?.[0] != null) try { id(focus).setSelectionRange(...range); } catch { /* not a text */ }
    }
    dress();
  };

  // go loads a page and shows its parts. Where that does not work, the browser goes there itself.
  const go = async (url, { body, form, push = true, focus } = {}) => {
    const was = desk().dataset.ticket;
    under?.abort();
    document.documentElement.classList.add("busy");
    try {
      await keep();
      const kept = await save();
      if (kept && kept.status >= 400) { // what was chosen can't be: it is shown before anything else happens
        if (kept.page) swap(kept.page);
        return id("side")?.querySelector("[role=alert], .error, [aria-invalid]")?.scrollIntoView({ block: "nearest" });
      }
      const got = await ask(url, body);
      const hash = new URL(url, location).hash || new URL(got.url).hash;
      const covered = !id("list").offsetParent;
      keepPlace();
      swap(got.page);
      const at = new URL(got.url);
      for (const x of ["done", "n", "turned"]) at.searchParams.delete(x);
      if (push) history.pushState(null, "", at.href.split("#")[0] + hash);
      const ticket = desk().dataset.ticket;
      if (ticket !== was) {
        id("ticket").scrollTop = 0;
        if (!ticket) scrollTo(0, 0);
        listen();
        current();
        if (!ticket && !hash) comeBack(was, covered ? "center" : "nearest");
      }
      if (hash && id(hash.slice(1))) id(hash.slice(1)).scrollIntoView({ block: "nearest" });
      if (focus !== false && ticket && ticket !== was) id("subject")?.focus({ preventScroll: true });
      if (focus && id(focus)) id(focus).focus();
      const wrong = $("[aria-invalid], [role=alert]", id("ticket"));
      if (got.status >= 400 && wrong) wrong.focus?.();
      say($(".toast span")?.textContent || document.title);
    } catch (x) {
      if (x?.status === 0 && under !== x) return; // another one was asked for meanwhile
      if (form) { form.dataset.plain = ""; form.requestSubmit(form.sent); } else location.assign(url);
    } finally {
      document.documentElement.classList.remove("busy");
    }
  };

  document.addEventListener("click", e => {
    const a = e.target.closest("a[href]");
    if (!a || e.defaultPrevented || e.button || e.metaKey || e.ctrlKey || e.shiftKey || e.altKey || a.target || "plain" in a.dataset) return;
    const url = new URL(a.href);
    if (url.origin !== location.origin || !desk().contains(a) || !/\/agent(\/tickets\/\d+)?$/.test(url.pathname)) return;
    if (url.hash && url.pathname === location.pathname && url.search === location.search) return;
    e.preventDefault();
    go(a.href);
  });

  document.addEventListener("submit", e => {
    const form = e.target, button = e.submitter;
    if (form.method === "dialog" || "plain" in form.dataset || e.defaultPrevented) return;
    const data = new FormData(form, button), url = new URL(form.action);
    if (form.method === "get") {
      if (url.pathname.endsWith("/merge")) return;
      e.preventDefault();
      url.search = new URLSearchParams([...data].filter(([, v]) => v));
      return go(url.href, { form });
    }
    if (!desk().contains(form) && !form.matches(".toast") || form.id === "many" && button?.value === "merge") return;
    e.preventDefault();
    form.sent = button;
    delete form.dataset.keep;
    if (id("answer")?.contains(button) || form.id === "answer") dirty = false;
    if (form.id === "properties") changed = false;
    const body = form.enctype === "multipart/form-data" ? data : new URLSearchParams(data);
    go(form.action, { body, form, focus: button?.value === "insert" || button?.value === "undo" ? "body" : undefined });
  });

  addEventListener("popstate", () => go(location.href, { push: false }));

  // Drafts
  let saving;
  const keep = async () => {
    clearTimeout(saving);
    const form = id("answer");
    if (!dirty || !form) return;
    dirty = false;
    const data = new URLSearchParams([...new FormData(form)].filter(([, v]) => typeof v === "string"));
    try {
      const r = await fetch(form.dataset.draft, { method: "POST", body: data, keepalive: data.toString().length < 60000 });
      if (!r.ok) throw r;
      $("#kept").textContent = desk().dataset.kept;
    } catch { dirty = true; }
  };
  document.addEventListener("input", e => {
    if (!id("answer")?.contains(e.target) || e.target.type === "file") return;
    dirty = true;
    clearTimeout(saving);
    saving = setTimeout(keep, 2000);
  });
  addEventListener("pagehide", keep);

  // Properties: who goes on without saving them has saved them.
  const save = async () => {
    const form = id("properties");
    if (!changed || !form) return null;
    changed = false;
    const button = $("[value=save]", form);
    try {
      return await ask(form.action, new URLSearchParams(new FormData(form, button)));
    } catch { // somebody else has changed the same, or nothing came: the page itself says so
      form.dataset.plain = "";
      form.requestSubmit(button);
      return { status: 409 };
    }
  };
  document.addEventListener("input", e => {
    if (e.target.form?.id !== "properties") return;
    changed = true;
    $("#properties [value=save]").classList.add("primary");
  });
  addEventListener("beforeunload", e => { if (changed) e.preventDefault(); });

  // What happens elsewhere: counts change at once, rows when the agent says so, the open ticket's messages by themselves.
  let stream, waiting, due, again;
  const look = async () => {
    let page;
    try { ({ page } = await ask(location.href)); } catch { return; }
    swap(page, ["views"]);
    const seen = new Map(all("#rows .row").map(r => [r.dataset.n, r.dataset.v]));
    const news = all("#rows .row", page).filter(r => seen.get(r.dataset.n) !== r.dataset.v).length;
    waiting = news && page;
    fresh(news);
    if (!desk().dataset.ticket || !id("thread") || !$("#thread", page)) return;
    const count = all("#thread > li").length;
    if ($("#ticket-head", page).textContent !== id("ticket-head").textContent || $("#thread", page).textContent !== id("thread").textContent) {
      swap(page, ["thread", "ticket-head"]);
      const last = $("#answer [name=seen]", page), here = $("#answer [name=seen]");
      if (last && here) here.value = last.value;
      if (!changed && !id("side")?.contains(document.activeElement)) swap(page, ["side"]);
      if (all("#thread > li").length > count) say($("#thread > .msg:nth-last-child(2) .msg-head b")?.textContent || "");
    }
  };
  const fresh = n => {
    const text = $("#fresh span");
    if (!text) return;
    id("fresh").hidden = !n;
    text.textContent = n === 1 ? text.dataset.single : text.dataset.many.replace("#", n);
    if (n) say(text.textContent);
  };
  const soon = () => { clearTimeout(due); due = setTimeout(look, 700); };
  const listen = () => {
    clearTimeout(again);
    stream?.close();
    stream = null;
    if (document.hidden || !desk()) return;
    const url = new URL(desk().dataset.live, location);
    for (const x of ["ticket", "seen"]) url.searchParams.set(x, desk().dataset[x] || "");
    stream = new EventSource(url);
    stream.addEventListener("change", soon);
    // A browser comes back by itself after a lost connection, but not after another answer: that of a node which is busy, or starts.
    stream.addEventListener("error", e => { if (e.target.readyState === EventSource.CLOSED) again = setTimeout(() => { listen(); look(); }, 15000); });
    stream.addEventListener("present", e => { const p = id("present"); if (p) p.textContent = JSON.parse(e.data); });
  };
  document.addEventListener("visibilitychange", () => { listen(); if (document.hidden) keep(); else look(); });
  document.addEventListener("click", e => { if (e.target.closest("#fresh button") && waiting) { swap(waiting, ["list"]); current(); $("#rows .title")?.focus({ preventScroll: true }); } });

  // Clocks
  setInterval(() => {
    for (const form of all(".toast[data-due]")) {
      const left = Math.max(0, Math.ceil((new Date(form.dataset.due) - Date.now()) / 1000));
      const n = $("b", form);
      if (n) n.textContent = left;
      if (!left && !form.over) { form.over = true; setTimeout(() => { form.remove(); look(); }, 800); }
    }
  }, 500);
  setInterval(() => {
    const words = new Intl.RelativeTimeFormat(document.documentElement.lang, { numeric: "auto" });
    for (const t of all("#desk time")) {
      const minutes = Math.round((Date.now() - new Date(t.dateTime)) / 60000);
      if (minutes < 1 || minutes >= 1440) continue;
      t.textContent = minutes < 60 ? words.format(-minutes, "minute") : words.format(-Math.floor(minutes / 60), "hour");
    }
  }, 60000);

  // Keys
  const rows = () => all("#rows .row");
  const here = () => rows().find(r => r.contains(document.activeElement)) || $("#rows .row.current");
  const current = () => $("#rows .row.current")?.scrollIntoView({ block: "nearest" });
  // comeBack puts the focus where somebody left the list: on the ticket's row, or on what stands in its place now.
  let place = 0;
  const keepPlace = () => { const at = rows().findIndex(r => r.dataset.n === desk().dataset.ticket); if (at >= 0) place = at; };
  const comeBack = (n, block) => {
    const row = rows().find(r => r.dataset.n === n) || rows()[Math.min(place, rows().length - 1)];
    if (!row) return;
    $(".title", row).focus({ preventScroll: true });
    row.scrollIntoView({ block });
  };
  const move = by => {
    const list = rows(), at = list.indexOf(here()), to = list[Math.min(list.length - 1, Math.max(0, at + by))];
    if (!to) return;
    if (desk().dataset.ticket && !$("#list").contains(document.activeElement)) go($(".title", to).href);
    else { $(".title", to).focus({ preventScroll: true }); to.scrollIntoView({ block: "nearest" }); }
  };
  const focus = name => { const x = id(name); if (!x) return; const d = x.closest("details:not([open])"); if (d) d.open = true; x.focus(); x.scrollIntoView({ block: "nearest" }); };
  const editor = as => { const x = id(as); if (!x) return; x.checked = true; focus("body"); };
  const keys = {
    j: () => move(1), k: () => move(-1), u: () => id("back")?.click(), x: () => $("input", here() || document.createElement("p"))?.click(),
    r: () => editor("as-reply"), n: () => editor("as-note"), a: () => focus("p-assignee"), m: () => id("mine")?.click(), s: () => focus("p-status"),
    p: () => focus("p-priority"), t: () => focus("p-tags"), e: () => id("resolve")?.click(), c: () => focus("canned"), z: () => $("#toasts [value=back], #toasts [value=undo]")?.click(), "/": () => { focus("q"); id("q")?.select(); },
    "?": () => id("keys")?.showModal(),
  };
  document.addEventListener("keydown", e => {
    const typing = e.target.closest("input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]");
    if (e.key === "Enter" && (e.ctrlKey || e.metaKey) && e.target.form?.id === "answer") { e.preventDefault(); e.target.form.requestSubmit($(".primary", e.target.form)); return; }
    if (e.key === "Escape" && typing) { e.target.blur(); return; }
    if (typing || e.ctrlKey || e.metaKey || e.altKey || !("keys" in desk().dataset) || $("dialog[open]")) return;
    const key = keys[e.key];
    if (!key) return;
    e.preventDefault();
    key();
  });

  // dress does what every new part needs: the number of chosen tickets, an end to what was said.
  const dress = () => {
    const chosen = all("#rows [name=ids]:checked"), n = chosen.length, text = id("chosen");
    const can = new Set((n ? chosen : all("#rows [name=ids]")).flatMap(box => box.closest(".row").dataset.can.split(" ")));
    for (const x of all("#bulk [data-needs]")) { // what can be done to one of them at least
      x.hidden = x.disabled = !can.has(x.dataset.needs);
      if (x.disabled && x.selected) x.parentElement.value = "";
    }
    const moves = $("#bulk [data-of]");
    if (moves) moves.hidden = !$("option[data-needs]:enabled", moves);
    if ($("[data-all]")) $("[data-all]").hidden = false;
    if (text && n) text.textContent = n + " · " + (text.dataset.words ||= text.textContent);
    if (matchMedia("(min-width: 1280px)").matches) $(".wide-open")?.setAttribute("open", ""); // it is shown in any case: then it says so
    for (const t of all(".toast[data-passing]")) setTimeout(() => t.remove(), 6000);
  };
  document.addEventListener("change", e => { if (e.target.name === "ids") dress(); });
  document.addEventListener("click", e => {
    if (!e.target.closest("[data-all]")) return;
    for (const box of all("#rows [name=ids]")) box.checked = true;
    dress();
  });
  document.addEventListener("reset", () => setTimeout(dress));

  dress();
  listen();
  current();
})();
