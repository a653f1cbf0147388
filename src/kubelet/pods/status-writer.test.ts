import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1Pod } from '../../api/gen/types.ts';
import { notFound } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { VirtualClock } from '../../std/clock.ts';
import { silentLogger } from '../../std/logger.ts';
import { StatusWriter } from './status-writer.ts';

const OWN: V1Pod = { metadata: { name: 'own-n', namespace: 'default', uid: 'static' } };
const mirror = (uid: string): V1Pod => ({ metadata: { name: 'own-n', namespace: 'default', uid }, status: {} });

/** A server that holds each patch back until the test lets it go on. */
function heldServer() {
  const sent: { uid: string; phase: string; answer: (error?: Error) => void }[] = [];
  const client = {
    resource: () => ({
      patch: (_name: string, body: { metadata: { uid: string }; status: { phase: string } }) => {
        const { promise, resolve, reject } = Promise.withResolvers<object>();
        const answer = (error?: Error) => (error ? reject(error) : resolve({}));
        sent.push({ uid: body.metadata.uid, phase: body.status.phase, answer });
        return promise;
      },
    }),
  } as unknown as Client;
  return { client, sent };
}

const turn = () => new Promise((resolve) => setImmediate(resolve));

for (const [how, error] of [
  ['went through', undefined],
  ['found the one before gone', notFound({ group: '', resource: 'pods' }, 'own-n')],
] as const)
  test(`a mirror pod made anew while its status was being told to the one before is told, too, though that ${how}`, async () => {
    const { client, sent } = heldServer();
    const signal = new AbortController().signal;
    const writer = new StatusWriter({ client, clock: new VirtualClock(0), logger: silentLogger, random: Math.random, signal });
    writer.set(OWN, { phase: 'Running' }, mirror('first'));
    await turn();
    await turn();
    writer.set(OWN, { phase: 'Running' }, mirror('second'));
    sent[0]?.answer(error);
    for (let i = 0; i < 5; i++) await turn();
    assert.deepEqual(
      sent.map(({ uid, phase }) => [uid, phase]),
      [
        ['first', 'Running'],
        ['second', 'Running'],
      ],
    );
    sent[1]?.answer();
    await writer.settled('static');
  });
