import assert from 'node:assert/strict';
import { writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { systemClock, VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { createMemoryStore } from '../../store/memory/memory-store.ts';
import type { Store } from '../../store/store.ts';
import { configMap, type List, startTestApi } from '../test-api.ts';
import { createAesCbc, createAesGcm, createSecretbox } from './ciphers.ts';
import { openEncryption } from './open-encryption.ts';

const KEY1 = Buffer.alloc(32, 1).toString('base64');
const KEY2 = Buffer.alloc(32, 2).toString('base64');
const SECRETS = '/api/v1/namespaces/default/secrets';

const secret = (name: string) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name }, data: { p: 'aHVudGVyMg==' } });
const provider = (name: string, ...keys: [string, string][]) => ({
  [name]: { keys: keys.map(([key, value]) => ({ name: key, secret: value })) },
});
const configuration = (providers: object[], resources = ['secrets']) =>
  JSON.stringify({
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [{ resources, providers }],
  });

/** A store that outlives the servers on it, with a configuration that can be changed between them. */
async function keptStore() {
  const directory = await temporaryDirectory();
  const inner = createMemoryStore({ clock: systemClock });
  const store: Store = { ...bound(inner), close: async () => undefined };
  const path = directory.file('encryption.yaml');
  return {
    path,
    raw: async (key: string) => Buffer.from((await inner.get(key)).entry?.value ?? []).toString('latin1'),
    async start(text: string) {
      await writeFile(path, text, { mode: 0o600 });
      return startTestApi({ store, encryption: { path, automaticReload: false } });
    },
    plain: () => startTestApi({ store }),
    async [Symbol.asyncDispose]() {
      await inner.close();
      await directory[Symbol.asyncDispose]();
    },
  };
}

function bound(store: Store): Store {
  return new Proxy(store, {
    ownKeys: () => Object.getOwnPropertyNames(Object.getPrototypeOf(store)),
    getOwnPropertyDescriptor: () => ({ enumerable: true, configurable: true }),
    get: (target, name) => {
      const value = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

for (const name of ['aescbc', 'aesgcm', 'secretbox'])
  test(`${name}: what is stored names its form and key and holds nothing plain; what is read and watched is plain`, async () => {
    await using kept = await keptStore();
    const api = await kept.start(configuration([provider(name, ['key1', KEY1]), { identity: {} }]));
    await api.call('POST', SECRETS, secret('s'));
    await api.call('POST', '/api/v1/namespaces/default/configmaps', configMap('c'));
    const raw = await kept.raw('/registry/secrets/default/s');
    assert.ok(raw.startsWith(`k8s:enc:${name}:v1:key1:`), raw.slice(0, 40));
    assert.doesNotMatch(raw, /aHVudGVyMg/);
    assert.match(await kept.raw('/registry/configmaps/default/c'), /^\{"apiVersion":"v1","kind":"ConfigMap"/);
    const read = await api.call('GET', `${SECRETS}/s`);
    assert.deepEqual(read.body['data'], { p: 'aHVudGVyMg==' });
    const list = await api.call<List>('GET', `${SECRETS}?limit=1`);
    assert.deepEqual(list.body.items[0]!['data'], { p: 'aHVudGVyMg==' });
    await api.call('DELETE', `${SECRETS}/s`);
    const watch = await api.call(
      'GET',
      `${SECRETS}?watch=1&timeoutSeconds=1&resourceVersion=${read.body.metadata?.resourceVersion}`,
    );
    assert.match(watch.text, /"type":"DELETED".*aHVudGVyMg/);
    await api.stop();
  });

test('after a restart with a new key in front, an update that changes nothing writes the value with the new key', async () => {
  await using kept = await keptStore();
  const first = await kept.start(configuration([provider('aescbc', ['key1', KEY1])]));
  await first.call('POST', SECRETS, secret('s'));
  await first.stop();
  const second = await kept.start(configuration([provider('aescbc', ['key2', KEY2], ['key1', KEY1])]));
  const { body } = await second.call('GET', `${SECRETS}/s`);
  await second.call('PUT', `${SECRETS}/s`, body);
  assert.match(await kept.raw('/registry/secrets/default/s'), /^k8s:enc:aescbc:v1:key2:/);
  const { body: again } = await second.call('GET', `${SECRETS}/s`);
  assert.notEqual(again.metadata?.resourceVersion, body.metadata?.resourceVersion);
  await second.call('PUT', `${SECRETS}/s`, again);
  const { body: unchanged } = await second.call('GET', `${SECRETS}/s`);
  assert.equal(unchanged.metadata?.resourceVersion, again.metadata?.resourceVersion);
  await second.stop();
});

test('plain values are read, and encrypted when they are written next; and the way back', async () => {
  await using kept = await keptStore();
  const plain = await kept.plain();
  await plain.call('POST', SECRETS, secret('s'));
  await plain.stop();
  const encrypting = await kept.start(configuration([provider('secretbox', ['key1', KEY1]), { identity: {} }]));
  const { body } = await encrypting.call('GET', `${SECRETS}/s`);
  await encrypting.call('PUT', `${SECRETS}/s`, body);
  assert.match(await kept.raw('/registry/secrets/default/s'), /^k8s:enc:secretbox:v1:key1:/);
  await encrypting.stop();
  const back = await kept.start(configuration([{ identity: {} }, provider('secretbox', ['key1', KEY1])]));
  const found = await back.call('GET', `${SECRETS}/s`);
  await back.call('PUT', `${SECRETS}/s`, found.body);
  assert.match(await kept.raw('/registry/secrets/default/s'), /^\{"apiVersion"/);
  await back.stop();
});

test('a value whose key is missing is an error for those who ask for it, and for nobody else', async () => {
  await using kept = await keptStore();
  const first = await kept.start(configuration([provider('aesgcm', ['key1', KEY1])]));
  await first.call('POST', SECRETS, secret('s'));
  await first.stop();
  const second = await kept.start(configuration([provider('aesgcm', ['key2', KEY2])]));
  for (const path of [`${SECRETS}/s`, SECRETS, '/api/v1/secrets']) {
    const { status, body } = await second.call('GET', path);
    assert.equal(status, 500);
    assert.equal(
      body['message'],
      'Internal error occurred: unable to transform key "/registry/secrets/default/s": no matching key was found for the provided aesgcm transformer',
    );
  }
  assert.equal((await second.call('POST', SECRETS, secret('t'))).status, 201);
  assert.equal((await second.call('GET', `${SECRETS}/t`)).status, 200);
  assert.equal((await second.call('GET', '/api/v1/namespaces/default/configmaps')).status, 200);
  await second.stop();
});

test('wildcards stand for a group or for everything', async () => {
  await using kept = await keptStore();
  const api = await kept.start(configuration([provider('aescbc', ['k', KEY1])], ['*.']));
  await api.call('POST', '/api/v1/namespaces/default/configmaps', configMap('c'));
  const lease = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { name: 'l' } };
  await api.call('POST', '/apis/coordination.k8s.io/v1/namespaces/default/leases', lease);
  assert.match(await kept.raw('/registry/configmaps/default/c'), /^k8s:enc:aescbc/);
  assert.match(await kept.raw('/registry/leases/default/l'), /^\{/);
  await api.stop();
});

test('aesgcm refuses a value that was moved to another key', () => {
  const cipher = createAesGcm(Buffer.alloc(32, 7));
  const stored = cipher.write(Buffer.from('plain'), '/registry/secrets/a/s');
  assert.equal(cipher.read(stored, '/registry/secrets/a/s').data.toString(), 'plain');
  assert.throws(() => cipher.read(stored, '/registry/secrets/b/s'), /message authentication failed/);
});

test('ciphers refuse what was cut or changed', async () => {
  const ciphers = [
    // Not authenticated: only a change of the padding, by the block before the last, is sure to be seen.
    { cipher: createAesCbc(Buffer.alloc(16, 7)), fromEnd: 17 },
    { cipher: createAesGcm(Buffer.alloc(24, 7)), fromEnd: 1 },
    { cipher: await createSecretbox(Buffer.alloc(32, 7)), fromEnd: 1 },
  ];
  for (const { cipher, fromEnd } of ciphers) {
    const stored = cipher.write(Buffer.from('some plain text that is longer than a block'), 'p');
    assert.throws(() => cipher.read(stored.subarray(0, 5), 'p'));
    const changed = Buffer.from(stored);
    changed[changed.length - fromEnd]! ^= 1;
    assert.throws(() => cipher.read(changed, 'p'));
  }
});

test('secretbox is NaCl’s: nonce, tag, ciphertext', async () => {
  // The vector of libsodium's own test.
  const key = Buffer.from('1b27556473e985d462cd51197a9a46c76009549eac6474f206c4ee0844f68389', 'hex');
  const nonce = Buffer.from('69696ee955b62b73cd62bda875fc73d68219e0036b7a0b37', 'hex');
  const sealed = Buffer.from('f3ffc7703f9400e52a7dfb4b3d3305d98e993b9f48681273c29650ba32fc76ce', 'hex');
  const message = 'be075fc53c81f2d5cf141316ebeb0c7b5228c52a4c62cbd44b66849b64244ffc';
  const whole = Buffer.concat([
    sealed,
    Buffer.from(
      '48332ea7164d96a4476fb8c531a1186ac0dfc17c98dce87b4da7f011ec48c97271d2c20f9b928fe2270d6fb863d51738b48eeee314a7cc8ab932164548e526ae90224368517acfeabd6bb3732bc0e9da99832b61ca01b6de56244a9e88d5f9b37973f622a43d14a6599b1f654cb45a74e355a5',
      'hex',
    ),
  ]);
  const box = await createSecretbox(key);
  assert.equal(
    box
      .read(Buffer.concat([nonce, whole]), '')
      .data.subarray(0, 32)
      .toString('hex'),
    message,
  );
});

test('a new key is taken from the file without a restart; a file that is wrong changes nothing', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('encryption.yaml');
  const clock = new VirtualClock(Date.UTC(2026, 0, 1));
  const inner = createMemoryStore({ clock });
  await writeFile(path, configuration([provider('aescbc', ['key1', KEY1])]), { mode: 0o600 });
  const errors: string[] = [];
  const logger = { ...silentLogger, error: (message: string) => errors.push(message) };
  const kindOf = () => ({ group: '', resource: 'secrets' });
  const { store, forms, metrics, close } = await openEncryption(
    { path, automaticReload: true },
    { store: inner, kindOf, clock, logger, random: Math.random },
  );
  await store.transact([], [{ type: 'put', key: 'k', value: Buffer.from('v') }]);
  assert.equal(forms.isStale('k'), false);
  const settle = async () => {
    await clock.advance(60_000);
    for (let i = 0; i < 50; i++) await new Promise((resolve) => setImmediate(resolve));
  };
  await writeFile(path, 'apiVersion: nonsense');
  while (!errors.length) await settle();
  assert.equal(forms.isStale('k'), false);
  await writeFile(path, configuration([provider('aescbc', ['key2', KEY2], ['key1', KEY1])]));
  while (!forms.isStale('k')) await settle();
  assert.equal(Buffer.from((await store.get('k')).entry!.value).toString(), 'v');
  const text = metrics.map((metric) => metric.render()).join('');
  const reloads = 'apiserver_encryption_config_controller_automatic_reloads_total';
  assert.match(text, new RegExp(`^${reloads}\\{status="success",apiserver_id_hash="sha256:[0-9a-f]{64}"\\} 1$`, 'm'));
  assert.match(text, new RegExp(`^${reloads}\\{status="failure",apiserver_id_hash="sha256:[0-9a-f]{64}"\\} [1-9]`, 'm'));
  assert.ok(!text.includes(KEY1) && !text.includes(KEY2));
  close();
  await inner.close();
});

test('a configuration that is wrong keeps the server from starting, says where, and never shows a key', async () => {
  await using directory = await temporaryDirectory();
  const path = directory.file('encryption.yaml');
  const refused = async (text: string, expected: RegExp) => {
    await writeFile(path, text, { mode: 0o600 });
    const store = createMemoryStore({ clock: systemClock });
    const deps = { store, kindOf: () => undefined, clock: systemClock, logger: silentLogger, random: Math.random };
    await assert.rejects(openEncryption({ path, automaticReload: false }, deps), (error: Error) => {
      assert.match(error.message, expected);
      assert.doesNotMatch(error.message, /c2hvcnQ/);
      return true;
    });
    await store.close();
  };
  await refused(
    configuration([provider('aescbc', ['k', 'c2hvcnQ='])]),
    /secret is not of the expected length, got 5, expected one of \[16 24 32\]/,
  );
  await refused(
    configuration([provider('aescbc', ['k', 'c2hvcnQ'])]),
    /keys\[0\]\.secret: Invalid value: "REDACTED": secrets must be base64 encoded/,
  );
  await refused(
    configuration([provider('secretbox', ['', KEY1])]),
    /resources\[0\]\.providers\[0\]\.secretbox\.keys\[0\]\.name: Required value/,
  );
  await refused(configuration([]), /at least one resources\[0\]\.providers is required/);
  await refused(
    configuration([{ identity: {}, ...provider('aescbc', ['k', KEY1]) }]),
    /more than one provider specified in a single element/,
  );
  await refused(configuration([{ identity: {} }], ['secrets', '*.']), /overlapping resources such as 'secrets' and '\*\.'/);
  await refused(configuration([{ identity: {} }], ['*']), /use '\*\.' to encrypt all the resources from core API group/);
  await refused(configuration([{ identity: {} }], ['secrets', 'secrets']), /cannot be specified multiple times/);
  const kms = (more: object, ...others: object[]) =>
    configuration([{ kms: { apiVersion: 'v2', name: 'vault', endpoint: 'unix:///k.sock', ...more } }, ...others]);
  await refused(kms({ apiVersion: 'v1' }), /the kms provider "vault" of apiVersion v1 is not offered; use apiVersion v2/);
  await refused(kms({ apiVersion: 'v3' }), /only v1 and v2 are supported/);
  await refused(kms({ name: '' }), /kms\.name: Required value: name is a mandatory field for a provider/);
  await refused(kms({ name: 'a:b' }), /invalid KMS provider name a:b, must not contain ':'/);
  await refused(kms({ endpoint: 'https://k' }), /unsupported scheme "https" for KMS provider, only unix is supported/);
  await refused(kms({ timeout: '0s' }), /kms\.timeout: Invalid value: "0s": timeout should be a positive value/);
  await refused(kms({ cachesize: 1 }), /cachesize is not supported in v2/);
  await refused(
    kms({}, { kms: { apiVersion: 'v2', name: 'vault', endpoint: 'unix:///l.sock' } }),
    /providers\[1\]\.kms\.name: Invalid value: "vault": duplicate KMS provider name vault, names must be unique/,
  );
  await refused(
    configuration([{ identity: { no: 1 } }]),
    /strict decoding error: unknown field "resources\[0\]\.providers\[0\]\.identity\.no"/,
  );
});
