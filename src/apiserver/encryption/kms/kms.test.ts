import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../../../test/harness/until.ts';
import { systemClock, VirtualClock } from '../../../std/clock.ts';
import { GrpcError } from '../../../std/grpc/grpc-error.ts';
import { startGrpcService } from '../../../std/grpc/grpc-service.ts';
import { silentLogger } from '../../../std/logger.ts';
import { SettableClock } from '../../../std/settable-clock.test-support.ts';
import { createMemoryStore } from '../../../store/memory/memory-store.ts';
import type { StoreEvent } from '../../../store/store.ts';
import { createEncryptingStore } from '../encrypting-store.ts';
import { openEncryption } from '../open-encryption.ts';
import { expandKey } from './derived-keys.ts';
import { decodeEncryptedObject } from './encrypted-object.ts';
import { createKmsProvider } from './kms-provider.ts';
import type { EncryptedKey, KmsService } from './kms-service.ts';

/** A plugin that «encrypts» by turning bits over, and counts what it is asked. */
function fakePlugin() {
  const turned = (bytes: Uint8Array) => Buffer.from(bytes.map((byte) => byte ^ 0xff));
  const annotations = { 'plugin.example.com': Buffer.from('note') };
  const state = { keyId: 'k1', healthz: 'ok', encrypted: 0, decrypted: 0, problem: undefined as Error | undefined };
  const fail = () => {
    if (state.problem) throw state.problem;
  };
  const service: KmsService = {
    async status() {
      fail();
      return { version: 'v2', healthz: state.healthz, keyId: state.keyId };
    },
    async encrypt(plaintext) {
      fail();
      state.encrypted++;
      return { ciphertext: turned(plaintext), keyId: state.keyId, annotations };
    },
    async decrypt({ ciphertext, annotations: given }: EncryptedKey) {
      fail();
      assert.deepEqual(Buffer.from(given['plugin.example.com']!), annotations['plugin.example.com']);
      state.decrypted++;
      return turned(ciphertext);
    },
    close: () => undefined,
  };
  return { state, service };
}

const START_MS = Date.UTC(2026, 0, 1);

function openProvider(plugin: ReturnType<typeof fakePlugin>, clock = new VirtualClock(START_MS)) {
  let changes = 0;
  const deps = { clock, logger: silentLogger, random: () => 0, formChanged: () => void changes++ };
  return { clock, provider: createKmsProvider('vault', plugin.service, deps), changes: () => changes };
}

test('keys are derived as HKDF has it', () => {
  // RFC 5869, A.1: the first 32 bytes.
  const seed = Buffer.from('077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5', 'hex');
  const info = Buffer.from('f0f1f2f3f4f5f6f7f8f9', 'hex');
  assert.equal(expandKey(seed, info).toString('hex'), '3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf');
});

test('one seed writes all values, another server gets it decrypted once, and a value that was moved is refused', async () => {
  const plugin = fakePlugin();
  const first = openProvider(plugin).provider;
  await first.start();
  const stored = ['a', 'b'].map((path) => first.transformer.write(Buffer.from(`plain ${path}`), path));
  const { source, keyId, data } = decodeEncryptedObject(stored[0]!);
  assert.deepEqual([source, keyId], [1, 'k1']);
  assert.equal(data.length, 32 + 12 + 'plain a'.length + 16);
  assert.doesNotMatch(stored[0]!.toString('latin1'), /plain/);
  assert.equal(plugin.state.encrypted, 1);

  const second = openProvider(plugin).provider;
  await second.start();
  assert.throws(() => second.transformer.read(stored[0]!, 'a'), /failed to decrypt DEK, error: it has not been asked for/);
  await Promise.all(stored.map((value) => second.transformer.prepare!(value)));
  assert.equal(plugin.state.decrypted, 1);
  assert.equal(second.transformer.prepare!(stored[1]!), undefined);
  assert.deepEqual(second.transformer.read(stored[1]!, 'b'), { data: Buffer.from('plain b'), stale: false });
  assert.throws(() => second.transformer.read(stored[1]!, 'a'), /message authentication failed/);
  first.close();
  second.close();
});

test('another key of the plugin begins another seed; values of the one before are read, and are stale', async () => {
  const plugin = fakePlugin();
  const { provider, clock, changes } = openProvider(plugin);
  await provider.start();
  const old = provider.transformer.write(Buffer.from('v'), 'p');
  plugin.state.keyId = 'k2';
  await clock.advance(60_000);
  assert.equal(changes(), 2);
  assert.deepEqual(provider.transformer.read(old, 'p'), { data: Buffer.from('v'), stale: true });
  assert.equal(decodeEncryptedObject(provider.transformer.write(Buffer.from('v'), 'p')).keyId, 'k2');
  assert.notEqual(
    provider.transformer.formOf!(old),
    provider.transformer.formOf!(provider.transformer.write(Buffer.from('v'), 'p')),
  );
  provider.close();
});

test('without the plugin writing goes on for three minutes, reading for ever; its health says what is wrong', async () => {
  const plugin = fakePlugin();
  const { provider, clock } = openProvider(plugin);
  await provider.start();
  const stored = provider.transformer.write(Buffer.from('v'), 'p');
  plugin.state.healthz = 'sealed';
  await clock.advance(60_000);
  await assert.rejects(provider.check(), {
    message:
      'failed to perform status section of the healthz check for KMS Provider vault, error: kmsv2 Provider vault is not healthy, error: got unexpected healthz status: sealed',
  });
  provider.transformer.write(Buffer.from('v'), 'p');
  await clock.advance(180_000);
  assert.throws(
    () => provider.transformer.write(Buffer.from('v'), 'p'),
    /^Error: encryptedDEKSource with keyID hash "sha256:[0-9a-f]{64}" expired at 2026-01-01T00:03:00Z/,
  );
  assert.equal(provider.transformer.read(stored, 'p').data.toString(), 'v');
  plugin.state.healthz = 'ok';
  await clock.advance(10_000);
  await provider.check();
  provider.transformer.write(Buffer.from('v'), 'p');
  provider.close();
});

test('a clock that is set forward makes no seed older', async () => {
  const clock = new SettableClock(START_MS);
  const { provider } = openProvider(fakePlugin(), clock);
  await provider.start();
  clock.aheadMs = 600_000;
  provider.transformer.write(Buffer.from('v'), 'p');
  provider.close();
});

test('what a plugin may not answer is refused', async () => {
  for (const [more, problem] of [
    [{ keyId: '' }, /keyID is empty/],
    [{ keyId: 'k'.repeat(1025) }, /keyID is 1025 bytes/],
    [{ version: 'v1' }, /expected KMSv2 API version v2, got v1/],
  ] as const) {
    const plugin = fakePlugin();
    const status = async () => ({ version: 'v2', healthz: 'ok', keyId: 'k1', ...more });
    const { provider } = openProvider({ ...plugin, service: { ...plugin.service, status } });
    await provider.start();
    await assert.rejects(provider.check(), { message: problem });
    assert.throws(() => provider.transformer.write(Buffer.from('v'), 'p'), problem);
    provider.close();
  }
  for (const garbage of ['', '\u0000', 'k8s:enc', '\n\u0001x'])
    assert.throws(() => openProvider(fakePlugin()).provider.transformer.read(Buffer.from(garbage), 'p'));
});

test('events of values whose seed is not here wait for it, those behind them too, and come in order', async () => {
  const plugin = fakePlugin();
  const writer = openProvider(plugin).provider;
  await writer.start();
  const inner = createMemoryStore({ clock: systemClock });
  const { provider, clock } = openProvider(plugin);
  await provider.start();
  const { store } = createEncryptingStore(inner, (key) => (key.startsWith('e') ? provider.transformer : undefined));
  plugin.state.problem = new GrpcError('Unavailable', 'gone');
  const seen: string[] = [];
  const told = (event: StoreEvent) => (event.type === 'put' ? `${event.entry.key}=${Buffer.from(event.entry.value)}` : event.key);
  store.watch('', (await inner.revision()) + 1, {
    events: (events) => void seen.push(...events.map(told)),
    closed: () => void seen.push('closed'),
  });
  await inner.transact([], [{ type: 'put', key: 'a', value: Buffer.from('1') }]);
  await inner.transact([], [{ type: 'put', key: 'e', value: writer.transformer.write(Buffer.from('2'), 'e') }]);
  await inner.transact([], [{ type: 'put', key: 'b', value: Buffer.from('3') }]);
  await until('the first event is there', () => seen.length > 0);
  await clock.advance(1_000);
  assert.deepEqual(seen, ['a=1']);
  plugin.state.problem = undefined;
  await until('all events are there', async () => {
    await clock.advance(5_000);
    return seen.length === 3;
  });
  assert.deepEqual(seen, ['a=1', 'e=2', 'b=3']);
  await inner.close();
  for (const each of [writer, provider]) each.close();
});

test('a plugin that says no makes a value unreadable, and nothing else', async () => {
  const plugin = fakePlugin();
  const writer = openProvider(plugin).provider;
  await writer.start();
  const stored = writer.transformer.write(Buffer.from('v'), 'p');
  const { provider, clock } = openProvider(plugin);
  await provider.start();
  plugin.state.problem = new GrpcError('PermissionDenied', 'the key was destroyed');
  let done = false;
  void provider.transformer.prepare!(stored)!.then(() => {
    done = true;
  });
  await until('it was asked often enough', async () => {
    await clock.advance(5_000);
    return done;
  });
  assert.throws(() => provider.transformer.read(stored, 'p'), {
    message: 'failed to decrypt DEK, error: rpc error: code = PermissionDenied desc = the key was destroyed',
  });
  for (const each of [writer, provider]) each.close();
});

test('values go through a plugin on a socket, which may come later than the server', async () => {
  const { service } = fakePlugin();
  await using plugin = await startGrpcService({
    messages: {
      StatusRequest: {},
      StatusResponse: { version: '1 string', healthz: '2 string', key_id: '3 string' },
      EncryptRequest: { plaintext: '1 bytes', uid: '2 string' },
      EncryptResponse: { ciphertext: '1 bytes', key_id: '2 string', annotations: '3 map bytes' },
      DecryptRequest: { ciphertext: '1 bytes', uid: '2 string', key_id: '3 string', annotations: '4 map bytes' },
      DecryptResponse: { plaintext: '1 bytes' },
    },
    methods: {
      'v2.KeyManagementService/Status': {
        request: 'StatusRequest',
        response: 'StatusResponse',
        answer: () => ({ version: 'v2', healthz: 'ok', key_id: 'k1' }),
      },
      'v2.KeyManagementService/Encrypt': {
        request: 'EncryptRequest',
        response: 'EncryptResponse',
        answer: async ({ plaintext }: { plaintext: Uint8Array }) => {
          const { keyId, ...rest } = await service.encrypt(plaintext);
          return { ...rest, key_id: keyId };
        },
      },
      'v2.KeyManagementService/Decrypt': {
        request: 'DecryptRequest',
        response: 'DecryptResponse',
        answer: async (request: EncryptedKey) => ({ plaintext: await service.decrypt(request) }),
      },
    },
  });
  const directory = await mkdtemp(join(tmpdir(), 'muster-kms-'));
  const path = join(directory, 'encryption.json');
  const kms = { apiVersion: 'v2', name: 'vault', endpoint: plugin.endpoint, timeout: '5s' };
  const resources = [{ resources: ['secrets'], providers: [{ kms }, { identity: {} }] }];
  const document = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration', resources };
  await writeFile(path, JSON.stringify(document), { mode: 0o600 });
  const inner = createMemoryStore({ clock: systemClock });
  const deps = {
    store: inner,
    kindOf: () => ({ group: '', resource: 'secrets' }),
    clock: systemClock,
    logger: silentLogger,
    random: Math.random,
  };
  const put = (text: string) => ({ type: 'put', key: 'k', value: Buffer.from(text) }) as const;
  try {
    const first = await openEncryption({ path, automaticReload: false }, deps);
    assert.deepEqual(
      first.checks.map(({ name }) => name),
      ['kms-provider-0'],
    );
    await first.checks[0]!.check();
    await first.store.transact([], [put('v')]);
    assert.match(Buffer.from((await inner.get('k')).entry!.value).toString('latin1'), /^k8s:enc:kms:v2:vault:/);
    assert.equal(first.forms.isStale('k'), false);
    first.close();
    await plugin.stop();
    const second = await openEncryption({ path, automaticReload: true }, deps);
    assert.deepEqual(
      second.checks.map(({ name }) => name),
      ['kms-providers'],
    );
    await assert.rejects(second.checks[0]!.check(), { message: /KMS Provider vault, error: rpc error: code = Unavailable/ });
    await assert.rejects(second.store.transact([], [put('w')]), { message: /KMS Provider vault/ });
    const reading = second.store.get('k');
    await plugin.start();
    assert.equal(Buffer.from((await reading).entry!.value).toString(), 'v');
    second.close();
  } finally {
    await inner.close();
    await rm(directory, { recursive: true });
  }
});
