/**
 * What the API does in a second: create, get, list and watch over HTTPS, 32 connections, each write durable, against a control plane in
 * a process of its own with the sqlite store.
 *
 *     node bench/api.ts [RUNS] [PODS]
 *
 * Prints one JSON line a measurement: median and worst of the runs, and the processor time of one operation by threads of the control plane and
 * of the client, which takes the other processor of a machine with two. `create-alone` makes pods that no scheduler looks at: what is more for
 * `create` is the scheduler's, who finds no place for these pods and says so, in the same process. He is still at it when
 * `watch-after-creates` is measured; `watch` comes before all else.
 */
import type { IncomingMessage } from 'node:http';
import { Agent, request } from 'node:https';
import { readKubeconfig, resolveContext } from '../src/pki/kubeconfig.ts';
import { report, residentMb, startBenchCluster, summary, threadsMs } from './bench-cluster.ts';
import { forMany } from './for-many.ts';

const runs = Number(process.argv[2] ?? 5);
const pods = Number(process.argv[3] ?? 2000);
const CONNECTIONS = 32;
const WATCHERS = 50;
const EVENTS = 200;
/** So many Deployments are applied over and over. */
const APPLIED = 100;

await using cluster = await startBenchCluster();
const identity = await resolveContext(await readKubeconfig(cluster.kubeconfig));
const tls = { ca: identity.caPem, cert: identity.clientCertificatePem, key: identity.clientKeyPem };
const agent = new Agent({ ...tls, keepAlive: true, maxSockets: CONNECTIONS });
const watchAgent = new Agent({ ...tls, keepAlive: true, maxSockets: WATCHERS });

interface SendOptions {
  readonly body?: object | undefined;
  readonly agent?: Agent;
  /** Of the body. Default: JSON. */
  readonly type?: string | undefined;
}

function send(method: string, path: string, options: SendOptions = {}): Promise<IncomingMessage> {
  const text = options.body && JSON.stringify(options.body);
  return new Promise((resolve, reject) => {
    const type = options.type ?? 'application/json';
    const headers = { ...(text && { 'content-type': type, 'content-length': Buffer.byteLength(text) }) };
    request(cluster.server + path, { method, agent: options.agent ?? agent, headers }, resolve)
      .on('error', reject)
      .end(text);
  });
}

async function call(method: string, path: string, body?: object, type?: string): Promise<string> {
  const answer = await send(method, path, { body, type });
  const chunks: Buffer[] = [];
  for await (const chunk of answer) chunks.push(chunk as Buffer);
  const text = Buffer.concat(chunks).toString();
  if ((answer.statusCode ?? 0) >= 300) throw new Error(`${method} ${path}: ${answer.statusCode} ${text.slice(0, 300)}`);
  return text;
}

/** Does `count` operations, `atOnce` at a time, and answers the rate. */
async function pooled(count: number, atOnce: number, operation: (i: number) => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await forMany(count, operation, atOnce);
  return count / ((performance.now() - startMs) / 1000);
}

/** The deliveries a second of events that are created one after the other. */
async function watched(namespace: string): Promise<number> {
  const path = `/api/v1/namespaces/${namespace}/configmaps`;
  const { resourceVersion } = (JSON.parse(await call('GET', path)) as { metadata: { resourceVersion: string } }).metadata;
  const watches = await Promise.all(
    Array.from({ length: WATCHERS }, () =>
      send('GET', `${path}?watch=1&resourceVersion=${resourceVersion}`, { agent: watchAgent }),
    ),
  );
  const startMs = performance.now();
  const all = Promise.all(watches.map((watch) => readLines(watch, EVENTS)));
  const body = (i: number) => ({
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: `w-${i}` },
    data: { k: 'v'.repeat(500) },
  });
  for (let i = 0; i < EVENTS; i++) await call('POST', path, body(i));
  await all;
  const seconds = (performance.now() - startMs) / 1000;
  for (const watch of watches) watch.destroy();
  return (WATCHERS * EVENTS) / seconds;
}

function readLines(stream: IncomingMessage, count: number): Promise<void> {
  return new Promise((resolve, reject) => {
    let seen = 0;
    stream.on('error', reject);
    stream.on('data', (chunk: Buffer) => {
      for (let at = chunk.indexOf(10); at >= 0; at = chunk.indexOf(10, at + 1)) if (++seen === count) resolve();
    });
  });
}

const pod = (name: string, i: number, schedulerName = 'default-scheduler') => ({
  apiVersion: 'v1',
  kind: 'Pod',
  metadata: { name: `${name}-${i}`, labels: { app: 'bench', shard: String(i % 10) } },
  spec: {
    schedulerName,
    nodeSelector: { nowhere: 'x' },
    containers: [
      {
        name: 'c',
        image: 'busybox',
        command: ['sleep', '1000000'],
        env: [{ name: 'A', value: 'b'.repeat(200) }],
        resources: { requests: { cpu: '10m', memory: '16Mi' } },
      },
    ],
  },
});

const template = (name: string, i: number) => ({
  metadata: { labels: { app: name, revision: String(i) } },
  spec: { containers: [{ name: 'c', image: `busybox:${i}`, resources: { requests: { cpu: '10m', memory: '16Mi' } } }] },
});

interface Measured {
  readonly rates: number[];
  readonly cpu: Record<'main' | 'v8' | 'others' | 'client', number[]>;
}

const measurements = new Map<string, Measured & { readonly operations: number }>();
async function measure(name: string, operations: number, run: () => Promise<number>): Promise<void> {
  const measured = measurements.get(name) ?? { operations, rates: [], cpu: { main: [], v8: [], others: [], client: [] } };
  measurements.set(name, measured);
  const { rates, cpu } = measured;
  const before = threadsMs(cluster.pid);
  const ownBefore = process.cpuUsage();
  rates.push(await run());
  const own = process.cpuUsage(ownBefore);
  const after = threadsMs(cluster.pid);
  for (const part of ['main', 'v8', 'others'] as const) cpu[part].push((after[part] - before[part]) / operations);
  cpu.client.push((own.user + own.system) / 1000 / operations);
}

async function makeNamespace(name: string): Promise<void> {
  await call('POST', '/api/v1/namespaces', { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
  while ((await send('GET', `/api/v1/namespaces/${name}/serviceaccounts/default`)).resume().statusCode !== 200);
}

for (let run = 0; run < runs; run++) {
  await makeNamespace(`watch-${run}`);
  await measure('watch', WATCHERS * EVENTS, () => watched(`watch-${run}`));
}
let listBytes = 0;
for (let run = 0; run < runs; run++) {
  const namespace = `bench-${run}`;
  const path = `/api/v1/namespaces/${namespace}/pods`;
  await makeNamespace(namespace);
  await measure('create', pods, () => pooled(pods, CONNECTIONS, (i) => call('POST', path, pod('p', i))));
  await measure('get', pods * 3, () => pooled(pods * 3, CONNECTIONS, (i) => call('GET', `${path}/p-${i % pods}`)));
  const list = async () => {
    listBytes = (await call('GET', path)).length;
  };
  await measure('list', 20, () => pooled(20, 1, list));
  await measure('list-two-at-a-time', 20, () => pooled(20, 2, list));
  await measure('watch-after-creates', WATCHERS * EVENTS, () => watched(namespace));
  await measure('create-alone', pods, () => pooled(pods, CONNECTIONS, (i) => call('POST', path, pod('alone', i, 'nobody'))));
  // Each changes what the one before it of the same manager has applied.
  const apply = (i: number) => {
    const name = `apply-${i % APPLIED}`;
    const spec = { replicas: i, selector: { matchLabels: { app: name } }, template: template(name, i) };
    const deployment = { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name }, spec: { ...spec, paused: true } };
    const query = 'fieldManager=bench&force=true';
    return call(
      'PATCH',
      `/apis/apps/v1/namespaces/${namespace}/deployments/${name}?${query}`,
      deployment,
      'application/apply-patch+yaml',
    );
  };
  await measure('apply', pods, () => pooled(pods, CONNECTIONS, apply));
  await call('DELETE', `/api/v1/namespaces/${namespace}`);
}
const medianOf = (values: readonly number[]) => Number(summary(values, 'highest').median.toFixed(3));
for (const [bench, { operations, rates, cpu }] of measurements) {
  const perSecond = summary(rates.map(Math.round), 'lowest');
  const { main, v8, others, client } = cpu;
  const cpuMs = { main: medianOf(main), v8: medianOf(v8), others: medianOf(others), client: medianOf(client) };
  report({ bench, runs, operations, perSecond, cpuMs, ...(bench.startsWith('list') && { listBytes }) });
}
report({ bench: 'memory after all of it', residentMb: residentMb(cluster.pid) });
agent.destroy();
watchAgent.destroy();
