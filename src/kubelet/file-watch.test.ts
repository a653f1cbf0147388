import assert from 'node:assert/strict';
import { rename, symlink, unlink, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../test/harness/temporary-directory.ts';
import { until } from '../../test/harness/until.ts';
import { systemClock, VirtualClock } from '../std/clock.ts';
import { silentLogger } from '../std/logger.ts';
import { createFileWatch } from './file-watch.ts';

async function watched(clock = systemClock, refuse: (texts: readonly string[]) => boolean = () => false) {
  const directory = await temporaryDirectory();
  const paths = [join(directory.path, 'tls.crt'), join(directory.path, 'tls.key')];
  for (const path of paths) await writeFile(path, 'old');
  const seen: (readonly string[])[] = [];
  const life = new AbortController();
  const watch = createFileWatch({
    paths,
    contents: ['old', 'old'],
    onChange: (texts) => {
      if (refuse(texts)) throw new Error('they do not fit');
      seen.push(texts);
    },
    clock,
    logger: silentLogger,
  });
  await watch.start(life.signal);
  return {
    paths,
    seen,
    async [Symbol.asyncDispose]() {
      life.abort();
      await watch.done;
      await directory[Symbol.asyncDispose]();
    },
  };
}

test('files that are written anew are taken over together', async () => {
  await using files = await watched();
  const [certificate = '', key = ''] = files.paths;
  await writeFile(certificate, 'new');
  await writeFile(`${key}.tmp`, 'new key');
  await rename(`${key}.tmp`, key);
  await until('both are seen', () => files.seen.at(-1)?.join() === 'new,new key');
});

test('a pair that does not fit is left alone until it does', async () => {
  await using files = await watched(systemClock, ([certificate, key]) => certificate !== key);
  const [certificate = '', key = ''] = files.paths;
  await writeFile(certificate, 'new');
  await writeFile(key, 'new');
  await until('the pair is seen', () => files.seen.length === 1);
  assert.deepEqual(files.seen, [['new', 'new']]);
});

test('what the kernel does not tell is found within a minute', async () => {
  const clock = new VirtualClock(0);
  await using files = await watched(clock);
  const [certificate = ''] = files.paths;
  // Virtual time: what the kernel tells would be looked at 50 ms later.
  await unlink(certificate);
  await symlink('/proc/self/comm', certificate);
  await clock.advance(60_000);
  await until('the link is followed', () => files.seen.length > 0);
});
