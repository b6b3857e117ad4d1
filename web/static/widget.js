/*! Deskgate's widget: a button, and a panel with the help desk in a frame. What the page may call stands in /integration. */
(() => {
  'use strict';
  const atNode = false; // the server writes true at a node's host

  const words = {
    en: { open: 'Help', close: 'Close help', panel: 'Help desk', wait: 'One moment…', again: 'Try again', tab: 'Open the help desk in a new tab', failed: 'The help desk can’t be shown here right now.' },
    de: { open: 'Hilfe', close: 'Hilfe schließen', panel: 'Hilfe', wait: 'Einen Moment …', again: 'Noch einmal versuchen', tab: 'Hilfe in neuem Tab öffnen', failed: 'Die Hilfe kann hier gerade nicht angezeigt werden.' },
  };

  const page = document, early = window.Deskgate;
  const script = page.currentScript || page.querySelector('script[src*="/widget.js"]');
  const say = (...what) => console.error('Deskgate:', ...what);
  if (!script || early && early.here) return;

  // Where the frame is: beside the script, or at the host of the tenant whom the script's element names.
  const options = script.dataset, source = new URL(script.src, page.baseURI);
  let base = source.origin + source.pathname.replace(/\/widget\.js$/, ''), home = base + '/widget/frame';
  if (atNode) {
    if (!/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(options.tenant || '')) return say('the script from the node’s host needs data-tenant="…", the name of the help desk.');
    base = `${source.protocol}//${options.tenant}.${source.host}`;
    home = base + '/.well-known/deskgate/widget';
  }
  const desk = new URL(base).origin;
  const lang = [options.lang, page.documentElement.lang, navigator.language, 'en'].map((l) => (l || '').slice(0, 2).toLowerCase()).find((l) => words[l]);
  const text = words[lang];

  const make = (tag, attributes, ...inside) => {
    const e = attributes && attributes.xmlns ? page.createElementNS(attributes.xmlns, tag) : page.createElement(tag);
    for (const name in attributes) if (name !== 'xmlns') e.setAttribute(name, attributes[name]);
    e.append(...inside);
    return e;
  };
  const icon = (path) => {
    const xmlns = 'http://www.w3.org/2000/svg';
    return make('svg', { xmlns, viewBox: '0 0 24 24', 'aria-hidden': 'true' }, make('path', { xmlns, d: path, fill: 'none', stroke: 'currentColor', 'stroke-width': '2', 'stroke-linecap': 'round', 'stroke-linejoin': 'round' }));
  };

  // All that is to be seen lies in a shadow tree, with a style sheet that no policy of the page has to allow.
  const host = make('deskgate-widget'), root = host.attachShadow({ mode: 'open' }), sheet = new CSSStyleSheet();
  const label = make('span', {}, text.open);
  const button = make('button', { type: 'button', class: 'b', 'aria-expanded': 'false', 'aria-controls': 'panel' }, icon('M21 11.5a8.4 8.4 0 0 1-8.5 8.5c-1.3 0-2.6-.3-3.8-.9L3 21l1.9-5.7a8.4 8.4 0 0 1-.9-3.8A8.5 8.5 0 0 1 12.5 3 8.4 8.4 0 0 1 21 11.5z'), label);
  const shut = make('button', { type: 'button', class: 'x', 'aria-label': text.close }, icon('M6 6l12 12M18 6L6 18'));
  const status = make('p', { role: 'status' }), retry = make('button', { type: 'button', hidden: '' }, text.again);
  const aside = make('a', { href: base + '/', target: '_blank', rel: 'noopener', hidden: '' }, text.tab);
  const cover = make('div', { class: 'c' }, shut, status, retry, aside);
  const panel = make('div', { id: 'panel', class: 'p', role: 'dialog', 'aria-label': text.panel, hidden: '' }, cover);
  root.append(button, panel);

  const hue = () => {
    host.style.color = '#2450c8';
    if (options.color) host.style.color = options.color; // one that is none changes nothing
    const [r, g, b] = (getComputedStyle(host).color.match(/^rgb\((\d+), (\d+), (\d+)\)$/) || [0, 36, 80, 200]).slice(1).map(Number);
    host.style.color = '';
    const light = [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4);
    const paper = '#' + [r, g, b].map((v) => v.toString(16).padStart(2, '0')).join('');
    return { color: paper, ink: 0.2126 * light[0] + 0.7152 * light[1] + 0.0722 * light[2] > 0.179 ? '#000000' : '#ffffff' };
  };

  const dress = ({ color, ink }) => {
    const side = options.position === 'left' ? 'left' : 'right';
    sheet.replaceSync(`
:host{all:initial;color-scheme:light dark}
*{box-sizing:border-box;font:600 16px/1.4 system-ui,sans-serif}
[hidden]{display:none!important}
.b,.p{position:fixed;z-index:2147483000;${side}:max(16px,env(safe-area-inset-${side}))}
.b{bottom:max(16px,env(safe-area-inset-bottom));display:flex;align-items:center;gap:8px;min-height:52px;padding:0 20px 0 16px;border:1px solid #fff6;border-radius:26px;background:${color};color:${ink};cursor:pointer;box-shadow:0 2px 6px #0003,0 8px 24px #0003}
.b:hover{box-shadow:0 2px 6px #0005,0 8px 24px #0005}
svg{width:24px;height:24px;flex:none}
:focus-visible{outline:3px solid #fff;outline-offset:0;box-shadow:0 0 0 6px #1b3d9c!important}
.p{bottom:max(84px,calc(68px + env(safe-area-inset-bottom)));width:min(400px,calc(100vw - 32px));height:min(640px,calc(100vh - 100px));height:min(640px,calc(100dvh - 100px));border-radius:16px;overflow:hidden;background:Canvas;color:CanvasText;border:1px solid #8886;box-shadow:0 8px 40px #0004;animation:in .18s ease-out}
@keyframes in{from{opacity:0;transform:translateY(12px)}}
iframe{display:block;width:100%;height:100%;border:0}
.c{position:absolute;inset:0;display:flex;flex-direction:column;gap:16px;align-items:center;justify-content:center;padding:24px;background:Canvas;text-align:center}
.c p{margin:0}
.c button,.c a{display:flex;align-items:center;justify-content:center;min-width:44px;min-height:44px;padding:0 16px;border:1px solid;border-radius:9px;background:none;color:inherit;cursor:pointer}
.c .x{position:absolute;top:6px;right:6px;padding:0;border:0}
@media (max-width:560px),(max-height:480px){.p{inset:0;width:100%;height:100%;border:0;border-radius:0}.b[aria-expanded=true]{display:none}}
@media (prefers-reduced-motion:reduce){.p{animation:none}}
@media (forced-colors:active){:focus-visible{outline-color:Highlight}}
@media print{.b,.p{display:none}}`);
    root.adoptedStyleSheets = [sheet];
  };

  // What the page has asked for, and how far the frame is.
  const listeners = Object.create(null), key = 'deskgate:' + base;
  let who = null, frame = null, ready = false, late = 0, look = null, leaving = false;
  const isOpen = () => !panel.hidden;
  const tell = (name, detail) => (listeners[name] || []).forEach((f) => { try { f(detail); } catch (e) { say(e); } });
  const store = (action, value) => { try { return localStorage[action](key, value); } catch { return null; } };
  const post = (type, more) => { if (ready) frame.contentWindow.postMessage({ ...more, deskgate: 1, type }, desk); };

  // A token may be a function that fetches one: then it is fresh whenever the frame needs it.
  const introduce = async () => {
    if (!ready) return;
    const mine = who, said = mine || remembered();
    if (!said) return post('identify', {});
    try {
      const token = typeof said.token === 'function' ? await said.token() : said.token;
      if (mine !== who) return;
      post('identify', token === undefined ? { email: String(said.email || ''), name: String(said.name || '') } : { token: String(token) });
    } catch (e) {
      say('the token could not be had:', e);
      if (mine === who) post('identify', { failed: true });
    }
  };

  const remembered = () => {
    if (options.remember === undefined) return null;
    try { return JSON.parse(store('getItem')); } catch { return null; }
  };

  const failed = () => {
    if (ready) return;
    status.textContent = text.failed;
    retry.hidden = aside.hidden = false;
    say(`the help desk at ${desk} did not answer. If it is up, its administrator has to allow this page’s origin:\n  deskgate tenant set ${options.tenant || 'SLUG'} allowed_origins=${location.origin}\n(with the ones that are allowed already, and commas between them), and the page’s own policy, if it has one, needs: frame-src ${desk}`);
    tell('error', { code: 'UNREACHABLE' });
  };

  const load = () => {
    if (frame) frame.remove();
    ready = cover.hidden = false;
    retry.hidden = aside.hidden = true;
    status.textContent = text.wait;
    frame = make('iframe', { title: text.panel, src: `${home}?lang=${lang}&origin=${encodeURIComponent(location.origin)}` });
    clearTimeout(late);
    late = setTimeout(failed, 20000);
    frame.addEventListener('load', () => { clearTimeout(late); late = setTimeout(failed, 3000); });
    panel.prepend(frame);
  };

  const commands = {
    identify(v) {
      if (!v || !v.token && !v.email) return say('identify takes {email, name}, or {token} with a token or a function that returns one.');
      who = v;
      if (options.remember !== undefined) v.token ? store('removeItem') : store('setItem', JSON.stringify({ email: v.email, name: v.name }));
      introduce();
    },
    open() {
      if (isOpen()) return;
      panel.hidden = false;
      button.setAttribute('aria-expanded', 'true');
      label.textContent = text.close;
      if (!frame) load();
      if (ready) { frame.focus(); post('show'); } else shut.focus();
      tell('open');
    },
    close() {
      if (!isOpen()) return;
      const inside = page.activeElement === host;
      panel.hidden = true;
      button.setAttribute('aria-expanded', 'false');
      label.textContent = text.open;
      post('hide');
      if (inside) button.focus();
      tell('close');
    },
    toggle() { commands[isOpen() ? 'close' : 'open'](); },
    logout() {
      who = null;
      store('removeItem');
      leaving = true;
      commands.close();
      if (!frame) load(); // only the frame can end its session
      else if (ready) { post('logout'); leaving = false; }
    },
    on(name, f) {
      if (typeof f === 'function') (listeners[name] = listeners[name] || []).push(f);
    },
  };

  const heard = {
    ready() {
      ready = cover.hidden = true;
      clearTimeout(late);
      post('hello', look);
      if (leaving) post('logout');
      leaving = false;
      introduce();
      if (isOpen()) { frame.focus(); post('show'); }
      tell('ready');
    },
    ask: introduce,
    close: commands.close,
    event({ name, detail }) {
      if (name === 'error') say(detail.code, detail.words);
      tell(name, detail);
    },
  };
  window.addEventListener('message', ({ source: from, origin, data }) => {
    if (!frame || from !== frame.contentWindow || origin !== desk || !data || data.deskgate !== 1) return;
    if (Object.hasOwn(heard, data.type)) heard[data.type](data);
  });

  const run = (name, ...more) => {
    if (Object.hasOwn(commands, name)) commands[name](...more);
    else say(`there is no command ${name}. There are ${Object.keys(commands).join(', ')}.`);
  };
  window.Deskgate = run;
  run.here = true;
  for (const call of early && early.q || []) run(...call);
  button.addEventListener('click', commands.toggle);
  shut.addEventListener('click', commands.close);
  retry.addEventListener('click', load);
  panel.addEventListener('keydown', (e) => { if (e.key === 'Escape') commands.close(); });

  const begin = () => {
    page.body.append(host);
    look = hue();
    dress(look);
  };
  if (page.body) begin();
  else page.addEventListener('DOMContentLoaded', begin);
})();
