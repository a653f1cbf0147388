/**
 * As `bench/stalls.ts`, of an API server alone with what flags can add to it: an audit log that keeps requests and answers whole, encryption
 * at rest, compaction every few seconds, a start with much in the store.
 *
 *     node bench/server-stalls.ts [WORD…]      only what has one of the words in its name
 *
 * Prints one JSON line.
 */
import { Agent } from 'node:https';
import { setTimeout as sleep } from 'node:timers/promises';
import { openApiserverProcess } from '../test/e2e/apiserver-process.ts';
import { report } from './bench-cluster.ts';
import { forMany } from './for-many.ts';
import { type Answer, object, type } from './stall-steps/step.ts';
import { openTurns, sender } from './turns.ts';

const COUNT = 20_000;
const SECRETS = '/api/v1/namespaces/default/secrets';
const MAPS = '/api/v1/namespaces/default/configmaps';
const words = process.argv.slice(2);

await using stack = new AsyncDisposableStack();
const turns = stack.use(await openTurns());
const apiserver = stack.use(await openApiserverProcess());
const { certificatePem: cert, privateKeyPem: key } = await apiserver.pki.clientPair('admin', ['system:masters']);
const newAgent = () => new Agent({ keepAlive: true, ca: apiserver.pki.caPem, cert, key });
let agent = newAgent();
stack.defer(() => agent.destroy());
const send = sender(apiserver.server, () => agent);

async function measure(name: string, run: () => Promise<Answer | undefined>): Promise<void> {
  if (words.length && !words.some((word) => name.includes(word)) && !name.includes('prepare')) return;
  await turns.measure(apiserver.process.pid, name, run);
}
async function restart(...flags: string[]): Promise<void> {
  await apiserver.stop();
  agent.destroy();
  agent = newAgent();
  await turns.watched(() => apiserver.start(...flags));
}

const wide = (name: string) =>
  object('ConfigMap', name, { data: Object.fromEntries(Array.from({ length: 100_000 }, (_, i) => [`k${i}`, ''])) });
const secret = (i: number) =>
  object('Secret', `s${i}`, { stringData: { password: `value-${i}` } }, { labels: { app: `a${i % 10}` } });
const encryption = (...keys: string[]) =>
  apiserver.write('encryption.yaml', {
    apiVersion: 'apiserver.config.k8s.io/v1',
    kind: 'EncryptionConfiguration',
    resources: [
      {
        resources: ['secrets'],
        providers: [
          { aescbc: { keys: keys.map((name) => ({ name, secret: Buffer.alloc(32, name).toString('base64') })) } },
          { identity: {} },
        ],
      },
    ],
  });
const encrypted = `--encryption-provider-config=${await encryption('one')}`;

await restart(encrypted);
await measure('encrypted prepare secrets', async () => {
  await forMany(COUNT, (i) => send('POST', SECRETS, secret(i)));
  return undefined;
});
await measure('encrypted list', () => send('GET', SECRETS));
await encryption('two', 'one');
await restart(encrypted);
await measure('start, first list', () => send('GET', SECRETS));
await restart(encrypted);
await measure('start, first list by a label', () => send('GET', `${SECRETS}?labelSelector=app%3Da1`));
await restart(encrypted);
await measure('start, first list by a field', () => send('GET', `${SECRETS}?fieldSelector=type%3DOpaque`));
await restart(encrypted);
await measure('start, first watch by a field', () =>
  send('GET', `${SECRETS}?watch=true&timeoutSeconds=3&fieldSelector=type%3DOpaque`),
);
await restart(encrypted);
await measure('start, first table', () =>
  send('GET', SECRETS, undefined, { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' }),
);
await measure('encrypted exact revision', async () => {
  const { metadata } = JSON.parse((await send('GET', `${SECRETS}?limit=1`)).body.toString()) as {
    metadata: { resourceVersion: string };
  };
  await send('PATCH', `${SECRETS}/s1`, '{"metadata":{"labels":{"x":"y"}}}', type('merge-patch+json'));
  return send('GET', `${SECRETS}?resourceVersion=${metadata.resourceVersion}&resourceVersionMatch=Exact`);
});
await measure('encrypted rewritten with another key', async () => {
  await forMany(COUNT, (i) =>
    send('PATCH', `${SECRETS}/s${i}`, '{"metadata":{"annotations":{"a":"b"}}}', type('merge-patch+json')),
  );
  return undefined;
});
await restart(encrypted, '--etcd-compaction-interval=2s');
await measure('compacted', async () => {
  await sleep(8_000);
  return undefined;
});
const policy = await apiserver.write('policy.yaml', {
  apiVersion: 'audit.k8s.io/v1',
  kind: 'Policy',
  rules: [{ level: 'RequestResponse' }],
});
await restart(encrypted, `--audit-policy-file=${policy}`, `--audit-log-path=${apiserver.file('audit.log')}`);
await measure('audited create of 100,000 keys', () => send('POST', MAPS, wide('wide')));
await measure('audited get', () => send('GET', `${MAPS}/wide`));
await measure('audited get in YAML', () => send('GET', `${MAPS}/wide`, undefined, { accept: 'application/yaml' }));
await measure('audited update', () => send('PUT', `${MAPS}/wide`, wide('wide').replace('"k1":""', '"k1":"x"')));
await measure('audited merge patch', () =>
  send('PATCH', `${MAPS}/wide`, wide('wide').replace('"k1":""', '"k1":"y"'), type('merge-patch+json')),
);
await measure('audited apply', () =>
  send('PATCH', `${MAPS}/wide?fieldManager=m&force=true`, wide('wide'), type('apply-patch+yaml')),
);
await measure('audited list of 20,000', () => send('GET', SECRETS));
await measure('audited list in YAML', () => send('GET', SECRETS, undefined, { accept: 'application/yaml' }));
await measure('audited list compressed', () => send('GET', SECRETS, undefined, { 'accept-encoding': 'gzip' }));
await measure('audited list in protobuf', () =>
  send('GET', SECRETS, undefined, { accept: 'application/vnd.kubernetes.protobuf' }),
);
await measure('audited delete', () => send('DELETE', `${MAPS}/wide`));
report({ bench: 'server-stalls', longestTurnCpuMs: turns.longest });
