// What all pages run that somebody is signed in to. They work without it.
"use strict";

// The server learns by whose clocks to show times. It is asked for again only where what is shown would change.
{
  const zone = Intl.DateTimeFormat().resolvedOptions().timeZone || "";
  const cookie = "__Host-deskgate-zone=" + encodeURIComponent(zone);
  if (zone && !document.cookie.split("; ").includes(cookie)) {
    document.cookie = cookie + "; path=/; secure; samesite=lax; max-age=31536000";
  }
}

// Drafts: what was typed into a form and not sent stays in this browser for a week. It is its owner's alone: whoever signs
// in after them makes it go, and so does signing out. Text that was sent and did not arrive is there when one goes back.
try {
  const prefix = "deskgate-draft:", sending = "deskgate-sent";
  const [owner, before] = (document.body.dataset.owner || "").split(" "), own = prefix + owner + ":";
  const kept = () => Object.keys(localStorage).filter(key => key.startsWith(prefix));
  const read = key => { try { return JSON.parse(localStorage.getItem(key)) || {}; } catch { return {}; } };
  const drop = key => localStorage.removeItem(key);

  for (const key of owner ? kept() : []) {
    const old = prefix + before + ":"; // the same person's, before the address was confirmed
    if (before && key.startsWith(old)) localStorage.setItem(own + key.slice(old.length), localStorage.getItem(key));
    if (!key.startsWith(own) || !(Date.now() - read(key).at < 7 * 86400e3)) drop(key);
  }
  const sent = sessionStorage.getItem(sending);
  if (sent && performance.getEntriesByType("navigation")[0]?.type !== "back_forward") drop(sent);
  sessionStorage.removeItem(sending);
  addEventListener("pageshow", e => { if (e.persisted) sessionStorage.removeItem(sending); }); // gone back, to the page as it was

  let later = 0, keep = () => {};
  for (const form of owner ? document.querySelectorAll("form[data-draft]") : []) {
    const key = own + form.getAttribute("action"), draft = read(key);
    const fields = [...form.querySelectorAll("input.input:not([type=file]), textarea.input, select.input")];
    for (const field of fields) if (field.value === "" && typeof draft[field.name] === "string") field.value = draft[field.name];
    keep = () => {
      clearTimeout(later);
      const typed = Object.fromEntries(fields.filter(f => f.value).map(f => [f.name, f.value]));
      if (Object.keys(typed).length) localStorage.setItem(key, JSON.stringify({ ...typed, at: Date.now() }));
      else drop(key);
    };
    form.addEventListener("input", () => { clearTimeout(later); later = setTimeout(keep, 500); });
    form.addEventListener("submit", () => { keep(); sessionStorage.setItem(sending, key); });
  }
  document.addEventListener("submit", e => {
    if (e.target.matches("[data-leaves]") || e.submitter?.matches("[data-leaves]")) { clearTimeout(later); kept().forEach(drop); }
  });
} catch { /* a browser that keeps nothing keeps no drafts */ }

// Files are chosen, pasted and dropped into a form that takes several, and can be taken out again.
{
  const takes = "input[type=file][multiple]";
  const near = e => e.target.closest?.("form")?.querySelector(takes);
  const dropped = e => (e.dataTransfer?.types.includes("Files") ? near(e) || document.querySelector(takes) : null);
  const size = new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit: "kilobyte", maximumFractionDigits: 0 });
  const give = (input, files) => {
    const all = new DataTransfer();
    for (const file of files) all.items.add(file);
    input.files = all.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  };
  const add = (e, input, files) => {
    if (!input || !files.length) return;
    e.preventDefault();
    give(input, [...input.files, ...files]);
  };
  const make = (name, text = "", css = "") => {
    const x = document.createElement(name);
    x.textContent = text;
    x.className = css;
    return x;
  };
  const show = input => {
    const place = input.closest("label") || input, files = [...input.files];
    if (!place.nextElementSibling?.matches(".chosen-files")) place.after(make("ul", "", "plain chosen-files"));
    place.nextElementSibling.replaceChildren(...files.map(file => {
      const item = make("li"), button = make("button", "×", "btn small square");
      button.type = "button";
      button.ariaLabel = (input.dataset.remove || "#").replace("#", file.name);
      button.addEventListener("click", () => { input.focus(); give(input, files.filter(f => f !== file)); });
      item.append(make("span", file.name), " ", make("span", size.format(Math.ceil(file.size / 1000)), "muted small"), button);
      return item;
    }));
  };
  document.addEventListener("change", e => { if (e.target.matches(takes)) show(e.target); });
  document.addEventListener("paste", e => { if (!e.clipboardData.types.includes("text/plain")) add(e, near(e), e.clipboardData.files); });
  const mark = form => { for (const f of document.querySelectorAll("form.drop")) f.classList.remove("drop"); form?.classList.add("drop"); };
  document.addEventListener("dragover", e => { const input = dropped(e); if (input) e.preventDefault(); mark(input?.form); });
  document.addEventListener("dragleave", e => { if (!e.relatedTarget) mark(); });
  document.addEventListener("drop", e => { mark(); const input = dropped(e); if (input) add(e, input, e.dataTransfer.files); });
}

// Buttons that copy what stands beside them.
for (const button of navigator.clipboard ? document.querySelectorAll("button[data-done]") : []) {
  const says = button.querySelector("[aria-live]"), copy = says.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    try { await navigator.clipboard.writeText(button.dataset.copy); } catch { return; }
    says.textContent = button.dataset.done;
    setTimeout(() => { says.textContent = copy; }, 3000);
  });
}
