// Runs after `npm ci` in a checkout: starts a small cluster on a free port once and throws it away, so that Node keeps the compiled
// code and the first `muster up` is as fast as the next. Nothing depends on it: when it cannot, the first start is slower.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OLDEST_NODE = 26;
const PATIENCE_MS = 20_000;

if (Number(process.versions.node.split('.')[0]) >= OLDEST_NODE) {
  const { isCheckout, keepCompiledCode } = await import('./compiled-code.js');
  if (isCheckout) await warmUp(keepCompiledCode);
}

async function warmUp(keepCompiledCode) {
  setTimeout(() => process.exit(0), PATIENCE_MS).unref();
  keepCompiledCode();
  try {
    await Promise.all([import('../src/cli/main.ts'), import('../src/cli/commands/up.ts')]);
    const { startCluster } = await import('./library.js');
    const directory = mkdtempSync(join(tmpdir(), 'muster-warm-up-'));
    try {
      const cluster = await startCluster({ nodes: 1, dataDir: join(directory, 'data') });
      await cluster.close();
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  } catch (error) {
    process.stderr.write(`muster: the first start will be slower: ${error.message}\n`);
  }
}
