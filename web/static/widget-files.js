'use strict';
// Files in the widget's frame: those that a visitor chooses for a message, and those that messages have. A plain link to one would
// come without the bearer: it is fetched, and saved from the browser's memory.
const papers = ({ t, make, say, report, wordsFor }) => {
  const { fileSize: most, fileLimit: limit, fileCount: count } = document.body.dataset;
  const patience = 600000; // a lot of bytes on a slow line
  let stored = new WeakMap(); // what the server has already, by the file that was chosen
  let chooser = null;

  const size = (bytes) => {
    const [n, unit] = bytes < 999500 ? [Math.max(bytes, 100) / 1000, 'kilobyte'] : [bytes / 1e6, 'megabyte'];
    return new Intl.NumberFormat(document.documentElement.lang, { style: 'unit', unit, maximumFractionDigits: n < 10 ? 1 : 0 }).format(n);
  };

  // choose is a field for files. They are put into the list, and taken out again.
  const choose = (list) => {
    const input = make('input', { type: 'file', multiple: true, id: 'f-files', name: 'files', className: 'input' });
    const wrong = make('p', { className: 'error', id: 'f-files-error', hidden: true }), chosen = make('ul', { className: 'w-files' });
    input.setAttribute('aria-describedby', wrong.id);
    const complain = (said) => {
      wrong.textContent = said.join(' ');
      wrong.hidden = !said.length;
      if (said.length) input.setAttribute('aria-invalid', 'true');
      else input.removeAttribute('aria-invalid');
    };
    const show = () => chosen.replaceChildren(...list.map((file, i) => make('li', {}, make('span', {}, file.name), make('span', { className: 'muted small' }, size(file.size)),
      make('button', { type: 'button', className: 'w-drop', 'aria-label': t.drop(file.name), onclick: () => {
        list.splice(i, 1);
        show();
        input.focus();
        say(t.dropped(file.name));
      } }))));
    const add = (files) => {
      const said = [];
      for (const file of files) {
        if (!file.size) said.push(t.fileEmpty(file.name));
        else if (file.size > most) said.push(t.fileLarge(file.name, limit));
        else if (list.length >= count) said.push(t.fileMany(count));
        else list.push(file);
      }
      complain([...new Set(said)]);
      show();
      say(said.length ? wrong.textContent : t.chosen([...files].map((f) => f.name).join(', ')));
    };
    input.addEventListener('change', () => {
      add(input.files);
      input.value = '';
    });
    chooser = { add, show, box: chosen };
    show();
    return make('div', { className: 'field' }, make('label', { className: 'btn w-attach' }, make('span', {}, t.attach), input), chosen, wrong);
  };

  // Files are pasted and dropped wherever a form takes some.
  const taken = (e, from) => {
    if (!chooser || !chooser.box.isConnected || !from || !from.types.includes('Files')) return;
    e.preventDefault();
    if (e.type !== 'dragover') chooser.add(from.files);
  };
  document.addEventListener('paste', (e) => { if (e.clipboardData.files.length && !e.clipboardData.types.includes('text/plain')) taken(e, e.clipboardData); });
  for (const kind of ['dragover', 'drop']) document.addEventListener(kind, (e) => taken(e, e.dataTransfer));

  // send stores files, each once however often it is tried, and gives their IDs.
  const send = async (call, list) => {
    const ids = [];
    for (const file of list) {
      if (!stored.has(file)) {
        try {
          const { data } = await call('POST', `/attachments?name=${encodeURIComponent(file.name)}`, { body: file, patience });
          stored.set(file, data[0].id);
        } catch (e) {
          const said = { PAYLOAD_TOO_LARGE: () => t.fileLarge(file.name, limit), QUOTA_EXCEEDED: () => t.noRoom, VALIDATION_FAILED: () => t.fileEmpty(file.name) }[e.code];
          if (said) Object.assign(e, { code: 'VALIDATION_FAILED', fields: {}, file: said() });
          throw e;
        }
      }
      ids.push(stored.get(file));
    }
    return ids;
  };

  // list shows the files of a message: to press one saves it.
  const list = (call, files) => files.length ? make('ul', { className: 'w-files' }, ...files.map((file) => {
    const wrong = make('p', { className: 'error', role: 'alert' });
    const button = make('button', { type: 'button', className: 'btn w-file', onclick: () => save(call, file, button, wrong) },
      make('span', {}, make('span', { className: 'hidden' }, t.download, ' '), file.name), make('span', { className: 'muted small' }, size(file.size)));
    return make('li', {}, button, wrong);
  })) : null;

  const save = async (call, file, button, wrong) => {
    if (button.getAttribute('aria-disabled')) return;
    button.setAttribute('aria-disabled', 'true');
    wrong.textContent = '';
    say(t.fetching(file.name));
    try {
      const content = await call('GET', `/attachments/${encodeURIComponent(file.id)}`, { blob: true, patience });
      const link = make('a', { href: URL.createObjectURL(content), download: file.name });
      document.body.append(link);
      link.click();
      link.remove();
      setTimeout(() => URL.revokeObjectURL(link.href), 60000);
      say(t.fetched(file.name));
    } catch (e) {
      const gone = e.code === 'NOT_FOUND';
      if (!gone) report(e);
      say('');
      wrong.textContent = gone ? t.fileGone : wordsFor(e);
    } finally {
      button.removeAttribute('aria-disabled');
    }
  };

  return { choose, send, list, refresh: () => chooser.show(), forget: () => { stored = new WeakMap(); } };
};
