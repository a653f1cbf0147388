import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../test/harness/temporary-directory.ts';
import { createAuthority } from '../pki/authority.ts';
import { completeConfiguration } from './configuration/defaults.ts';
import { readClientCa } from './preflight.ts';

test('a file of client authorities that names none is refused: TLS would take those of the system instead', async () => {
  await using directory = await temporaryDirectory();
  const clientCAFile = directory.file('ca.pem');
  const read = () => readClientCa(completeConfiguration({ authentication: { x509: { clientCAFile } } }));
  for (const text of ['', '\n', 'no certificate', '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n']) {
    await writeFile(clientCAFile, text);
    await assert.rejects(read(), { code: 'CLIENT_CA_UNREADABLE' }, JSON.stringify(text));
  }
  const now = Date.now();
  const { certificatePem } = await createAuthority({ commonName: 'ca', notBeforeMs: now - 60_000, notAfterMs: now + 3_600_000 });
  await writeFile(clientCAFile, certificatePem);
  assert.equal(await read(), certificatePem);
});
