import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parse } from 'yaml';
import type { AssetFiles } from '../assets/asset-files.ts';
import { type EncryptionKeys, newEncryptionKeys, openEncryptionKeys } from '../assets/encryption-keys.ts';
import { desiredSteps } from '../desired/desired.ts';
import { hostsWithOtherKeys } from '../desired/encryption.ts';
import { factsThatFit, testInventory, testMaterial } from '../test-material.ts';
import { rotateEncryption } from './encryption.ts';

type Provider = Parameters<typeof newEncryptionKeys>[0];

/** Assets with one file, of which every change may be the last. */
function memoryFiles() {
  const texts = new Map<string, string>();
  let left = Number.POSITIVE_INFINITY;
  const files: AssetFiles = {
    read: async (name) => texts.get(name),
    write: async (name, text, secret) => {
      assert.ok(secret, 'keys are for their user alone');
      if (left-- <= 0) throw new Error('ended');
      texts.set(name, text);
    },
    remove: async (name) => void texts.delete(name),
  };
  return {
    files,
    endAfter(changes: number) {
      left = changes;
    },
  };
}

const namesOf = ({ forms }: EncryptionKeys) =>
  forms.map((form) => (form.provider === 'none' ? 'none' : `${form.provider}/${form.name}`)).join(' ');

/** Runs the command once. What happens on hosts is told, and may be where it ends. */
async function run(files: AssetFiles, provider: Provider, story: string[], fails = (_: string) => false): Promise<void> {
  const tell = (what: string) => {
    if (fails(what)) throw new Error('ended');
    story.push(what);
  };
  await rotateEncryption({
    ...{ files, provider, keys: await openEncryptionKeys(files, 'none') },
    distribute: async () => tell(namesOf(await openEncryptionKeys(files, 'none'))),
    rewrite: async (form) => tell(`rewritten with ${form.provider === 'none' ? 'none' : form.name}`),
    progress: () => undefined,
  });
}

const STORY = ['aescbc/key1 secretbox/key2', 'secretbox/key2 aescbc/key1', 'rewritten with key2', 'secretbox/key2'];

test('a new key is known to all before it writes, and the old one goes when nothing is written by it', async () => {
  const { files } = memoryFiles();
  await openEncryptionKeys(files, 'aescbc');
  const story: string[] = [];
  await run(files, 'secretbox', story);
  assert.deepEqual(story, STORY);
  await run(files, 'secretbox', story);
  assert.equal(namesOf(await openEncryptionKeys(files, 'none')), 'secretbox/key3');
});

test('what was plain is read until it is written anew, and so is what is to be plain again', async () => {
  const { files } = memoryFiles();
  const story: string[] = [];
  await run(files, 'aesgcm', story);
  await run(files, 'none', story);
  assert.deepEqual(story, [
    ...['none aesgcm/key1', 'aesgcm/key1 none', 'rewritten with key1', 'aesgcm/key1'],
    ...['aesgcm/key1 none', 'none aesgcm/key1', 'rewritten with none', 'none'],
  ]);
});

test('ended anywhere it goes on with the same key, and no step is left out', async () => {
  for (const fails of [...STORY, ...[0, 1, 2, 3]]) {
    const memory = memoryFiles();
    await openEncryptionKeys(memory.files, 'aescbc');
    const story: string[] = [];
    if (typeof fails === 'number') memory.endAfter(fails);
    await assert.rejects(
      run(memory.files, 'secretbox', story, (what) => what === fails),
      /ended/,
    );
    memory.endAfter(Number.POSITIVE_INFINITY);
    await run(memory.files, 'secretbox', story);
    const places = story.map((line) => STORY.indexOf(line));
    // A step may be done again, also with the one before it, and none is done before the one before it.
    const isInOrder = places.every((place, i) => place !== -1 && place <= Math.max(-1, ...places.slice(0, i)) + 1);
    assert.ok(isInOrder, `${fails}: ${story.join('; ')}`);
    assert.ok(!places.slice(places.indexOf(3)).some((place) => place !== 3), `${fails}: ${story.join('; ')}`);
    assert.equal(new Set(places).size, STORY.length, `${fails}: ${story.join('; ')}`);
    const { stage, forms } = await openEncryptionKeys(memory.files, 'none');
    assert.deepEqual([stage, forms.length], ['settled', 1]);
  }
});

test('keys of assets that are no keys are refused, and never made again', async () => {
  const { files } = memoryFiles();
  const whole = {
    stage: 'settled',
    made: 1,
    forms: [{ provider: 'aescbc', name: 'key1', secret: Buffer.alloc(32).toString('base64') }],
  };
  const bad = [
    'no json',
    'null',
    '[]',
    ...[{ stage: 'constructor' }, { stage: 'known' }, { made: '1' }, { forms: [] }, { forms: [null] }].map((one) =>
      JSON.stringify({ ...whole, ...one }),
    ),
    JSON.stringify({ ...whole, forms: [{ ...whole.forms[0], secret: 'c2hvcnQ=' }] }),
    JSON.stringify({ ...whole, forms: [{ ...whole.forms[0], name: 'a:b' }] }),
  ];
  await files.write('encryption.json', JSON.stringify(whole), true);
  assert.equal(namesOf(await openEncryptionKeys(files, 'none')), 'aescbc/key1');
  for (const text of bad) {
    await files.write('encryption.json', text, true);
    await assert.rejects(openEncryptionKeys(files, 'aescbc'), { code: 'ASSETS_MALFORMED' }, text);
  }
});

test('API servers are told of all keys by a file that only they may read; where Secrets are plain there is none', async () => {
  const inventory = await testInventory({ encryption: { provider: 'aescbc' } });
  const stepsOf = (encryption: EncryptionKeys) =>
    desiredSteps(inventory, inventory.hosts[0]!, { ...testMaterial, encryption }, { sysctls: new Set(), device: 'eth0' });
  const path = '/etc/kubernetes/ssl/encryption.yaml';
  const key = (name: string) => ({ provider: 'aescbc', name, secret: `secret of ${name}` }) as const;
  const steps = stepsOf({ stage: 'writing', made: 2, forms: [key('key2'), key('key1')] });
  const file = steps.find((step) => step.type === 'file' && step.path === path);
  assert.ok(file?.type === 'file');
  assert.deepEqual([file.mode, file.group, file.secret], [0o640, 'kube', true]);
  assert.deepEqual(parse(Buffer.from(file.content.bytes).toString()), {
    kind: 'EncryptionConfiguration',
    apiVersion: 'apiserver.config.k8s.io/v1',
    resources: [
      {
        resources: ['secrets'],
        providers: [{ aescbc: { keys: [key('key2'), key('key1')].map(({ name, secret }) => ({ name, secret })) } }],
      },
    ],
  });
  const mixed = stepsOf({ stage: 'known', made: 1, forms: [{ provider: 'none' }, key('key1')] });
  const mixedFile = mixed.find((step) => step.type === 'file' && step.path === path);
  assert.match(
    mixedFile?.type === 'file' ? Buffer.from(mixedFile.content.bytes).toString() : '',
    /providers:\s+- identity: \{\}\s+- aescbc:/,
  );
  const argumentsOf = (all: typeof steps) => {
    const found = all.find((step) => step.type === 'file' && step.path === '/etc/kubernetes/apiserver');
    return found?.type === 'file' ? Buffer.from(found.content.bytes).toString() : '';
  };
  const fingerprint = (all: typeof steps, name: string) =>
    all.flatMap((step) => (step.type === 'unit' && step.name === `${name}.service` ? [step.fingerprint] : [])).join();
  assert.ok(argumentsOf(steps).includes(`--encryption-provider-config=${path}`));
  assert.notEqual(fingerprint(steps, 'kube-apiserver'), fingerprint(mixed, 'kube-apiserver'));
  assert.equal(fingerprint(steps, 'kube-scheduler'), fingerprint(mixed, 'kube-scheduler'));
  const plain = stepsOf({ stage: 'settled', made: 1, forms: [{ provider: 'none' }] });
  assert.ok(!argumentsOf(plain).includes('encryption'));
  assert.deepEqual(
    plain.filter((step) => 'path' in step && step.path === path).map(({ type, phase }) => [type, phase]),
    [['absent', 'controllers']],
  );
});

test('keys on hosts of which the assets know nothing are neither taken away nor passed over', async () => {
  const inventory = await testInventory();
  const [host] = inventory.hosts;
  const steps = desiredSteps(inventory, host!, testMaterial, { sysctls: new Set(), device: 'eth0' });
  const path = '/etc/kubernetes/ssl/encryption.yaml';
  assert.deepEqual(
    steps.filter((step) => 'path' in step && step.path === path),
    [],
    'it may be of whoever made the cluster',
  );
  const fit = factsThatFit(steps);
  const facts = new Map([['a', { ...fit, files: new Map([...fit.files, [path, { type: 'other' } as const]]) }]]);
  assert.deepEqual(hostsWithOtherKeys(inventory, testMaterial, facts), ['a']);
  assert.deepEqual(hostsWithOtherKeys(inventory, { ...testMaterial, encryption: newEncryptionKeys('aescbc') }, facts), []);
  const own = await testInventory({ flags: { 'kube-apiserver': { 'encryption-provider-config': path } } });
  assert.deepEqual(hostsWithOtherKeys(own, testMaterial, facts), []);
});

test('two sayings of how Secrets are kept are refused by name', async () => {
  await assert.rejects(testInventory({ encryption: { provider: 'rot13' } }), /encryption\.provider: "rot13" is not supported/);
  const flags = { 'kube-apiserver': { 'encryption-provider-config': '/mine' } };
  await assert.rejects(
    testInventory({ encryption: { provider: 'aescbc' }, flags }),
    /flags\.kube-apiserver\.encryption-provider-config: encryption\.provider says/,
  );
  await testInventory({ flags });
});
