'use strict';
// How the widget's frame speaks with the page around it and with the server. The bearer never leaves this file but for our own
// server: the page around the frame, whoever rules it, gets no more than words about what happened.
const session = (() => {
  const { base, origin } = document.body.dataset;
  let bearer = '';

  // Trouble is an error with the server's code.
  class Trouble extends Error {
    constructor(code, more) {
      super(code);
      Object.assign(this, { code, fields: {} }, more);
    }
  }

  const post = (type, more) => {
    if (origin && parent !== window) parent.postMessage({ ...more, deskgate: 1, type }, origin);
  };

  // What the page may say, and of what form. Everything else is not heard.
  const text = (v, most) => typeof v === 'string' && v.length <= most;
  const forms = {
    hello: (m) => /^#[0-9a-f]{6}$/.test(m.color) && /^#[0-9a-f]{6}$/.test(m.ink),
    identify: (m) => m.token !== undefined ? text(m.token, 8192) && m.email === undefined : m.email === undefined || text(m.email, 254) && text(m.name, 800),
    show: () => true,
    hide: () => true,
    logout: () => true,
  };
  const hear = (handlers) => {
    window.addEventListener('message', (e) => {
      const m = e.data;
      if (!origin || e.source !== parent || e.origin !== origin || typeof m !== 'object' || m === null || m.deskgate !== 1) return;
      if (Object.hasOwn(forms, m.type) && forms[m.type](m)) handlers[m.type](m);
    });
    post('ready');
  };

  // send asks our server. Cookies go along where a session begins, goes on or ends, and nowhere else.
  // A file is sent as it is, and received as one where the answer is to be a blob.
  const send = async (method, path, { body, key, cookies, blob, patience = 30000 } = {}) => {
    const headers = { Accept: blob ? '*/*' : 'application/json' }, asIs = body === undefined || body instanceof Blob;
    if (!asIs) headers['Content-Type'] = 'application/json';
    if (bearer) headers.Authorization = `Bearer ${bearer}`;
    if (key) headers['Idempotency-Key'] = key;
    let answer, data = null;
    try {
      answer = await fetch(base + path, {
        method, headers, body: asIs ? body : JSON.stringify(body),
        credentials: cookies ? 'same-origin' : 'omit', cache: 'no-store', redirect: 'error', signal: AbortSignal.timeout(patience),
      });
      if (answer.status !== 204) data = await (blob && answer.ok ? answer.blob() : answer.json());
    } catch {
      throw new Trouble('OFFLINE');
    }
    if (answer.ok) return data;
    throw new Trouble(data.code || 'OTHER', {
      status: answer.status, fields: data.errors || {}, seconds: data.retry_after || 0, request: data.request_id,
    });
  };

  const keep = (answer) => {
    bearer = answer.bearer;
    return { email: answer.user.email, name: answer.user.name, assurance: answer.assurance };
  };

  return {
    Trouble, hear, post, send, embedded: Boolean(origin) && parent !== window,
    // begin signs somebody in: {email, name}, or {token}.
    begin: async (who) => keep(await send('POST', '/widget/session', { body: { ...who, origin }, cookies: true })),
    // resume goes on with the session in the cookie, or gives null.
    resume: async () => {
      const again = await send('POST', '/widget/session/resume', { body: { origin }, cookies: true });
      return again && keep(again);
    },
    sendCode: () => send('POST', '/widget/code/send', { cookies: true }),
    confirm: async (code) => keep(await send('POST', '/widget/code', { body: { code }, cookies: true })),
    end: async () => {
      try {
        await send('POST', '/widget/session/end', { body: { origin }, cookies: true });
      } finally {
        bearer = '';
      }
    },
    // leave opens the portal in a tab of its own: a form may do so where a script's window would be blocked.
    leave: (ticket) => {
      const form = Object.assign(document.createElement('form'), { method: 'post', action: base + '/widget/handoff', target: '_blank', rel: 'noopener' });
      for (const [name, value] of Object.entries({ bearer, ticket })) {
        form.append(Object.assign(document.createElement('input'), { type: 'hidden', name, value }));
      }
      document.body.append(form);
      form.submit();
      form.remove();
    },
  };
})();
