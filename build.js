// `npm run build`: compiles src/ to dist/ for publishing. Nothing else needs it: a checkout runs its TypeScript as it is.
import { spawnSync } from 'node:child_process';
import { cpSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const root = import.meta.dirname;
rmSync(join(root, 'dist'), { recursive: true, force: true });
const { status } = spawnSync('tsc', ['-p', 'tsconfig.build.json'], { cwd: root, stdio: 'inherit' });
if (status !== 0) process.exit(status ?? 1);
// Read at run time, where the compiler copies only what is imported.
for (const file of ['gen/schema.json', 'gen/protobuf-fields.json', 'older/schema-differences.json'])
  cpSync(join(root, 'src/api', file), join(root, 'dist/api', file));
// Gathered from the official client, which an installed package has no need of.
const { loadDescriptions } = await import('./dist/api/gen/descriptions.js');
writeFileSync(join(root, 'dist/api/gen/descriptions.json'), JSON.stringify(await loadDescriptions()));
