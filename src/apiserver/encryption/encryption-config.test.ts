/** Verdicts and words are those of Kubernetes 1.36.4's own validation (apiserver/pkg/apis/apiserver), but for keys, which it shows. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { parseConfiguration } from '../configuration-files/read-configuration.ts';
import { checkEncryptionConfiguration, ENCRYPTION_SHAPE } from './encryption-config.ts';
import { createResourceTransformers } from './resource-transformers.ts';

const HEAD = { apiVersion: 'apiserver.config.k8s.io/v1', kind: 'EncryptionConfiguration' };
const keyOf = (bytes: number, fill = 1) => Buffer.alloc(bytes, fill).toString('base64');
const KEYS = { keys: [{ name: 'k', secret: keyOf(32) }] };
const KMS = { apiVersion: 'v2', name: 'p', endpoint: 'unix:///x' };

async function read(document: object) {
  const source = { flag: 'encryption-provider-config', path: '/f', shape: ENCRYPTION_SHAPE };
  return checkEncryptionConfiguration('/f', await parseConfiguration(JSON.stringify({ ...HEAD, ...document }), source));
}
const refused = (document: object, why: string) =>
  assert.rejects(read(document), { code: 'CONFIGURATION_FILE', message: `--encryption-provider-config /f: ${why}` });
const names = (...resources: unknown[]) => ({ resources: [{ resources, providers: [{ identity: {} }] }] });
const providers = (...list: unknown[]) => ({ resources: [{ resources: ['secrets'], providers: list }] });

test('configurations that upstream takes are taken', async () => {
  for (const document of [
    names('secrets', 'configmaps', 'events', 'deployments.apps', 'pandas.awesome.bears.example'),
    names('', 'secrets'),
    names(null),
    names('*.', '*.apps'),
    providers({ identity: {} }, { aescbc: KEYS, aesgcm: null }),
    providers({ secretbox: { keys: [{ name: 'a:b', secret: `${keyOf(32)}\n` }] } }),
    providers({ kms: KMS }, { kms: { ...KMS, name: 'q', endpoint: 'UNIX:x', timeout: null, cachesize: null } }),
  ])
    await read(document);
});

test('names that are wrong are refused in upstream’s words', async () => {
  const at = 'resources[0].resources';
  const name = (text: string, why: string) => refused(names(text), `${at}[0]: Invalid value: ${JSON.stringify(text)}: ${why}`);
  await refused({}, 'resources: Required value: at least one resources is required');
  await refused(
    { resources: [null] },
    `[${at}: Required value: at least one ${at} is required, resources[0].providers: Required value: at least one resources[0].providers is required]`,
  );
  await name('Secrets', 'resource name should not contain capital letters');
  await name('*', "use '*.' to encrypt all the resources from core API group or *.* to encrypt all resources");
  await name('apiserveripinfo', 'resources which do not have REST API/s cannot be encrypted');
  await name('deployments.extensions', "'extensions' group has been removed and cannot be used for encryption");
  await name('secrets.*', 'encrypting the same resource across groups is not supported');
  const together = (list: string[], ...why: string[]) => {
    const whole = why.map((problem) => `${at}: Invalid value: ${JSON.stringify(list)}: ${problem}`);
    return refused(names(...list), whole.length === 1 ? whole[0]! : `[${whole.join(', ')}]`);
  };
  const again = 'the same resource cannot be specified multiple times';
  const overlap =
    "using overlapping resources such as 'secrets' and '*.' in the same resource list is not allowed as they will be masked";
  await together(['secrets', 'secrets.'], again);
  await together(['*.', 'secrets'], overlap);
  await together(['secrets', '*.*'], overlap);
  await together(['*.apps', '*.apps'], again, overlap);
});

test('rules that an earlier one hides are refused', async () => {
  const lists = (...all: string[][]) => ({ resources: all.map((resources) => ({ resources, providers: [{ identity: {} }] })) });
  await refused(lists(['*.*'], ['secrets']), 'resource "secrets" is masked by earlier rule "*.*"');
  await refused(lists(['*.'], ['secrets.']), 'resource "secrets" is masked by earlier rule "*."');
  await refused(lists(['*.apps'], ['deployments.apps']), 'resource "deployments.apps" is masked by earlier rule "*.apps"');
  await read(lists(['secrets'], ['*.'], ['*.apps'], ['*.*']));
});

test('providers that are wrong are refused in upstream’s words, and no key is shown', async () => {
  const at = 'resources[0].providers[0]';
  const none = '{"AESGCM":null,"AESCBC":null,"Secretbox":null,"Identity":null,"KMS":null}';
  const kinds = 'provider does not contain any of the expected providers: KMS, AESGCM, AESCBC, Secretbox, Identity';
  await refused(providers({}), `${at}: Invalid value: ${none}: ${kinds}`);
  await refused(
    providers({ identity: {}, aescbc: KEYS }),
    `${at}: Invalid value: "aescbc,identity": more than one provider specified in a single element, should split into different list elements`,
  );
  const key = (fields: object, why: string) => refused(providers({ aesgcm: { keys: [fields] } }), `${at}.aesgcm.keys[0].${why}`);
  await refused(providers({ aesgcm: {} }), `${at}.aesgcm.keys: Required value: at least one keys is required`);
  await key({ secret: keyOf(16) }, 'name: Required value: name is a mandatory field for a key');
  await key({ name: 'k' }, 'secret: Required value: secret is a mandatory field for a key');
  await key({ name: 'k', secret: '!' }, 'secret: Invalid value: "REDACTED": secrets must be base64 encoded');
  await key(
    { name: 'k', secret: keyOf(8) },
    'secret: Invalid value: "REDACTED": secret is not of the expected length, got 8, expected one of [16 24 32]',
  );
  const kms = (fields: object, why: string) => refused(providers({ kms: { ...KMS, ...fields } }), `${at}.kms.${why}`);
  await kms({ name: 'a:b' }, `name: Invalid value: "a:b": invalid KMS provider name a:b, must not contain ':'`);
  await kms(
    { endpoint: 'tcp://x' },
    'endpoint: Invalid value: "tcp://x": unsupported scheme "tcp" for KMS provider, only unix is supported',
  );
  await kms(
    { endpoint: 'unix://[' },
    `endpoint: Invalid value: "unix://[": invalid endpoint for kms provider, error: parse "unix://[": missing ']' in host`,
  );
  await kms({ timeout: '-90m' }, 'timeout: Invalid value: "-1h30m0s": timeout should be a positive value');
  await kms({ cachesize: 1 }, 'cachesize: Invalid value: 1: cachesize is not supported in v2');
  await kms(
    { apiVersion: 'v1', cachesize: 0 },
    'cachesize: Invalid value: 0: cachesize should be a positive value, or negative to disable',
  );
  await refused(providers({ kms: { ...KMS, timeout: '' } }), 'time: invalid duration ""');
});

test('a resource of two lists is written by the first provider of the first list, and read by all', async () => {
  const list = (name: string, fill: number) => ({
    resources: ['secrets'],
    providers: [{ aescbc: { keys: [{ name, secret: keyOf(32, fill) }] } }],
  });
  const transformers = async (...lists: ReturnType<typeof list>[]) => {
    const deps = { clock: systemClock, logger: silentLogger, random: () => 0.5, formChanged: () => undefined };
    return (await createResourceTransformers(await read({ resources: lists }), deps)).transformerOf('', 'secrets')!;
  };
  const path = '/registry/secrets/default/a';
  const older = (await transformers(list('b', 2))).write(Buffer.from('older'), path);
  const both = await transformers(list('a', 1), list('b', 2));
  const { data, stale } = both.read(older, path);
  assert.deepEqual([data.toString(), stale], ['older', true]);
  assert.match(both.write(Buffer.from('newer'), path).toString('latin1'), /^k8s:enc:aescbc:v1:a:/);
});
