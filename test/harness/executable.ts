/** The one file that hosts get of Muster. */
import { globSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { lockFile } from '../../src/host/file-lock.ts';
import { runProgram } from '../../src/host/run-program.ts';
import { runOrFail } from './run-command.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const BUILD_MS = 300_000;

/** What `npm run build` makes, and the library that it needs. Built when it is not there, or older than a source. */
export async function builtExecutable(): Promise<{ readonly executable: string; readonly library: string }> {
  const built = { executable: join(ROOT, 'dist', 'muster'), library: join(ROOT, 'dist', 'libatomic.so.1') };
  // Tests that begin at the same time do not build on top of each other.
  const lock = await lockFile(join(tmpdir(), 'muster-test-build.lock'), {
    run: runProgram,
    signal: AbortSignal.timeout(BUILD_MS),
  });
  try {
    if (isStale(built.executable)) await runOrFail(process.execPath, ['build.js'], { cwd: ROOT, timeoutMs: BUILD_MS });
  } finally {
    await lock.release();
  }
  return built;
}

function isStale(executable: string): boolean {
  const madeMs = statSync(executable, { throwIfNoEntry: false })?.mtimeMs;
  if (madeMs === undefined) return true;
  return globSync(['src/**/*.ts', 'bin/*.js', 'build.js'], { cwd: ROOT }).some(
    (file) => statSync(join(ROOT, file)).mtimeMs > madeMs,
  );
}
