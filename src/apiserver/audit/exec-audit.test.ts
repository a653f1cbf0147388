import assert from 'node:assert/strict';
import { once } from 'node:events';
import { readFile, writeFile } from 'node:fs/promises';
import { request } from 'node:https';
import { text } from 'node:stream/consumers';
import { test } from 'node:test';
import { WebSocket } from 'ws';
import { temporaryDirectory } from '../../../test/harness/temporary-directory.ts';
import { until } from '../../../test/harness/until.ts';
import { SpdyConnection } from '../../client/transport/spdy/spdy-connection.ts';
import { startTestKubelet } from '../subresources/test-kubelet.ts';
import { createTestPki, startTestApi, type TestApi } from '../test-api.ts';

interface LoggedEvent {
  readonly stage: string;
  readonly verb: string;
  readonly requestURI: string;
  readonly objectRef?: Record<string, string>;
  readonly responseStatus?: { readonly code: number; readonly reason?: string };
  readonly requestObject?: unknown;
  readonly responseObject?: unknown;
}

const POD = '/api/v1/namespaces/default/pods/p';

/** Runs a command by SPDY, as kubectl did until 1.29; answers what it printed. */
async function bySpdy({ server, pki }: TestApi, path: string): Promise<string> {
  const asking = request({
    host: '127.0.0.1',
    port: server.port,
    ca: pki.caPem,
    agent: false,
    method: 'POST',
    path,
    headers: { connection: 'Upgrade', upgrade: 'SPDY/3.1', 'x-stream-protocol-version': 'v4.channel.k8s.io' },
  });
  asking.end();
  const [, socket, head] = await once(asking, 'upgrade');
  const connection = new SpdyConnection({ socket, head, role: 'client' });
  const [, stdout] = await Promise.all(['error', 'stdout'].map((streamType) => connection.openStream({ streamType })));
  const printed = await text(stdout!);
  await connection.closed;
  return printed;
}

async function byWebSocket({ server, pki }: TestApi, path: string): Promise<void> {
  const socket = new WebSocket(`wss://127.0.0.1:${server.port}${path}`, ['v5.channel.k8s.io'], { ca: pki.caPem });
  await once(socket, 'close');
}

test('an exec is recorded when it comes, when it begins and when it has ended, with its command and nothing of what was said', async () => {
  await using directory = await temporaryDirectory();
  const [policyFile, path] = [directory.file('policy.yaml'), directory.file('audit.log')];
  const rules = [{ level: 'RequestResponse', resources: [{ group: '', resources: ['pods/exec'] }] }, { level: 'None' }];
  await writeFile(policyFile, JSON.stringify({ apiVersion: 'audit.k8s.io/v1', kind: 'Policy', rules }));
  const pki = await createTestPki();
  const kubelet = await startTestKubelet(pki);
  const log = { path, maxAgeDays: 0, maxBackups: 0, maxSizeMb: 0, compress: false, format: 'json' } as const;
  const api = await startTestApi({
    kubelet: { client: await pki.clientPair('kubernetes'), caPem: pki.caPem },
    audit: { policyFile, log: { ...log, mode: 'blocking', batch: { bufferSize: 10, maxBatchSize: 1, maxBatchWaitMs: 0 } } },
  });
  try {
    await kubelet.register(api);
    assert.equal(await bySpdy(api, `${POD}/exec?stdout=true&command=echo&command=spoken`), 'spoken\n');
    await byWebSocket(api, `${POD}/exec?stdout=true&command=echo&command=again`);
    assert.equal((await api.call('POST', '/api/v1/namespaces/default/pods/none/exec?stdout=true&command=id')).status, 404);
    const events = await until('all ends are logged', async () => {
      const all = (await readFile(path, 'utf8'))
        .split('\n')
        .filter(Boolean)
        .map((line) => JSON.parse(line) as LoggedEvent);
      return all.filter(({ stage }) => stage === 'ResponseComplete').length === 3 && all;
    });
    const of = (word: string) => events.filter(({ requestURI }) => requestURI.includes(word));
    for (const word of ['spoken', 'again']) {
      const stages = of(word).map(({ stage, responseStatus }) => [stage, responseStatus?.code]);
      assert.deepEqual(stages, [
        ['RequestReceived', undefined],
        ['ResponseStarted', 101],
        ['ResponseComplete', 101],
      ]);
      for (const { verb, objectRef, requestObject, responseObject } of of(word)) {
        assert.equal(verb, word === 'spoken' ? 'create' : 'get');
        assert.deepEqual(objectRef, { resource: 'pods', subresource: 'exec', namespace: 'default', name: 'p', apiVersion: 'v1' });
        assert.deepEqual([requestObject, responseObject], [undefined, undefined]);
      }
    }
    const refused = of('none').at(-1)!;
    assert.deepEqual([refused.stage, refused.responseStatus?.code], ['ResponseComplete', 404]);
  } finally {
    await api.stop();
    await kubelet.close();
  }
});
