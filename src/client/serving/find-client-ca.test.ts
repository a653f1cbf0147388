import assert from 'node:assert/strict';
import { test } from 'node:test';
import { notFound } from '../../api/machinery/status-error.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import type { Client } from '../client.ts';
import { findClientCa } from './find-client-ca.ts';

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
  const found = findClientCa(client, { clock, logger: silentLogger, signal });
  await clock.advance(10_000);
  await clock.advance(10_000);
  assert.equal(await found, 'PEM');
  assert.equal(asked(), 3);
});

test('an API server that believes no certificates has none', async () => {
  const { client } = clientAfter(0);
  const { signal } = new AbortController();
  assert.equal(await findClientCa(client, { clock: new VirtualClock(0), logger: silentLogger, signal }), undefined);
});

test('it ends with its owner', async () => {
  const abort = new AbortController();
  const found = findClientCa(clientAfter(9).client, { clock: new VirtualClock(0), logger: silentLogger, signal: abort.signal });
  abort.abort(new Error('enough'));
  await assert.rejects(found, /enough/);
});
