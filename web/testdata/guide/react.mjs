// Bundles the guide's component as a partner's build does, and prints the script.
import { writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createRequire } from 'node:module';

const component = process.argv[2];
const entry = join(dirname(component), 'entry.jsx');
writeFileSync(entry, `
  import { createRoot } from 'react-dom/client';
  import HelpButton from ${JSON.stringify(component)};
  createRoot(document.getElementById('app')).render(<HelpButton />);
`);
const esbuild = createRequire(component)('esbuild');
const built = esbuild.buildSync({
  entryPoints: [entry], bundle: true, write: false, jsx: 'automatic', define: { 'process.env.NODE_ENV': '"production"' },
});
process.stdout.write(built.outputFiles[0].text);
