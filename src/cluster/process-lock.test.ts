import assert from 'node:assert/strict';
import { mkdir, rm, stat } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../test/harness/temporary-directory.ts';
import { lockDirectory } from './process-lock.ts';

const inUse = { code: 'DATA_LOCKED', message: / is in use by another cluster process$/ };

test('a directory has one owner until he gives it back', async () => {
  await using directory = await temporaryDirectory();
  const giveBack = lockDirectory(directory.path);
  assert.equal((await stat(directory.file('lock'))).mode & 0o777, 0o600);
  assert.throws(() => lockDirectory(directory.path), inUse);
  giveBack();
  lockDirectory(directory.path)();
});

test('a directory that is being deleted is in use; made anew it is free, whoever holds the lock of before', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('cluster');
  assert.throws(() => lockDirectory(path), inUse);
  await mkdir(path);
  const before = lockDirectory(path);
  await rm(path, { recursive: true });
  assert.throws(() => lockDirectory(path), inUse);
  await mkdir(path);
  const giveBack = lockDirectory(path);
  before();
  assert.throws(() => lockDirectory(path), inUse);
  giveBack();
});
