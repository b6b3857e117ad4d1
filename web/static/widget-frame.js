'use strict';
// What is to be seen in the widget's frame. Texts only ever become text nodes.
(() => {
  const t = words[document.documentElement.lang];
  const [head, tabs, live, main, foot] = ['.w-head', '.w-tabs', '[role=status]', 'main', '.w-foot'].map((css) => document.querySelector(css));
  let who = null; // what the page around us says: {email, name}, {token}, {failed}, {}; null until it has said something
  let me = null; // whoever is signed in
  let typed = false; // the visitor has said who they are, not the page
  let open = false, entering = false, covered = false, view = null, categories = [];
  const blank = () => ({ category: '', title: '', text: '', files: [], replies: {}, keys: {} });
  let draft = blank();

  const make = (tag, properties, ...inside) => {
    const e = document.createElement(tag);
    for (const [name, value] of Object.entries(properties || {})) {
      if (value === undefined || value === null) continue;
      if (name.startsWith('on')) e.addEventListener(name.slice(2), value);
      else if (name in e && name !== 'list') e[name] = value;
      else e.setAttribute(name, value);
    }
    e.append(...inside.filter((one) => one !== null && one !== undefined));
    return e;
  };
  const say = (text) => { live.textContent = text; };
  const when = (time) => make('time', { dateTime: time }, new Intl.DateTimeFormat(document.documentElement.lang, { dateStyle: 'medium', timeStyle: 'short' }).format(new Date(time)));
  const button = (text, onclick, more) => make('button', { type: 'button', className: 'btn', onclick, ...more }, text);

  // Words for what went wrong.
  const wordsFor = (e) => {
    const known = t.trouble[e.code];
    if (typeof known === 'function') return known(e.seconds);
    return known || t.trouble.OTHER(e.request);
  };
  const report = (e) => {
    if (!(e instanceof session.Trouble)) throw e;
    session.post('event', { name: 'error', detail: { code: e.code, words: [wordsFor(e), ...Object.values(e.fields).flat()].join(' ') } });
  };
  const paper = papers({ t, make, say, report, wordsFor });
  const notice = (text, ...more) => make('div', { className: 'notice bad', role: 'alert' }, text, ...more);

  // Turns: what signs in or out happens one after the other.
  let turn = Promise.resolve();
  const inTurn = (f) => {
    turn = turn.then(f).catch((e) => stop(e, f));
  };

  // call asks the API, and once more with a new bearer if the old one is over.
  const call = async (method, path, options) => {
    try {
      return await session.send(method, '/api' + path, options);
    } catch (e) {
      if (e.status !== 401) throw e;
      const again = await session.resume();
      if (!again || !same(again, me)) {
        if (who.token !== undefined) session.post('ask');
        else inTurn(enter);
        throw e;
      }
      return session.send(method, '/api' + path, options);
    }
  };
  const folded = (email) => email.trim().replace(/[A-Z]/g, (c) => c.toLowerCase());
  const same = (a, b) => Boolean(a && b) && folded(a.email) === folded(b.email) && a.assurance === b.assurance;

  // enter signs in whom the page names; without a name, whoever was signed in before the page was loaded again.
  const enter = async () => {
    if (!who) return;
    if (!me) wait();
    const named = who;
    let next = null;
    if (named.failed) throw new session.Trouble('TOKEN_FAILED');
    if (named.token !== undefined) next = await session.begin({ token: named.token });
    else {
      next = await session.resume();
      if (named.email !== undefined && !(next && folded(next.email) === folded(named.email))) {
        if (!named.name.trim()) return ask(named.email);
        next = await session.begin({ email: named.email, name: named.name });
      }
    }
    if (named !== who) return; // somebody else has been named meanwhile: their turn comes
    typed = typed && named.email === undefined;
    if (next) await settle(next);
    else ask();
  };

  const settle = async (next) => {
    const stays = same(next, me) && view;
    if (me && !stays) draft = blank();
    if (!same(next, me)) paper.forget(); // what somebody else has stored is not theirs to send
    me = next;
    session.post('event', { name: 'identified', detail: { assurance: me.assurance } });
    footer();
    tabs.hidden = false;
    if (stays) return covered ? view() : undefined;
    categories = (await call('GET', '/categories')).data.filter((c) => c.active);
    const mine = await call('GET', '/tickets?limit=1');
    if (mine.data.length) await showList();
    else showNew();
  };

  const leave = async () => {
    me = null;
    view = null;
    typed = false;
    who = {};
    draft = blank();
    tabs.hidden = foot.hidden = true;
    wait();
    await session.end();
    ask();
  };

  // stop shows an error that leaves nothing else to show. A token that did not do is asked for anew.
  const stop = (e, again) => {
    report(e);
    const token = who.failed || who.token !== undefined;
    const fields = Object.values(e.fields).flat().map((said) => make('p', {}, t.check(said)));
    tabs.hidden = true;
    main.replaceChildren(notice(wordsFor(e), ...fields), button(t.again, () => {
      wait();
      if (again === enter && token) session.post('ask');
      else inTurn(again);
    }));
    covered = true;
    focusFirst();
  };

  const wait = () => {
    main.replaceChildren(make('p', { className: 'muted' }, t.wait));
    covered = true;
  };

  // show puts a view into the frame.
  const show = (current, ...inside) => {
    for (const tab of tabs.children) {
      if (tab.dataset.view === current) tab.setAttribute('aria-current', 'page');
      else tab.removeAttribute('aria-current');
    }
    main.replaceChildren(...inside);
    main.scrollTop = 0;
    covered = false;
    focusFirst();
  };
  // focusFirst moves the focus to where a view begins: within the frame, or into it when the panel has just been opened. It
  // never takes it from the page around us.
  const focusFirst = () => {
    if (!open || !entering && !document.hasFocus()) return;
    entering = entering && covered;
    const first = main.querySelector('[data-first]') || main.querySelector('button, a, input, select, textarea');
    if (first) first.focus({ preventScroll: true });
  };

  // A field with its label, its hint and what is wrong with it.
  const field = (name, label, input, hint) => {
    input.id = 'f-' + name;
    input.name = name;
    input.classList.add('input');
    const wrong = make('p', { className: 'error', id: `f-${name}-error`, hidden: true });
    const about = [`f-${name}-error`];
    const rows = [make('label', { htmlFor: input.id }, label), input];
    if (hint) {
      about.unshift(`f-${name}-hint`);
      rows.push(make('span', { className: 'hint', id: `f-${name}-hint` }, hint));
    }
    input.setAttribute('aria-describedby', about.join(' '));
    return make('div', { className: 'field' }, ...rows, wrong);
  };
  const mark = (form, fields) => {
    let first = null;
    for (const input of form.querySelectorAll('.input')) {
      const said = fields[input.name], wrong = document.getElementById(input.id + '-error');
      wrong.textContent = said ? said : '';
      wrong.hidden = !said;
      if (said) input.setAttribute('aria-invalid', 'true');
      else input.removeAttribute('aria-invalid');
      if (said && !first) first = input;
    }
    if (first) first.focus();
    return first !== null;
  };

  // form is a form whose sending may fail, be tried again, and loses nothing.
  const form = (properties, send, submit, ...inside) => {
    const place = make('div');
    const go = make('button', { className: 'btn primary stretch' }, submit);
    const f = make('form', { noValidate: true, className: 'stack', ...properties }, place, ...inside, go);
    f.addEventListener('submit', async (e) => {
      e.preventDefault();
      if (go.getAttribute('aria-disabled')) return;
      const empty = {};
      for (const input of f.querySelectorAll('.input[required]')) {
        if (!input.value.trim()) empty[input.name] = t.required;
        else if (!input.checkValidity()) empty[input.name] = input.validationMessage;
      }
      place.replaceChildren();
      if (mark(f, empty)) return;
      go.setAttribute('aria-disabled', 'true');
      go.textContent = t.sending;
      say(t.sending);
      try {
        await send();
      } catch (e) {
        report(e);
        const fields = {};
        for (const [name, said] of Object.entries(e.fields)) fields[{ category_id: 'category', description: 'text', body: 'text', attachment_ids: 'files' }[name] || name] = t.check(said.join(' '));
        if (e.file) fields.files = e.file;
        else if (fields.files) paper.forget(); // stored so long ago that they are gone: the next try stores them again
        place.replaceChildren(notice(wordsFor(e)));
        place.scrollIntoView({ block: 'nearest' });
        mark(f, fields);
        say('');
      } finally {
        go.removeAttribute('aria-disabled');
        go.textContent = submit;
      }
    });
    return f;
  };

  // once is the key that has a request, sent again after its answer was lost, be the same request.
  const once = (name, body) => {
    const was = draft.keys[name], now = JSON.stringify(body);
    if (!was || was.body !== now) draft.keys[name] = { body: now, key: Array.from(crypto.getRandomValues(new Uint32Array(4)), (n) => n.toString(36)).join('-') };
    return draft.keys[name].key;
  };

  // The views.
  const ask = (address) => {
    view = () => ask(address);
    tabs.hidden = foot.hidden = true;
    const name = make('input', { type: 'text', autocomplete: 'name', maxLength: 200, required: true });
    const email = make('input', { type: 'email', autocomplete: 'email', maxLength: 254, required: true, value: address });
    name.dataset.first = '';
    show('', make('h2', {}, t.whoTitle), make('p', { className: 'muted' }, t.whoText), form({}, async () => {
      const next = await session.begin({ email: email.value, name: name.value });
      typed = address === undefined;
      await settle(next);
    }, t.go, field('name', t.name, name), field('email', t.email, email)));
  };

  const showNew = () => {
    view = showNew;
    const category = make('select', { onchange: () => { draft.category = category.value; } }, make('option', { value: '' }, t.notSure),
      ...categories.map((c) => make('option', { value: c.id }, c.name)));
    category.value = draft.category;
    const title = make('input', { type: 'text', maxLength: 200, required: true, value: draft.title, oninput: () => { draft.title = title.value; } });
    const text = make('textarea', { rows: 7, required: true, value: draft.text, oninput: () => { draft.text = text.value; } });
    (categories.length ? category : title).dataset.first = '';
    show('new', make('h2', { className: 'hidden' }, t.newRequest), form({}, async () => {
      const body = { title: draft.title, description: draft.text };
      if (draft.category) body.category_id = draft.category;
      let made;
      try {
        if (draft.files.length) body.attachment_ids = await paper.send(call, draft.files);
        made = await file(body);
      } catch (e) {
        if (e.code !== 'CONFIRMATION_REQUIRED') throw e;
        return showCode();
      }
      draft = { ...draft, category: '', title: '', text: '', files: [] };
      session.post('event', { name: 'filed', detail: { number: made.number } });
      await showThread(made.number);
      say(t.sent(made.number));
    }, t.send, categories.length ? field('category', t.category, category) : null, field('title', t.title, title), field('text', t.text, text, t.textHint), paper.choose(draft.files)));
  };
  const file = (body) => call('POST', '/tickets', { body, key: once('new', body) });

  // showCode has the visitor prove the address before their first request. What they have typed waits meanwhile.
  const showCode = () => {
    view = showCode;
    const code = make('input', { type: 'text', inputMode: 'numeric', autocomplete: 'one-time-code', maxLength: 20, required: true });
    const typing = form({ hidden: true }, async () => {
      const was = me;
      me = await session.confirm(code.value);
      paper.forget();
      if (was.email !== me.email) draft = blank();
      footer();
      session.post('event', { name: 'identified', detail: { assurance: me.assurance } });
      showNew();
      say(t.confirmed);
    }, t.codeGo, field('code', t.code, code));
    const said = make('p', {}, t.codeText(me.email)), place = make('div');
    const asking = button(t.codeSend, async () => {
      place.replaceChildren();
      try {
        await session.sendCode();
        said.textContent = t.codeSent(me.email);
        asking.textContent = t.codeAgain;
        asking.className = 'btn';
        typing.hidden = false;
        say(said.textContent);
        code.focus();
      } catch (e) {
        report(e);
        place.replaceChildren(notice(wordsFor(e)));
        if (e.code === 'RATE_LIMITED') typing.hidden = false; // there may be a code already
      }
    }, { className: 'btn primary' });
    asking.dataset.first = '';
    show('new', button(t.back, showNew, { className: 'w-back' }), make('h2', {}, t.codeTitle), said, typing, place, asking);
  };

  const showList = async () => {
    view = showList;
    const list = make('ul', { className: 'w-list' }), more = button(t.more, () => next().catch(below), { hidden: true });
    let cursor = null;
    const next = async () => {
      const answer = await call('GET', '/tickets?limit=20' + (cursor ? '&cursor=' + encodeURIComponent(cursor) : ''));
      list.append(...answer.data.map(card));
      cursor = answer.next_cursor;
      more.hidden = !answer.has_more;
      return answer.data.length;
    };
    const below = (e) => { report(e); more.before(notice(wordsFor(e))); };
    const some = await retrying(next, showList);
    if (some === undefined || view !== showList) return;
    show('list', make('h2', { className: 'hidden' }, t.myRequests), some ? list : make('p', { className: 'muted' }, t.none), more);
  };
  const chip = (status) => make('span', { className: `chip ${{ pending: 'waiting', resolved: 'done', closed: 'done' }[status] || 'open'}` }, t.status[status] || status);
  const card = (one) => make('li', {}, make('button', { type: 'button', className: 'w-card', onclick: () => showThread(one.number) },
    make('span', { className: 'w-title' }, one.title), chip(one.status),
    make('span', { className: 'muted small' }, `#${one.number} · `, t.updated(''), when(one.updated_at))));

  // retrying shows what went wrong with a way to try again; it gives undefined then.
  const retrying = async (f, again) => {
    try {
      return await f();
    } catch (e) {
      report(e);
      show('', notice(wordsFor(e)), button(t.again, () => { wait(); again(); }));
      return undefined;
    }
  };

  const showThread = async (number) => {
    const here = () => showThread(number);
    here.number = number;
    view = here;
    const thread = await retrying(() => read(number), here);
    if (!thread || view !== here) return;
    const list = make('ol', { className: 'w-thread' });
    let shown = 0;
    const fill = (messages) => {
      list.append(...messages.slice(shown).map(message));
      shown = messages.length;
    };
    fill(thread.messages);
    const newest = () => list.lastElementChild.scrollIntoView({ block: 'nearest' });
    const reply = draft.replies[number] = draft.replies[number] || { text: '', files: [] };
    const text = make('textarea', { rows: 3, required: true, value: reply.text, oninput: () => { reply.text = text.value; } });
    const back = button(t.back, showList, { className: 'w-back' });
    back.dataset.first = '';
    const status = make('p', { className: 'row' }, chip(thread.ticket.status), make('span', { className: 'muted small' }, `#${number}`));
    here.refresh = async () => {
      const now = await read(number);
      status.firstChild.replaceWith(chip(now.ticket.status));
      const fresh = now.messages.slice(shown);
      fill(now.messages);
      if (fresh.length) newest();
      if (fresh.some((m) => m.role !== 'requester')) say(t.answered);
    };
    show('list', back, make('h2', {}, thread.ticket.title), status, list, form({}, async () => {
      const body = { body: text.value };
      if (reply.files.length) body.attachment_ids = await paper.send(call, reply.files);
      const made = await call('POST', `/tickets/${number}/comments`, { body, key: once('reply ' + number, body) });
      reply.text = text.value = '';
      reply.files.length = 0;
      paper.refresh();
      delete draft.keys['reply ' + number];
      if (made.number) await showThread(made.number); // the old request was closed for good: this one goes on with it
      else await here.refresh();
      say(t.replied);
    }, t.sendReply, field('text', t.reply, text), paper.choose(reply.files)));
    newest();
  };

  // read is a request with all that was said about it.
  const read = async (number) => {
    const ticket = await call('GET', `/tickets/${number}`);
    const messages = [{ id: '', body: ticket.description, role: 'requester', name: '', at: ticket.created_at, files: ticket.attachments }];
    for (let cursor = ''; cursor !== null;) {
      const page = await call('GET', `/tickets/${number}/comments?limit=100${cursor && '&cursor=' + encodeURIComponent(cursor)}`);
      messages.push(...page.data.map((c) => ({ id: c.id, body: c.body, role: c.author.role, name: c.author.name, at: c.created_at, files: c.attachments })));
      cursor = page.has_more ? page.next_cursor : null;
    }
    return { ticket, messages };
  };
  const message = (m) => make('li', { className: m.role === 'requester' ? 'own' : 'staff' },
    make('div', { className: 'w-by' }, make('b', {}, m.role === 'requester' ? t.you : m.name || t.support), ' ', when(m.at)),
    make('div', { className: 'w-text' }, ...prose(m.body)), paper.list(call, m.files));
  // prose is a text with what people write most of Markdown: addresses that can be pressed, strong words, and code.
  const spans = /\[([^\]\n]+)\]\((https?:\/\/[^\s<>()]+)\)|https?:\/\/[^\s<>()]*[^\s<>().,:;!?'"*_]|\*\*([^*\n]+)\*\*|`([^`\n]+)`/g;
  const prose = (text) => {
    const parts = [];
    let from = 0;
    for (const found of text.matchAll(spans)) {
      const [all, name, address, strong, code] = found;
      parts.push(text.slice(from, found.index), strong ? make('b', {}, strong) : code ? make('code', {}, code)
        : make('a', { href: address || all, target: '_blank', rel: 'noopener noreferrer' }, name || all));
      from = found.index + all.length;
    }
    return [...parts, text.slice(from)];
  };

  const footer = () => {
    const name = make('span', {}, t.signedInAs(me.name), me.assurance === 'asserted' ? ` · ${t.unverified}` : '');
    const full = button(t.fullPage, () => session.leave(view && view.number || ''), { className: 'w-link', title: t.newTab });
    foot.replaceChildren(name, typed ? button(t.notYou, () => inTurn(leave), { className: 'w-link' }) : '', full);
    foot.hidden = false;
  };

  // The frame around the views.
  head.append(button('', () => session.post('close'), { className: 'w-close', 'aria-label': t.close }));
  for (const [name, text, go] of [['new', t.newRequest, () => showNew()], ['list', t.myRequests, () => showList()]]) {
    const tab = button(text, go, { className: 'w-tab' });
    tab.dataset.view = name;
    tabs.append(tab);
  }
  document.addEventListener('keydown', (e) => { if (e.key === 'Escape' && !e.isComposing) session.post('close'); });
  setInterval(() => {
    if (open && me && view && view.refresh && !covered && !document.hidden) view.refresh().catch(() => {}); // the next time may do
  }, 30000);

  if (!session.embedded) {
    main.replaceChildren(make('p', {}, t.alone), make('a', { className: 'btn', href: document.body.dataset.base + '/' }, t.portal));
    return;
  }
  wait();
  session.hear({
    hello({ color, ink }) {
      document.documentElement.style.setProperty('--w-color', color);
      document.documentElement.style.setProperty('--w-ink', ink);
    },
    identify(m) {
      who = m.failed === true ? { failed: true } : m.token !== undefined ? { token: m.token } : m.email !== undefined ? { email: m.email, name: m.name } : {};
      inTurn(enter);
    },
    show() {
      open = entering = true;
      focusFirst();
    },
    hide() { open = entering = false; },
    logout() { inTurn(leave); },
  });
})();
