import assert from 'node:assert/strict';
import { EventEmitter } from 'node:events';
import type { FSWatcher } from 'node:fs';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../../test/harness/temporary-directory.ts';
import { VirtualClock } from '../../../std/clock.ts';
import { silentLogger } from '../../../std/logger.ts';
import { until } from '../../testing/cluster-of-one.ts';
import { createManifestFiles } from './manifest-files.ts';

test('who writes to the directory all the time keeps nobody from reading it', async () => {
  await using directory = await temporaryDirectory();
  const clock = new VirtualClock(0);
  const life = new AbortController();
  let change = () => {};
  let texts: readonly (string | undefined)[] = [];
  const files = createManifestFiles({
    path: directory.path,
    checkMs: 3_600_000,
    async onChange(manifests) {
      texts = manifests.map(({ text }) => text);
    },
    clock,
    logger: silentLogger,
    watchDirectory(_path, onChange) {
      change = onChange;
      return Object.assign(new EventEmitter(), { close: () => undefined }) as unknown as FSWatcher;
    },
  });
  await files.start(life.signal);
  await writeFile(join(directory.path, 'a.yaml'), 'a');
  for (let i = 0; i < 50; i++) {
    change();
    await clock.advance(50);
  }
  await until(() => texts.length === 1, 'the manifest is read');
  assert.deepEqual(texts, ['a']);
  life.abort();
  await files.done;
});
