/**
 * Decisions of the approver with many requests at once.
 *
 *     node bench/approver.ts [REQUESTS] [NEW]
 *
 * A control plane in a process of its own (sqlite store, HTTPS); the approver, and whoever asks, in this one. Twice as many Nodes as requests and
 * then some; an inventory knows the addresses of all but the first REQUESTS (default 1,000). Three rounds, each printed as one JSON line, in
 * milliseconds from a request's making to its decision seen by a watch:
 *
 * - `pending`: REQUESTS wait for proof and go on waiting, while NEW (default 200) that can be decided come, ten at a time.
 * - `backlog`: REQUESTS that can be decided are there before the approver starts, from its start on.
 * - `running`: the second round's nodes ask again while it runs, ten at a time.
 */
import { certificateSigningRequestKind } from '../src/api/certificates/v1/certificate-signing-request.ts';
import { nodeKind } from '../src/api/core/v1/node.ts';
import type { V1CertificateSigningRequest, V1Node } from '../src/api/gen/types.ts';
import { parseCidr } from '../src/api/machinery/ip.ts';
import { createApprover } from '../src/approver/approver.ts';
import { ApproverMetrics } from '../src/approver/approver-metrics.ts';
import { lookUp, readNameTable } from '../src/approver/names/name-table.ts';
import { createClient } from '../src/client/create-client.ts';
import { createEventRecorder } from '../src/client/events.ts';
import { createInformer } from '../src/client/informer.ts';
import { transportFromKubeconfig } from '../src/client/kubeconfig-client.ts';
import { createCertificateRequest } from '../src/pki/certificate-request.ts';
import { generatePrivateKey } from '../src/pki/keys.ts';
import { systemClock } from '../src/std/clock.ts';
import { silentLogger } from '../src/std/logger.ts';
import { until } from '../test/harness/until.ts';
import { cpuMs, quantile, report, startBenchCluster } from './bench-cluster.ts';
import { forMany } from './for-many.ts';

const count = Number(process.argv[2] ?? 1000);
const coming = Number(process.argv[3] ?? 200);
const wait = { timeoutMs: 120_000, intervalMs: 5 };
const addressOf = (i: number) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
const nameOf = (i: number) => `bench-${i}`;
/** Whose names nobody proves; whose are proven and are there first; whose are and come later. */
const unproven = range(0, count);
const backlog = range(count, 2 * count);
const later = range(2 * count, 2 * count + coming);

await using cluster = await startBenchCluster();
const transport = await transportFromKubeconfig(cluster.kubeconfig);
const client = createClient({ transport, userAgent: 'bench' });
const nodes = client.resource<V1Node>(nodeKind);

function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, i) => from + i);
}

const tenAtATime = (items: readonly number[], work: (i: number) => Promise<void>) =>
  forMany(items.length, (at) => work(items[at]!), 10);

const askedMs = new Map<string, number>();
const decidedMs = new Map<string, number>();

/** A request as node `i` makes it, prepared, so that what is measured does not hold the making of a key. */
async function prepare(i: number, round: string) {
  const name = nameOf(i);
  const text = await createCertificateRequest({
    ...{ key: await generatePrivateKey(), commonName: `system:node:${name}`, organizations: ['system:nodes'] },
    ...{ dnsNames: [name], ipAddresses: [addressOf(i)] },
  });
  const csr = {
    apiVersion: 'certificates.k8s.io/v1',
    kind: 'CertificateSigningRequest',
    metadata: { name: `${round}-${i}` },
    spec: {
      request: Buffer.from(text).toString('base64'),
      signerName: 'kubernetes.io/kubelet-serving',
      usages: ['digital signature', 'server auth'],
    },
  };
  return async () => {
    askedMs.set(csr.metadata.name, performance.now());
    const { status } = await transport.request({
      method: 'POST',
      path: '/apis/certificates.k8s.io/v1/certificatesigningrequests',
      // The groups of nodes come with the impersonation of the user and group.
      headers: {
        'content-type': 'application/json',
        'impersonate-user': `system:node:${name}`,
        'impersonate-group': 'system:nodes',
      },
      body: JSON.stringify(csr),
    });
    if (status !== 201) throw new Error(`creating a request was answered ${status}`);
  };
}

async function askAll(round: string, items: readonly number[]): Promise<void> {
  const asks = new Map<number, () => Promise<void>>();
  for (const i of items) asks.set(i, await prepare(i, round));
  await tenAtATime(items, (i) => asks.get(i)!());
}

function startApprover(signal: AbortSignal) {
  const approverClient = createClient({ transport, userAgent: 'muster-approver' });
  const table = readNameTable(Object.fromEntries([...backlog, ...later].map((i) => [nameOf(i), [addressOf(i)]])));
  const metrics = new ApproverMetrics();
  const approver = createApprover({
    client: approverClient,
    sources: [{ name: 'inventory', ask: (node, names) => Promise.resolve(lookUp(table, node, names)) }],
    limits: {
      ...{ maxNames: 16, minLifetimeMs: 600_000, maxLifetimeMs: 365 * 86_400_000, maxPendingPerNode: 20 },
      ...{ acceptNodeStatus: false, allowRejoin: false, allowLoopback: false },
    },
    ...{ allowedPrefixes: [], approveClient: false, dryRun: false, metrics, clock: systemClock, logger: silentLogger },
    clusterNames: () =>
      Promise.resolve({
        clusterDomain: 'cluster.local',
        serviceRanges: [parseCidr('10.96.0.0/12')!],
        ...{ serviceAddresses: new Set<string>(), apiServerNames: new Set<string>(), apiServerAddresses: new Set<string>() },
        ...{ moreNames: [], moreRanges: [] },
      }),
    servedCertificate: () => Promise.resolve(undefined),
    events: createEventRecorder({
      ...{ client: approverClient, component: 'muster-approver', clock: systemClock, logger: silentLogger, signal },
    }),
  });
  return { started: approver.start(signal), done: approver.done, metrics };
}

/** Waits until all of a round are decided and prints how long that took, from their making or, when it came later, from `fromMs` on. */
async function tell(round: string, items: readonly number[], fromMs = 0): Promise<void> {
  const names = items.map((i) => `${round}-${i}`);
  await until(`round ${round} is decided`, () => names.every((name) => decidedMs.has(name)), wait);
  const took = names.map((name) => decidedMs.get(name)! - Math.max(fromMs, askedMs.get(name)!));
  const at = (share: number) => Math.round(quantile(took, share));
  const cpu = { approver: cpuMs(process.pid) - before.approver, controlPlane: cpuMs(cluster.pid) - before.controlPlane };
  report({
    ...{ bench: 'approver', round, requests: items.length, medianMs: at(0.5), p99Ms: at(0.99) },
    ...{ lastMs: at(1), cpuMsEach: Number(((cpu.approver + cpu.controlPlane) / items.length).toFixed(2)) },
    ...{ ofControlPlane: Number((cpu.controlPlane / items.length).toFixed(2)) },
  });
}
let before = { approver: 0, controlPlane: 0 };
const mark = () => {
  before = { approver: cpuMs(process.pid), controlPlane: cpuMs(cluster.pid) };
  return performance.now();
};

await tenAtATime([...unproven, ...backlog, ...later], async (i) => {
  const metadata = { name: nameOf(i) };
  await nodes.create({ apiVersion: 'v1', kind: 'Node', metadata });
  // Without a version: the controllers write Nodes as well.
  const status = { addresses: [{ type: 'InternalIP', address: addressOf(i) }] };
  await nodes.update({ apiVersion: 'v1', kind: 'Node', metadata, status }, { subresource: 'status' });
});

const stop = new AbortController();
const watch = createInformer<V1CertificateSigningRequest>({
  ...{ client, kind: certificateSigningRequestKind, clock: systemClock, logger: silentLogger },
});
watch.onChange(({ object: { metadata, status } }) => {
  const name = metadata?.name ?? '';
  if (status?.conditions?.some(({ type }) => type === 'Approved') && !decidedMs.has(name)) decidedMs.set(name, performance.now());
});
await watch.start(stop.signal);

await askAll('backlog', backlog);
const startMs = mark();
const approver = startApprover(stop.signal);
await approver.started;
await tell('backlog', backlog, startMs);

await askAll('waiting', unproven);
const waiting = () => /pending_requests\{[^}]*\} (\d+)/.exec(approver.metrics.render())?.[1];
await until('all that cannot be proven wait', () => Number(waiting()) === count, wait);
mark();
await askAll('pending', later);
await tell('pending', later);

mark();
await askAll('running', backlog);
await tell('running', backlog);

stop.abort(new DOMException('done', 'AbortError'));
await Promise.all([approver.done, watch.done]);
await transport.close({ final: true });
