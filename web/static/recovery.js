// Buttons that copy and print recovery codes. Without this file they can be selected and printed by hand.

const codes = document.querySelector('#codes');
const text = [...codes.querySelectorAll('code')].map((code) => code.textContent).join('\n');

for (const button of document.querySelectorAll('[data-copy]')) {
  button.hidden = !navigator.clipboard;
  button.setAttribute('aria-live', 'polite');
  button.addEventListener('click', async () => {
    try {
      await navigator.clipboard.writeText(`${text}\n`);
      button.textContent = 'Copied';
    } catch {
      button.textContent = 'Select and copy them by hand';
    }
    setTimeout(() => { button.textContent = 'Copy'; }, 3000);
  });
}

for (const button of document.querySelectorAll('[data-print]')) {
  button.hidden = false;
  button.addEventListener('click', () => print());
}
