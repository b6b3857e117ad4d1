// The redirect login as a page's script does it, with every step on show. It asks the test endpoint, which answers with what
// the redirect would say; only the visitor's own click goes there.

const form = document.querySelector('form[data-trial]');
const result = document.getElementById('result');
const steps = document.getElementById('steps');

const meanings = {
  asserted: 'They file requests, and see what this browser has filed. Nothing proved that the address is theirs.',
  vouched: 'They see all of their requests.',
};

const worth = ['Content-Type', 'X-RateLimit-Limit', 'X-RateLimit-Remaining', 'X-RateLimit-Reset', 'Retry-After', 'X-Request-Id'];

/** An element with text in it, which is never read as HTML. */
function element(name, text, className = '') {
  const e = document.createElement(name);
  e.textContent = text;
  if (className) e.className = className;
  return e;
}

function table(headers) {
  const body = document.createElement('tbody');
  for (const [name, value] of headers) {
    const row = document.createElement('tr');
    const head = element('th', name);
    head.scope = 'row';
    row.append(head, element('td', value));
    body.append(row);
  }
  const t = document.createElement('table');
  t.className = 'headers';
  t.append(body);
  return t;
}

/** A token is long, and a secret for two minutes: its beginning will do. */
const brief = (url) => url.replace(/(token=.{12}).+/, '$1…');

function problem(answer) {
  const parts = [];
  const notice = element('p', `${answer.message} ${answer.error ?? ''} `, 'notice bad');
  notice.append(element('code', answer.code ?? ''));
  parts.push(notice);
  if (answer.details) parts.push(element('p', answer.details, 'mono'));
  for (const sentence of Object.values(answer.errors ?? {}).flat()) parts.push(element('p', sentence, 'error'));
  return parts;
}

function warnings(list) {
  if (list.length === 0) return [element('p', 'No warnings.', 'notice good')];
  return list.map((sentence) => element('p', sentence, 'notice warn'));
}

function show(request, response, answer) {
  const page = steps.content.cloneNode(true);
  const put = (slot, ...content) => page.querySelector(`[data-slot="${slot}"]`).replaceChildren(...content);
  put('url', request.url);
  put('sent', table([...Object.entries(request.headers), ['Origin', window.location.origin]]));
  put('body', request.body);
  put('status', `${response.status} ${response.statusText}`.trim());
  put('received', table(worth.flatMap((name) => (response.headers.has(name) ? [[name, response.headers.get(name)]] : []))));
  if (answer.success) {
    put('problem');
    put('life', String(answer.expires_in));
    put('callback', brief(answer.redirect_url));
    put('assurance', answer.assurance);
    put('meaning', meanings[answer.assurance] ?? '');
    put('landing', answer.landing);
    put('back', answer.return_link ?? 'none');
    put('warnings', ...warnings(answer.warnings));
    page.querySelector('[data-go]').addEventListener('click', () => { window.location = answer.redirect_url; });
  } else {
    put('problem', ...problem(answer));
    for (const part of page.querySelectorAll('[data-when="success"]')) part.remove();
  }
  result.replaceChildren(page);
  result.hidden = false;
  result.scrollIntoView({ block: 'start' });
}

form.addEventListener('submit', async (event) => {
  event.preventDefault();
  const { slug, ...fields } = Object.fromEntries([...new FormData(form)].filter(([, value]) => value !== ''));
  const request = {
    url: new URL(form.dataset.trial + encodeURIComponent(slug ?? ''), window.location.href).href,
    headers: { 'Content-Type': 'application/json', 'Accept': 'application/json' },
    body: JSON.stringify(fields, null, 2),
  };
  const button = form.querySelector('button');
  button.disabled = true;
  try {
    const response = await fetch(request.url, { method: 'POST', credentials: 'include', headers: request.headers, body: request.body });
    show(request, response, await response.json());
  } catch (error) {
    result.replaceChildren(element('p', `No answer: ${error.message}`, 'notice bad'));
    result.hidden = false;
  } finally {
    button.disabled = false;
  }
});
