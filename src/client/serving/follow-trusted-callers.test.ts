import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notFound } from '../../api/machinery/status-error.ts';
import { VirtualClock } from '../../std/clock.ts';
import { type Logger, silentLogger } from '../../std/logger.ts';
import type { Client } from '../client.ts';
import { followTrustedCallers, type TrustedCallers } from './follow-trusted-callers.ts';

/** A client whose API server has the ConfigMap after so many questions. */
function clientAfter(failures: number, data?: Record<string, string>) {
  let asked = 0;
  const get = async (name: string) => {
    if (asked++ < failures) throw notFound({ group: '', resource: 'configmaps' }, name);
    return { metadata: { name }, ...(data && { data }) };
  };
  return { client: { resource: () => ({ get }) } as object as Client, asked: () => asked };
}

/** What is told as time goes on. */
function follow(client: Client, clock = new VirtualClock(0), logger: Logger = silentLogger) {
  const told: TrustedCallers[] = [];
  const abort = new AbortController();
  const ended = followTrustedCallers(client, (trusted) => told.push(trusted), { clock, logger, signal: abort.signal });
  const end = async () => {
    abort.abort(new Error('enough'));
    await assert.rejects(ended, /enough/);
  };
  return { clock, told, end };
}

test('the authority is asked for until the API server tells it, and told again when it is another', async () => {
  const data = { 'client-ca-file': 'PEM' };
  const { client, asked } = clientAfter(2, data);
  const { clock, told, end } = follow(client);
  await clock.advance(10_000);
  await clock.advance(10_000);
  assert.deepEqual(told, [{ clientCaPem: 'PEM' }]);
  assert.equal(asked(), 3);
  await clock.advance(120_000);
  assert.equal(told.length, 1, 'nothing new');
  data['client-ca-file'] = 'PEM and another';
  await clock.advance(60_000);
  assert.deepEqual(told.slice(1), [{ clientCaPem: 'PEM and another' }]);
  await end();
});

test('what was told holds on while the API server cannot be asked, of which is told once', async () => {
  const data = { 'client-ca-file': 'PEM' };
  let isThere = true;
  let warnings = 0;
  const get = async () => {
    if (!isThere) throw notFound({ group: '', resource: 'configmaps' }, 'x');
    return { data };
  };
  const logger = { ...silentLogger, warn: () => void warnings++ };
  const { clock, told, end } = follow({ resource: () => ({ get }) } as object as Client, new VirtualClock(0), logger);
  await clock.advance(60_000);
  isThere = false;
  await clock.advance(200_000);
  isThere = true;
  await clock.advance(60_000);
  assert.deepEqual([told, warnings], [[{ clientCaPem: 'PEM' }], 1]);
  await end();
});

test('an API server that believes no certificates has none', async () => {
  const { told, clock, end } = follow(clientAfter(0).client);
  await clock.advance(1);
  assert.deepEqual(told, [{}]);
  await end();
});

test('front proxies are those that the API server names', async () => {
  const data = {
    'requestheader-client-ca-file': 'PROXIES',
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-username-headers': '["X-Remote-User"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
  };
  const { told, clock, end } = follow(clientAfter(0, data).client);
  await clock.advance(1);
  const frontProxies = {
    ...{ caPem: 'PROXIES', allowedNames: ['front-proxy-client'], usernameHeaders: ['X-Remote-User'] },
    ...{ groupHeaders: ['X-Remote-Group'], uidHeaders: [], extraHeaderPrefixes: ['X-Remote-Extra-'] },
  };
  assert.deepEqual(told, [{ frontProxies }]);
  await end();
});

test('lists that are none are told of and asked for again, rather than that every name would be allowed', async () => {
  const complaints: unknown[] = [];
  const logger = { ...silentLogger, warn: (_: string, { error }: { error?: Error } = {}) => complaints.push(error?.message) };
  const data = { 'requestheader-client-ca-file': 'PROXIES', 'requestheader-allowed-names': 'front-proxy-client' };
  const { client, asked } = clientAfter(0, data);
  const { clock, told, end } = follow(client, new VirtualClock(0), logger);
  await clock.advance(10_000);
  assert.ok(asked() > 1);
  assert.deepEqual(complaints, [
    'ConfigMap kube-system/extension-apiserver-authentication: requestheader-allowed-names is not a list of strings in JSON',
  ]);
  assert.deepEqual(told, []);
  await end();
});
