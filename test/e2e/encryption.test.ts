import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../src/std/clock.ts';
import { silentLogger } from '../../src/std/logger.ts';
import { openStore } from '../../src/store/open-store.ts';
import { type ApiserverProcess, openApiserverProcess } from './apiserver-process.ts';

const key = (name: string, byte: number) => ({ name, secret: Buffer.alloc(32, byte).toString('base64') });
const configuration = (...providers: object[]) => ({
  apiVersion: 'apiserver.config.k8s.io/v1',
  kind: 'EncryptionConfiguration',
  resources: [{ resources: ['secrets'], providers }],
});

/** What lies in the store while no server has it. */
async function stored(apiserver: ApiserverProcess): Promise<string> {
  const store = await openStore('sqlite', { directory: apiserver.file('data'), clock: systemClock, logger: silentLogger });
  try {
    const { entry } = await store.get('/registry/secrets/default/s');
    return Buffer.from(entry?.value ?? []).toString('latin1');
  } finally {
    await store.close();
  }
}

test('Secrets are encrypted on disk, and written with a new key by kubectl replace', async () => {
  await using apiserver = await openApiserverProcess();
  const { kubectl } = apiserver;
  const flag = `--encryption-provider-config=${apiserver.file('encryption.yaml')}`;
  const password = async () => {
    const { data } = await kubectl.json<{ data: { password: string } }>('get secret s');
    return Buffer.from(data.password, 'base64').toString();
  };

  await apiserver.start();
  await kubectl.run('create secret generic s --from-literal=password=hunter2');
  await apiserver.stop();
  assert.match(await stored(apiserver), /aHVudGVyMg/);

  const rewrite = async (prefix: string, ...providers: object[]) => {
    await apiserver.write('encryption.yaml', configuration(...providers));
    await apiserver.start(flag);
    assert.equal(await password(), 'hunter2');
    const all = await kubectl.run('get secrets --all-namespaces -o json');
    await kubectl.run('replace -f -', { input: all });
    assert.equal(await password(), 'hunter2');
    await apiserver.stop();
    const value = await stored(apiserver);
    assert.ok(value.startsWith(prefix), value.slice(0, 40));
    return value;
  };
  const encrypted = await rewrite('k8s:enc:aescbc:v1:key1:', { aescbc: { keys: [key('key1', 1)] } }, { identity: {} });
  assert.doesNotMatch(encrypted, /aHVudGVyMg/);
  await rewrite('k8s:enc:aescbc:v1:key2:', { aescbc: { keys: [key('key2', 2), key('key1', 1)] } });
  await rewrite('k8s:enc:secretbox:v1:box:', { secretbox: { keys: [key('box', 3)] } }, { aescbc: { keys: [key('key2', 2)] } });
  await rewrite('{"apiVersion":"v1","kind":"Secret"', { identity: {} }, { secretbox: { keys: [key('box', 3)] } });
});

test('a configuration with a key that is too short ends the server, which says where and not what', async () => {
  await using apiserver = await openApiserverProcess();
  await apiserver.write('encryption.yaml', configuration({ aescbc: { keys: [{ name: 'k', secret: 'c2hvcnQ=' }] } }));
  await assert.rejects(apiserver.start(`--encryption-provider-config=${apiserver.file('encryption.yaml')}`), (error: Error) => {
    assert.match(error.message, /resources\[0\]\.providers\[0\]\.aescbc\.keys\[0\]\.secret.*got 5, expected one of \[16 24 32\]/);
    assert.doesNotMatch(error.message, /c2hvcnQ/);
    return true;
  });
});
