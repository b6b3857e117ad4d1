// Signs in with a passkey, proves anew with one, or adds one. Without this file the page's other ways are all there.

const place = document.querySelector('[data-passkey]');
const said = place.querySelector('[role="alert"]');
const button = place.querySelector('button');
const { passkey: what, ask, answer, next } = place.dataset;

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, '+').replace(/_/g, '/')), (c) => c.charCodeAt(0));
const text = (buffer) => btoa(String.fromCharCode(...new Uint8Array(buffer)))
  .replace(/\+/g, '-').replace(/\//g, '_').replace(/=+$/, '');
const named = (list) => (list || []).map((one) => ({ ...one, id: bytes(one.id) }));

/** An error whose message is for people. */
class Refusal extends Error {}

/** Sends JSON to the host that the page is from, and returns what it answers. */
async function send(address, body) {
  const response = await fetch(address, {
    method: 'POST', body: JSON.stringify(body), headers: { 'Content-Type': 'application/json', Accept: 'application/json' },
  });
  const document = await response.json().catch(() => ({}));
  if (response.ok) return document;
  if (document.code === 'STEP_UP_REQUIRED' || document.code === 'UNAUTHENTICATED') location.reload();
  throw new Refusal(Object.values(document.errors || {}).flat().join(' ') || document.error || 'That did not work. Try again.');
}

/** What the authenticator has answered, as JSON. */
function written(credential) {
  const response = {};
  for (const part of ['clientDataJSON', 'attestationObject', 'authenticatorData', 'signature', 'userHandle']) {
    if (credential.response[part]) response[part] = text(credential.response[part]);
  }
  if (credential.response.getTransports) response.transports = credential.response.getTransports();
  return {
    id: credential.id, rawId: text(credential.rawId), type: credential.type, response,
    authenticatorAttachment: credential.authenticatorAttachment || undefined, clientExtensionResults: {},
  };
}

/** Has a passkey answer a challenge of ours, and goes where the answer leads. */
async function use(options) {
  const asked = await send(ask, {});
  const credential = await navigator.credentials.get({
    ...options, publicKey: { ...asked, challenge: bytes(asked.challenge), allowCredentials: named(asked.allowCredentials) },
  });
  location.assign((await send(answer, { credential: written(credential), next })).location);
}

/** Has the browser make a passkey. */
async function add() {
  const asked = await send(ask, {});
  const credential = await navigator.credentials.create({
    publicKey: {
      ...asked, challenge: bytes(asked.challenge), user: { ...asked.user, id: bytes(asked.user.id) },
      excludeCredentials: named(asked.excludeCredentials),
    },
  });
  const name = place.querySelector('input')?.value || '';
  location.assign((await send(answer, { credential: written(credential), name })).location);
}

/** Says what went wrong, if anybody needs to know. */
function say(error) {
  if (error.name === 'AbortError') return;
  said.textContent = {
    NotAllowedError: what === 'add' ? 'No passkey was made.' : 'No passkey was used. Perhaps there is none for this address.',
    InvalidStateError: 'You have a passkey there already.',
    NotSupportedError: 'This device can\'t keep passkeys.',
    SecurityError: 'This browser allows no passkeys at this address.',
  }[error.name] || (error instanceof Refusal ? error.message : 'That did not work. Try again.');
}

let waiting = new AbortController();

/** Lets the browser offer passkeys in the field for the address, for as long as the page is open. */
async function offer() {
  const field = document.querySelector('input[autocomplete~="webauthn"]');
  if (!field || !await PublicKeyCredential.isConditionalMediationAvailable?.()) return;
  const { signal } = waiting;
  // A challenge is good for ten minutes.
  setTimeout(() => { if (!signal.aborted) { waiting.abort(); waiting = new AbortController(); offer(); } }, 9 * 60 * 1000);
  use({ mediation: 'conditional', signal }).catch((error) => { if (error instanceof Refusal) say(error); });
}

if (window.PublicKeyCredential) {
  place.hidden = false;
  if (what === 'use') offer();
  button.addEventListener('click', async () => {
    waiting.abort();
    said.textContent = '';
    button.disabled = true;
    try {
      await (what === 'add' ? add() : use({}));
    } catch (error) {
      say(error);
    }
    button.disabled = false;
  });
} else {
  const without = document.querySelector('[data-without-passkeys]');
  if (without) without.hidden = false;
}
