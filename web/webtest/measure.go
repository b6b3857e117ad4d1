package webtest

import (
	"encoding/json"

	"github.com/chromedp/cdproto/emulation"
)

// Measure is what the page that the tab shows lacks for people who press with thumbs, who have enlarged it, who space its text out, who
// have forced colours of their own upon it, or who asked for less motion: a sentence for each. It expects a tab that wears the look of a
// phone, and leaves it as it was.
func (b *Browser) Measure() (wrong []string) {
	b.tb.Helper()
	said := func(source string) {
		var found []string
		ok(b.tb, json.Unmarshal([]byte(b.Script(`(() => { `+measuring+source+` return JSON.stringify(found); })()`)), &found))
		wrong = append(wrong, found...)
	}
	said(thumbs)
	said(stillness)
	b.window(320, 256) // a window of 1280 × 1024 at 400 %
	said(enlarged)
	b.window(b.look.Width, height)
	said(spaced)
	b.media(emulation.MediaFeature{Name: "forced-colors", Value: "active"})
	said(forced)
	b.media()
	return wrong
}

// measuring are the words that the measurements are written in: what somebody sees, and what is wrong with it.
const measuring = `
	const found = [];
	const name = (e) => e.tagName.toLowerCase() + (e.id ? "#" + e.id : "") + [...e.classList].map((c) => "." + c).join("") + " “" + (e.innerText || e.value || "").trim().slice(0, 20) + "”";
	const seen = (e) => {
		const r = e.getBoundingClientRect(), s = getComputedStyle(e);
		return r.width > 1 && r.height > 1 && s.visibility === "visible" && s.opacity !== "0" && !e.closest(".hidden, .skip, dialog:not([open]), [inert]") && e.checkVisibility();
	};
	const all = (css) => [...document.querySelectorAll(css)].filter(seen);
	const say = (what, e) => { if (found.length < 8) found.push(what + ": " + name(e)); };
`

// thumbs: whatever can be pressed is at least 24 px high and wide, or a link within a sentence; what one comes to a page for, and the
// ways to others, are 44 px high where a finger presses. Fields have 16 px of text, or phones would zoom in.
const thumbs = `
	const coarse = matchMedia("(pointer: coarse)").matches;
	if (!coarse) found.push("the tab is no phone");
	for (const e of all("a[href], button, input, select, textarea, summary")) {
		const s = getComputedStyle(e), inText = s.display === "inline" && e.parentElement.innerText.trim() !== e.innerText.trim();
		const box = (/^(checkbox|radio)$/.test(e.type) && e.closest("label") || e).getBoundingClientRect();
		const over = e.tagName === "A" && getComputedStyle(e, "::after").position === "absolute"; // its whole row can be pressed
		if (!inText && !over && (box.height < 23.5 || box.width < 23.5)) say("smaller than 24 px (" + Math.round(box.width) + " × " + Math.round(box.height) + ")", e);
		else if (e.matches(".btn, .input, .nav a, .side a, .views a, .tabs a, .foot button") && box.height < 43.5) say("lower than 44 px for a thumb (" + Math.round(box.height) + ")", e);
		if (e.matches("input:not([type=checkbox], [type=radio], [type=file]), select, textarea") && parseFloat(s.fontSize) < 16) say("a field with less than 16 px", e);
	}
`

// stillness: nothing moves for who asked for less motion. What only fades may.
const stillness = `
	for (const e of all("*")) {
		const s = getComputedStyle(e);
		if (s.transitionDuration.split(", ").some((d) => parseFloat(d) > 0)) say("moves", e);
		if (s.animationName !== "none" && s.animationName !== "pass") say("moves", e);
	}
`

// enlarged: at 400 % one scrolls in one direction only, and what stays in its place leaves at least half of the window free.
const enlarged = `
	const wide = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth > wide) for (const e of all("body *")) if (e.getBoundingClientRect().right > wide + 1) say("sticks out at 400 %", e);
	for (const e of all("body *")) {
		if (/^(fixed|sticky)$/.test(getComputedStyle(e).position) && e.getBoundingClientRect().height > innerHeight / 2 && !e.matches("dialog")) say("covers the window at 400 %", e);
	}
`

// spaced: with the distances of WCAG 1.4.12 nothing is cut off or sticks out.
const spaced = `
	const sheet = new CSSStyleSheet();
	sheet.replaceSync("* { letter-spacing: .12em !important; word-spacing: .16em !important; line-height: 1.5 !important } p { margin-block-end: 2em !important }");
	document.adoptedStyleSheets = [sheet];
	const wide = document.documentElement.clientWidth;
	if (document.documentElement.scrollWidth > wide) for (const e of all("body *")) if (e.getBoundingClientRect().right > wide + 1) say("sticks out when spaced", e);
	for (const e of all(".btn, button, .chip, h1, h2, h3, label, summary, .notice")) {
		if (getComputedStyle(e).overflow !== "visible" && (e.scrollWidth > e.clientWidth + 1 || e.scrollHeight > e.clientHeight + 1)) say("is cut off when spaced", e);
	}
	document.adoptedStyleSheets = [];
`

// forced: with forced colours, what can be pressed or filled in and what stands out still has an edge, where one is still shows, and
// no drawing has the colour of its ground.
const forced = `
	if (!matchMedia("(forced-colors: active)").matches) found.push("no colours are forced");
	const edge = (s) => ["Top", "Bottom", "Left", "Right"].some((side) => s["border" + side + "Style"] !== "none" && parseFloat(s["border" + side + "Width"]) > 0) || s.outlineStyle !== "none";
	for (const e of all(".btn:not(.plain, .quiet), .input, .card, .notice, .chip, .msg, .toast, dialog")) if (!edge(getComputedStyle(e))) say("has no edge in forced colours", e);
	for (const e of all("[aria-current]")) {
		const s = getComputedStyle(e);
		if (!edge(s) && s.textDecorationLine === "none" && parseInt(s.fontWeight) < 600 && !e.closest(".current")) say("does not show that one is there in forced colours", e);
	}
	const ground = getComputedStyle(document.body).backgroundColor;
	for (const e of all("svg:not(.qr) :is(path, rect, circle, line, polyline)")) {
		const s = getComputedStyle(e);
		if ([s.stroke, s.fill].every((c) => c === "none" || c === ground)) say("has the colour of its ground in forced colours", e.closest("svg").parentElement);
	}
`
