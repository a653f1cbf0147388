import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { createAuthority } from '../../pki/authority.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import { authorityFromFiles } from './signing-material.ts';

const make = (commonName: string) => createAuthority({ commonName, notBeforeMs: 0, notAfterMs: 4e12 });

test('changed files are read again, and half-changed ones leave the old authority at work', async () => {
  const directory = await mkdtemp(join(tmpdir(), 'signing-'));
  try {
    const files = { certificateFile: join(directory, 'ca.pem'), keyFile: join(directory, 'ca.key') };
    const [first, second] = [await make('first'), await make('second')];
    await writeFile(files.certificateFile, first.certificatePem);
    await writeFile(files.keyFile, first.privateKeyPem);
    const errors: string[] = [];
    const source = authorityFromFiles(files, (error) => errors.push(error.message));
    const opened = await source();
    assert.equal(opened.certificatePem, first.certificatePem);
    assert.equal(await source(), opened);

    await writeFileAtomic(files.certificateFile, second.certificatePem, { mode: 0o644 });
    assert.equal(await source(), opened);
    assert.equal(await source(), opened);
    assert.equal(errors.length, 1);
    assert.match(errors[0]!, /ca\.pem.*does not belong/);

    await writeFileAtomic(files.keyFile, second.privateKeyPem, { mode: 0o600 });
    assert.equal((await source()).certificatePem, second.certificatePem);
  } finally {
    await rm(directory, { recursive: true });
  }
});

test('files that cannot be read at first are an error that names them', async () => {
  const source = authorityFromFiles({ certificateFile: '/nowhere/ca.pem', keyFile: '/nowhere/ca.key' }, () => undefined);
  await assert.rejects(source(), /\/nowhere\/ca\.pem/);
});
