import assert from 'node:assert/strict';
import { chmod, mkdir, readFile, writeFile } from 'node:fs/promises';
import { test } from 'node:test';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { runProgram } from '../../host/run-program.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { parseCredentialProviders } from './credential-provider-config.ts';
import { createCredentialProviders } from './credential-providers.ts';
import { openCredentialProviders } from './open-credential-providers.ts';

const API_VERSION = 'credentialprovider.kubelet.k8s.io/v1';
const provider = (extra: object = {}) => ({
  name: 'plugin',
  matchImages: ['*.reg.test'],
  defaultCacheDuration: '1m',
  apiVersion: API_VERSION,
  ...extra,
});
const config = (...providers: object[]) => ({
  kind: 'CredentialProviderConfig',
  apiVersion: 'kubelet.config.k8s.io/v1',
  providers,
});

test('a file of credential providers is checked field by field', () => {
  assert.deepEqual(parseCredentialProviders(config(provider({ args: ['-x'], env: [{ name: 'A', value: '1' }] }))), [
    {
      name: 'plugin',
      matchImages: ['*.reg.test'],
      defaultCacheMs: 60_000,
      apiVersion: API_VERSION,
      args: ['-x'],
      env: { A: '1' },
    },
  ]);
  const wrong: readonly [unknown, RegExp][] = [
    [null, /the file must be an object/],
    [{ kind: 'Pod' }, /is no CredentialProviderConfig/],
    [config(), /at least 1 item in plugins is required/],
    [config(provider(), provider()), /provider name "plugin" is not unique/],
    [config(provider({ name: '../sh' })), /providers\[0\]\.name "\.\.\/sh" must be the name of a program/],
    [config(provider({ matchImages: [] })), /at least 1 item in matchImages/],
    [config(provider({ matchImages: ['https://x'] })), /must not have a scheme/],
    [config(provider({ defaultCacheDuration: undefined })), /defaultCacheDuration is required/],
    [config(provider({ apiVersion: 'v9' })), /apiVersion "v9" is not supported/],
    [config(provider({ tokenAttributes: {} })), /tokenAttributes is not supported/],
    [config(provider({ colour: 'red' })), /providers\[0\]\.colour is not a field/],
    [config(provider({ env: [{ name: 'A' }] })), /env\[0\] needs a name and a value/],
  ];
  for (const [document, message] of wrong) assert.throws(() => parseCredentialProviders(document), message);
});

/** A program that writes down what it was asked, and answers what it is told to. */
async function setUp(answer: object, extra: object = {}) {
  const directory = await temporaryDirectory();
  const clock = new VirtualClock(0);
  let asked = 0;
  const tell = (document: unknown) =>
    writeFile(directory.file('answer'), typeof document === 'string' ? document : JSON.stringify(document));
  await tell({ kind: 'CredentialProviderResponse', apiVersion: API_VERSION, ...answer });
  await writeFile(
    directory.file('plugin'),
    `#!/bin/sh\ncat > ${directory.file('asked')}\necho "$A" >> ${directory.file('asked')}\nexec cat ${directory.file('answer')}\n`,
  );
  await chmod(directory.file('plugin'), 0o700);
  const providers = createCredentialProviders({
    providers: parseCredentialProviders(config(provider({ env: [{ name: 'A', value: 'variable' }], ...extra }))),
    directory: directory.path,
    run: (...args) => {
      asked++;
      return runProgram(...args);
    },
    environment: { PATH: process.env['PATH'] },
    clock,
    logger: silentLogger,
  });
  const find = async (image: string) =>
    (await providers.credentialsFor(image, image.split(':')[0]!, new AbortController().signal)).map(
      ({ credentials }) => credentials.password,
    );
  return { directory, clock, find, tell, asked: () => asked, [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose]() };
}

test('a program is asked for the images that it is there for, by its protocol', async () => {
  await using it = await setUp({
    cacheKeyType: 'Image',
    auth: { '*.reg.test': { username: 'u', password: 'p' }, 'a.reg.test/team': { username: 'u', password: 'q' } },
  });
  assert.deepEqual(await it.find('a.reg.test/team/app:1'), ['q', 'p']);
  assert.deepEqual(await it.find('other.test/app:1'), []);
  assert.equal(it.asked(), 1);
  assert.equal(
    await readFile(it.directory.file('asked'), 'utf8'),
    `{"kind":"CredentialProviderRequest","apiVersion":"${API_VERSION}","image":"a.reg.test/team/app:1"}variable\n`,
  );
});

test('answers hold for what they say and as long as they say', async () => {
  const auth = { '*.reg.test': { username: 'u', password: 'p' } };
  for (const [cacheKeyType, asked] of [
    ['Image', 3],
    ['Registry', 2],
    ['Global', 1],
  ] as const) {
    await using it = await setUp({ cacheKeyType, auth });
    for (const image of ['a.reg.test/one', 'a.reg.test/one', 'a.reg.test/two', 'b.reg.test/one'])
      assert.deepEqual(await it.find(image), ['p']);
    assert.equal(it.asked(), asked, cacheKeyType);
    await it.clock.advance(60_000);
    await it.find('a.reg.test/one');
    assert.equal(it.asked(), asked + 1, 'the time by default is over');
  }
  await using never = await setUp({ cacheKeyType: 'Image', cacheDuration: '0s', auth });
  await Promise.all([never.find('a.reg.test/one'), never.find('a.reg.test/one')]);
  assert.equal(never.asked(), 1, 'asked once for both that want it now');
  await never.find('a.reg.test/one');
  assert.equal(never.asked(), 2);
});

test('a program that fails has no credentials, and keeps nobody from pulling without', async () => {
  await using it = await setUp({});
  for (const answer of [
    '',
    'null',
    'secret',
    '{}',
    { kind: 'CredentialProviderResponse', apiVersion: 'v0' },
    { kind: 'CredentialProviderResponse', apiVersion: API_VERSION },
  ]) {
    await it.tell(answer);
    assert.deepEqual(await it.find('a.reg.test/one'), []);
  }
});

test('files of providers are read one by one or all of a directory, and their programs must be there', async () => {
  await using directory = await temporaryDirectory();
  const options = { run: runProgram, environment: {}, clock: new VirtualClock(0), logger: silentLogger };
  const open = (path: string, programs = directory.file('bin')) =>
    openCredentialProviders({ config: path, directory: programs }, options);
  await mkdir(directory.file('bin'));
  await mkdir(directory.file('conf'));
  await assert.rejects(open(directory.file('none')), /unable to access path/);
  await assert.rejects(open(directory.file('conf')), /no configuration files found/);
  await writeFile(
    directory.file('conf', 'a.yaml'),
    `kind: CredentialProviderConfig\napiVersion: kubelet.config.k8s.io/v1\nproviders:\n- {name: one, matchImages: [a.test], defaultCacheDuration: 1m, apiVersion: ${API_VERSION}}\n`,
  );
  await assert.rejects(open(directory.file('conf')), /plugin binary executable .*bin\/one did not exist/);
  await assert.rejects(open(directory.file('conf'), 'bin'), /must be an absolute path/);
  await writeFile(directory.file('bin', 'one'), '');
  await open(directory.file('conf', 'a.yaml'));
  await writeFile(directory.file('conf', 'b.json'), JSON.stringify(config(provider({ name: 'one' }))));
  await assert.rejects(open(directory.file('conf')), /b\.json: provider name "one" is not unique/);
  await writeFile(directory.file('conf', 'b.json'), '{');
  await assert.rejects(open(directory.file('conf')), /unable to decode/);
});
