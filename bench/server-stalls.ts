/**
 * As `bench/stalls.ts`, of an API server alone with what flags can add to it: an audit log that keeps requests and answers whole, encryption
 * at rest, compaction every few seconds, a start with much in the store.
 *
 *     node bench/server-stalls.ts [WORD…]      only what has one of the words in its name
 *
 * Prints one JSON line.
 */
import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { Agent, request } from 'node:https';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { pathToFileURL } from 'node:url';
import { openApiserverProcess } from '../test/e2e/apiserver-process.ts';
import { report } from './bench-cluster.ts';
import { type Answer, forMany, type Send, type } from './stall-steps/step.ts';

const SETTLES_MS = 300;
const COUNT = 20_000;
const SECRETS = '/api/v1/namespaces/default/secrets';
const MAPS = '/api/v1/namespaces/default/configmaps';
const words = process.argv.slice(2);

await using stack = new AsyncDisposableStack();
const directory = await mkdtemp(join(tmpdir(), 'muster-bench-turns-'));
stack.defer(() => rm(directory, { recursive: true }));
const turnsFile = join(directory, 'turns');
process.env['MUSTER_BENCH_TURNS'] = turnsFile;
process.env['NODE_OPTIONS'] = `--import ${pathToFileURL(join(import.meta.dirname, 'turn-monitor.ts'))}`;
const apiserver = stack.use(await openApiserverProcess());
const { certificatePem: cert, privateKeyPem: key } = await apiserver.pki.clientPair('admin', ['system:masters']);
let agent = new Agent({ keepAlive: true, ca: apiserver.pki.caPem, cert, key });
stack.defer(() => agent.destroy());

const send: Send = (method, path, body, headers = {}) =>
  new Promise<Answer>((resolve, reject) => {
    const all = body === undefined ? {} : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) };
    request(`${apiserver.server}${path}`, { method, headers: { ...all, ...headers }, agent }, (answer) => {
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk));
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, body: Buffer.concat(chunks) }));
    })
      .on('error', reject)
      .end(body);
  });

const longest: Record<string, number> = {};
async function measure(name: string, run: () => Promise<Answer | undefined>): Promise<void> {
  if (words.length && !words.some((word) => name.includes(word)) && !name.includes('prepare')) return;
  await sleep(SETTLES_MS);
  const startMs = Date.now();
  const answer = await run();
  await sleep(SETTLES_MS);
  let text = '';
  try {
    text = readFileSync(turnsFile, 'utf8');
  } catch {
    // not one long turn so far
  }
  const turns = text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as { pid: number; atMs: number; cpuMs: number; seen?: readonly string[] })
    .filter(({ pid, atMs }) => pid === apiserver.process.pid && atMs >= startMs)
    .sort((a, b) => b.cpuMs - a.cpuMs);
  longest[name] = Math.round(turns[0]?.cpuMs ?? 0);
  process.stderr.write(
    `${String(longest[name]).padStart(6)} ${name} ${answer?.status ?? ''} ${Date.now() - startMs - SETTLES_MS}\n`,
  );
  for (const line of turns[0]?.seen ?? []) process.stderr.write(`         ${line}\n`);
  if (answer && answer.status >= 300) process.stderr.write(`       answered ${answer.body.toString('utf8', 0, 600)}\n`);
}
async function restart(...flags: string[]): Promise<void> {
  await apiserver.stop();
  agent.destroy();
  agent = new Agent({ keepAlive: true, ca: apiserver.pki.caPem, cert, key });
  await apiserver.start(...flags);
}

const object = (kind: string, name: string, fields: object, metadata: object = {}) =>
  JSON.stringify({ apiVersion: 'v1', kind, metadata: { name, ...metadata }, ...fields });
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
report({ bench: 'server-stalls', longestTurnCpuMs: longest });
