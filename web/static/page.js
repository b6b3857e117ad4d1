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

// Drafts: what was typed into a form and not sent stays in this browser, until it is sent or two weeks are over.
for (const form of document.querySelectorAll("form[data-draft]")) {
  const key = "deskgate-draft:" + form.getAttribute("action");
  const fields = () => [...form.querySelectorAll("input.input:not([type=file]), textarea.input")];
  try {
    const kept = JSON.parse(localStorage.getItem(key) || "null");
    if (kept && Date.now() - kept.at < 14 * 86400e3) {
      for (const field of fields()) {
        if (field.value === "" && typeof kept[field.name] === "string") field.value = kept[field.name];
      }
    }
  } catch { localStorage.removeItem(key); }
  let later = 0;
  const keep = () => {
    const typed = { at: Date.now() };
    for (const field of fields()) if (field.value) typed[field.name] = field.value;
    if (Object.keys(typed).length > 1) localStorage.setItem(key, JSON.stringify(typed));
    else localStorage.removeItem(key);
  };
  form.addEventListener("input", () => { clearTimeout(later); later = setTimeout(keep, 500); });
  form.addEventListener("submit", () => { clearTimeout(later); localStorage.removeItem(key); });
}

// Whoever signs out leaves nothing behind.
for (const form of document.querySelectorAll("form[action$='/sign-out']")) {
  form.addEventListener("submit", () => {
    for (const key of Object.keys(localStorage)) if (key.startsWith("deskgate-draft:")) localStorage.removeItem(key);
  });
}
