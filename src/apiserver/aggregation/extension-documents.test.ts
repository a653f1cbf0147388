import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { V1APIService } from '../../api/gen/types.ts';
import { VirtualClock } from '../../std/clock.ts';
import { deferred } from '../../std/lifecycle.ts';
import type { ExtensionConnections } from './extension-connections.ts';
import { ExtensionDocuments } from './extension-documents.ts';

const service = {
  spec: { group: 'g', version: 'v1', groupPriorityMinimum: 1, versionPriority: 1, service: { name: 'api', namespace: 'n' } },
  status: { conditions: [{ type: 'Available', status: 'True' }] },
} as V1APIService;

test('a server is asked once for all who wait, and one that gives no answer is not waited for again at once', async () => {
  const clock = new VirtualClock(0);
  let answer = deferred<{ status: number; headers: object; body: AsyncIterable<Uint8Array> }>();
  let asked = 0;
  const transport = {
    request: () => {
      asked++;
      return answer.promise;
    },
  };
  const connections = { to: () => transport } as unknown as ExtensionConnections;
  const documents = new ExtensionDocuments({ connections, resolve: () => 'https://api', clock });
  const ask = () => documents.ask(service, '/openapi/v2');
  const waiting = [ask(), ask()];
  answer.reject(new Error('it hangs'));
  assert.deepEqual([await Promise.all(waiting), await ask(), asked], [[undefined, undefined], undefined, 1]);

  answer = deferred();
  await clock.advance(10_000);
  const later = [ask(), ask()];
  answer.resolve({
    status: 200,
    headers: {},
    body: (async function* () {
      yield Buffer.from('{"swagger":"2.0"}');
    })(),
  });
  assert.deepEqual([await Promise.all(later), asked], [[{ swagger: '2.0' }, { swagger: '2.0' }], 2]);
});
