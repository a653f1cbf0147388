import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

/** A directory of its own for a test: `await using directory = await temporaryDirectory()`. */
export async function temporaryDirectory(): Promise<
  AsyncDisposable & { readonly path: string; file(...parts: string[]): string }
> {
  const path = await mkdtemp(join(tmpdir(), 'muster-test-'));
  return {
    path,
    file: (...parts) => join(path, ...parts),
    [Symbol.asyncDispose]: () => rm(path, { recursive: true, force: true, maxRetries: 5 }),
  };
}
