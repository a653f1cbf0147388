/**
 * `npm test [-- PATTERN …]`: all tests, or those whose file names hold one of the patterns. Unit tests run side by side; tests that start
 * clusters and processes run two at a time, since each of them needs a processor of its own to be in time.
 */
import { spawnSync } from 'node:child_process';
import { globSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { missingTools, prepareTools } from './harness/tools.ts';

const ROOT = resolve(import.meta.dirname, '..');

interface Stage {
  readonly name: string;
  readonly files: string;
  readonly atOnce: number;
  /** A test that takes longer is broken. */
  readonly timeoutMs: number;
}

const cores = availableParallelism();
const STAGES: readonly Stage[] = [
  { name: 'architecture', files: 'test/architecture/**/*.test.ts', atOnce: cores, timeoutMs: 60_000 },
  { name: 'unit', files: 'src/**/*.test.ts', atOnce: cores, timeoutMs: 120_000 },
  { name: 'contracts', files: 'test/contracts/**/*.test.ts', atOnce: cores, timeoutMs: 300_000 },
  { name: 'runbooks', files: 'test/runbooks/**/*.test.ts', atOnce: 2, timeoutMs: 300_000 },
  // Whole hosts: each file has as many as its document.
  { name: 'runbooks on hosts', files: 'test/runbooks-hosts/**/*.test.ts', atOnce: 1, timeoutMs: 900_000 },
  { name: 'e2e', files: 'test/e2e/**/*.test.ts', atOnce: 2, timeoutMs: 300_000 },
  { name: 'faults', files: 'test/faults/**/*.test.ts', atOnce: 2, timeoutMs: 600_000 },
];

const missing = missingTools();
if (missing.length > 0) {
  process.stderr.write(`${missing.join('\n')}\n`);
  process.exit(1);
}
const tools = await prepareTools().catch((error: Error) => {
  process.stderr.write(`${error.message}\n`);
  process.exit(1);
});

const patterns = process.argv.slice(2);
let failed = 0;
for (const { name, files, atOnce, timeoutMs } of STAGES) {
  const selected = globSync(files, { cwd: ROOT })
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
    .sort();
  if (selected.length === 0) continue;
  process.stdout.write(`\n── ${name}: ${selected.length} files\n`);
  const { status } = spawnSync(
    process.execPath,
    ['--test', `--test-concurrency=${atOnce}`, `--test-timeout=${timeoutMs}`, '--test-reporter=spec', ...selected],
    // Whatever cluster the developer works with stays out of reach of the tests.
    {
      cwd: ROOT,
      stdio: 'inherit',
      env: {
        ...process.env,
        KUBECONFIG: '/nonexistent/kubeconfig',
        MUSTER_HOME: '/nonexistent/muster',
        MUSTER_TEST_KUBECTL120: tools.kubectl120,
      },
    },
  );
  if (status !== 0) failed++;
}
if (failed > 0) process.stderr.write(`\n${failed} of ${STAGES.length} stages failed\n`);
process.exit(failed > 0 ? 1 : 0);
