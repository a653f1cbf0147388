// Runs after `npm ci` in a checkout: bundles the sources, starts a small cluster on a free port once and throws it away, so that Node
// keeps the compiled code and the first `muster up` is as fast as the next. Nothing depends on it: when it cannot, starts are slower.
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const OLDEST_NODE = 26;
const PATIENCE_MS = 20_000;

if (Number(process.versions.node.split('.')[0]) >= OLDEST_NODE) {
  const { importCode, isCheckout, root } = await import('./code.js');
  if (isCheckout) {
    setTimeout(() => process.exit(0), PATIENCE_MS).unref();
    await bundle(root);
    await warmUp(importCode);
  }
}

async function bundle(root) {
  try {
    const { makeBundle } = await import('./bundle.js');
    await makeBundle(root);
  } catch (error) {
    process.stderr.write(`muster: not bundled, the sources run as they are: ${error.message}\n`);
  }
}

async function warmUp(importCode) {
  try {
    const { keepCompiledCode } = await import('./compiled-code.js');
    keepCompiledCode();
    await Promise.all([importCode('cli/main'), importCode('cli/commands/up')]);
    const { startCluster } = await importCode('cluster/start-cluster');
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
