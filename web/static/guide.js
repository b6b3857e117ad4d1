// A button beside each piece of code that copies it. Without this file the guide is all there, to be selected by hand.

/** Copies text; where the page has no clipboard (no TLS), by way of a selection. */
async function copy(code) {
  if (navigator.clipboard) {
    await navigator.clipboard.writeText(code.textContent);
    return;
  }
  getSelection().selectAllChildren(code);
  if (!document.execCommand('copy')) throw new Error('not copied');
}

for (const figure of document.querySelectorAll('figure.code')) {
  const caption = figure.querySelector('figcaption');
  const code = figure.querySelector('code');
  const button = document.createElement('button');
  button.type = 'button';
  button.className = 'copy';
  const name = caption.textContent.trim();
  const label = (word) => {
    const hidden = document.createElement('span');
    hidden.className = 'hidden';
    hidden.textContent = ` ${name}`;
    button.replaceChildren(word, hidden);
  };
  label('Copy');
  button.addEventListener('click', async () => {
    try {
      await copy(code);
      label('Copied');
    } catch {
      label('Select and copy it by hand:');
    }
    setTimeout(label, 3000, 'Copy');
  });
  button.setAttribute('aria-live', 'polite');
  caption.append(button);
}
