import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notFound } from '../../api/machinery/status-error.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import type { Client } from '../client.ts';
import { findTrustedCallers } from './find-trusted-callers.ts';

/** A client whose API server has the ConfigMap after so many questions. */
function clientAfter(failures: number, data?: Record<string, string>) {
  let asked = 0;
  const get = async (name: string) => {
    if (asked++ < failures) throw notFound({ group: '', resource: 'configmaps' }, name);
    return { metadata: { name }, ...(data && { data }) };
  };
  return { client: { resource: () => ({ get }) } as object as Client, asked: () => asked };
}

test('the authority is asked for until the API server tells it', async () => {
  const clock = new VirtualClock(0);
  const { client, asked } = clientAfter(2, { 'client-ca-file': 'PEM' });
  const { signal } = new AbortController();
  const found = findTrustedCallers(client, { clock, logger: silentLogger, signal });
  await clock.advance(10_000);
  await clock.advance(10_000);
  assert.deepEqual(await found, { clientCaPem: 'PEM' });
  assert.equal(asked(), 3);
});

test('an API server that believes no certificates has none', async () => {
  const { client } = clientAfter(0);
  const { signal } = new AbortController();
  assert.deepEqual(await findTrustedCallers(client, { clock: new VirtualClock(0), logger: silentLogger, signal }), {});
});

test('front proxies are those that the API server names', async () => {
  const data = {
    'requestheader-client-ca-file': 'PROXIES',
    'requestheader-allowed-names': '["front-proxy-client"]',
    'requestheader-username-headers': '["X-Remote-User"]',
    'requestheader-group-headers': '["X-Remote-Group"]',
    'requestheader-extra-headers-prefix': '["X-Remote-Extra-"]',
  };
  const { client } = clientAfter(0, data);
  const { signal } = new AbortController();
  assert.deepEqual(await findTrustedCallers(client, { clock: new VirtualClock(0), logger: silentLogger, signal }), {
    frontProxies: {
      caPem: 'PROXIES',
      allowedNames: ['front-proxy-client'],
      usernameHeaders: ['X-Remote-User'],
      groupHeaders: ['X-Remote-Group'],
      uidHeaders: [],
      extraHeaderPrefixes: ['X-Remote-Extra-'],
    },
  });
});

test('lists that are none are told and asked for again, rather than that every name would be allowed', async () => {
  const told: unknown[] = [];
  const logger = { ...silentLogger, warn: (_: string, { error }: { error?: Error } = {}) => told.push(error?.message) };
  const data = { 'requestheader-client-ca-file': 'PROXIES', 'requestheader-allowed-names': 'front-proxy-client' };
  const { client, asked } = clientAfter(0, data);
  const clock = new VirtualClock(0);
  const abort = new AbortController();
  const found = findTrustedCallers(client, { clock, logger, signal: abort.signal });
  await clock.advance(10_000);
  assert.ok(asked() > 1);
  assert.deepEqual(told, [
    'ConfigMap kube-system/extension-apiserver-authentication: requestheader-allowed-names is not a list of strings in JSON',
  ]);
  abort.abort(new Error('enough'));
  await assert.rejects(found, /enough/);
});

test('it ends with its owner', async () => {
  const abort = new AbortController();
  const found = findTrustedCallers(clientAfter(9).client, {
    clock: new VirtualClock(0),
    logger: silentLogger,
    signal: abort.signal,
  });
  abort.abort(new Error('enough'));
  await assert.rejects(found, /enough/);
});
