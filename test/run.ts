/**
 * `npm test [-- PATTERN …]`: all tests, or those whose file names hold one of the patterns. Unit tests run side by side; tests that start
 * clusters and processes run two at a time, since each of them needs a processor of its own to be in time.
 *
 * A file or two of a stage that fail beside others are run once more, alone: what fails then as well fails the run; what does not is named at
 * the end as unstable, which is a defect too, of the test or of the code.
 */
import { spawnSync } from 'node:child_process';
import { globSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { availableParallelism, tmpdir } from 'node:os';
import { join, relative, resolve } from 'node:path';
import { missingTools, prepareTools } from './harness/tools.ts';

const ROOT = resolve(import.meta.dirname, '..');

interface Stage {
  readonly name: string;
  readonly files: string;
  readonly atOnce: number;
  /** A test that takes longer is broken. */
  readonly timeoutMs: number;
}

/** So many files of a stage that fail are run once more: more than these are no accident. */
const SECOND_ATTEMPTS = 2;

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

/** Runs test files. Answers whether all is well, and which files are not. */
function runFiles(
  files: readonly string[],
  atOnce: number,
  timeoutMs: number,
): { readonly passed: boolean; readonly failed: readonly string[] } {
  const directory = mkdtempSync(join(tmpdir(), 'muster-test-run-'));
  const failedFile = join(directory, 'failed');
  const reporters = [
    ['spec', 'stdout'],
    [join(ROOT, 'test/harness/failed-files.ts'), failedFile],
  ].flatMap(([reporter, destination]) => [`--test-reporter=${reporter}`, `--test-reporter-destination=${destination}`]);
  try {
    const { status } = spawnSync(
      process.execPath,
      ['--test', `--test-concurrency=${atOnce}`, `--test-timeout=${timeoutMs}`, ...reporters, ...files],
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
    return { passed: status === 0, failed: readFileSync(failedFile, 'utf8').split('\n').filter(Boolean) };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const patterns = process.argv.slice(2);
const unstable: string[] = [];
let ran = 0;
let failures = 0;
for (const { name, files, atOnce, timeoutMs } of STAGES) {
  const selected = globSync(files, { cwd: ROOT })
    .filter((file) => patterns.length === 0 || patterns.some((pattern) => file.includes(pattern)))
    .sort();
  if (selected.length === 0) continue;
  ran += selected.length;
  process.stdout.write(`\n── ${name}: ${selected.length} files\n`);
  const { passed, failed } = runFiles(selected, atOnce, timeoutMs);
  if (passed) continue;
  const again = failed.map((file) => relative(ROOT, file));
  if (failed.length === 0 || failed.length > SECOND_ATTEMPTS) {
    failures++;
    continue;
  }
  process.stdout.write(`\n── ${name}: once more, alone: ${again.join(', ')}\n`);
  if (runFiles(failed, 1, timeoutMs).passed) unstable.push(...again);
  else failures++;
}
if (ran === 0) {
  process.stderr.write(`no test file has ${patterns.join(' or ')} in its path\n`);
  process.exit(1);
}
if (unstable.length > 0) process.stderr.write(`\nunstable, failed beside others and passed alone: ${unstable.join(', ')}\n`);
if (failures > 0) process.stderr.write(`\n${failures} of ${STAGES.length} stages failed\n`);
process.exit(failures > 0 ? 1 : 0);
