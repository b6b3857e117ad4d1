import { useState } from 'react';

/** Takes the user to the help desk. Your server makes the address; the secret stays with it. */
export default function HelpButton() {
  const [state, setState] = useState('ready');

  async function open() {
    setState('busy');
    try {
      const response = await fetch('/help', { method: 'POST' });
      if (!response.ok) throw new Error(response.statusText);
      const { url } = await response.json();
      window.location.assign(url);
    } catch {
      setState('failed');
    }
  }

  return (
    <>
      <button type="button" onClick={open} disabled={state === 'busy'}>Get help</button>
      {state === 'failed' && <p role="alert">The help desk can't be reached. Please try again.</p>}
    </>
  );
}
