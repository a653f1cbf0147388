// `npm run build`: bundles src/ into dist/ for publishing, with the declarations of its types. Nothing else needs it: a checkout runs its
// TypeScript as it is.
import { spawnSync } from 'node:child_process';
import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { bundleFiles } from './bin/bundle.js';
import { makeExecutable } from './bin/executable.js';
import { OLDEST_NODE_OF_PACKAGE } from './bin/oldest-node.js';
import { loadFieldNotes } from './src/api/gen/descriptions.ts';

const root = import.meta.dirname;
const dist = join(root, 'dist');
rmSync(dist, { recursive: true, force: true });
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
for (const { path, contents } of await bundleFiles(root, dist, '.js', `node${OLDEST_NODE_OF_PACKAGE}`)) {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, contents);
}
// Gathered from the official client, which an installed package has no need of.
const fieldNotes = join(dist, 'api', 'gen', 'field-notes.json');
mkdirSync(dirname(fieldNotes), { recursive: true });
writeFileSync(fieldNotes, JSON.stringify(await loadFieldNotes()));
await makeExecutable(root, join(dist, 'muster'), { 'api/gen/field-notes.json': fieldNotes });
// Hosts get it, packages do not.
writeFileSync(join(dist, '.npmignore'), '/muster\n/lib*.so.*\n');
