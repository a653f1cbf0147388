/**
 * Decisions of the approver with many requests at once.
 *
 *     node bench/approver.ts [REQUESTS]
 *
 * An API server on a memory store over HTTPS, as many Nodes as requests, each with an address that the inventory knows. All requests are there
 * before the approver starts, and as many again are made while it runs, ten at a time. Prints one JSON line: milliseconds from the moment the
 * approver saw a request to its decision written, and from its making to the same for those that came while it ran.
 */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { performance } from 'node:perf_hooks';
import { certificateSigningRequestKind } from '../src/api/certificates/v1/certificate-signing-request.ts';
import { nodeKind } from '../src/api/core/v1/node.ts';
import type { V1CertificateSigningRequest, V1Node } from '../src/api/gen/types.ts';
import { parseCidr } from '../src/api/machinery/ip.ts';
import { createApprover } from '../src/approver/approver.ts';
import { ApproverMetrics } from '../src/approver/approver-metrics.ts';
import { lookUp, readNameTable } from '../src/approver/names/name-table.ts';
import { createClient } from '../src/client/create-client.ts';
import { transportFromKubeconfig } from '../src/client/kubeconfig-client.ts';
import { startCluster } from '../src/cluster/start-cluster.ts';
import { createCertificateRequest } from '../src/pki/certificate-request.ts';
import { generatePrivateKey } from '../src/pki/keys.ts';
import { systemClock } from '../src/std/clock.ts';
import { silentLogger } from '../src/std/logger.ts';

const count = Number(process.argv[2] ?? 1000);
const addressOf = (i: number) => `10.${(i >> 16) & 255}.${(i >> 8) & 255}.${i & 255}`;
const nameOf = (i: number) => `bench-${i}`;

await using cluster = await startCluster({ nodes: 0 });
const admin = cluster.client();
const directory = await mkdtemp(join(tmpdir(), 'muster-bench-'));
const kubeconfig = join(directory, 'kubeconfig');
await writeFile(kubeconfig, cluster.kubeconfig, { mode: 0o600 });
const transport = await transportFromKubeconfig(kubeconfig);
await rm(directory, { recursive: true });
const nodes = admin.resource<V1Node>(nodeKind);
const requests = admin.resource<V1CertificateSigningRequest>(certificateSigningRequestKind);
const all = Array.from({ length: count }, (_, i) => i);

async function tenAtATime(work: (i: number) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let i = next++; i < count; i = next++) await work(i);
  };
  await Promise.all(Array.from({ length: 10 }, worker));
}

async function ask(i: number, round: string): Promise<void> {
  const name = nameOf(i);
  const key = await generatePrivateKey();
  const text = await createCertificateRequest({
    ...{ key, commonName: `system:node:${name}`, organizations: ['system:nodes'] },
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
  const { status } = await transport.request({
    method: 'POST',
    path: '/apis/certificates.k8s.io/v1/certificatesigningrequests',
    headers: { 'content-type': 'application/json', ...actAs(`system:node:${name}`) },
    body: JSON.stringify(csr),
  });
  if (status !== 201) throw new Error(`creating a request was answered ${status}`);
}

/** The groups of nodes come with the impersonation of the user and group. */
const actAs = (user: string) => ({ 'impersonate-user': user, 'impersonate-group': 'system:nodes' });

await tenAtATime(async (i) => {
  const metadata = { name: nameOf(i) };
  await nodes.create({ apiVersion: 'v1', kind: 'Node', metadata });
  // Without a version: the controllers write Nodes as well.
  const status = { addresses: [{ type: 'InternalIP', address: addressOf(i) }] };
  await nodes.update({ apiVersion: 'v1', kind: 'Node', metadata, status }, { subresource: 'status' });
});
await tenAtATime((i) => ask(i, 'before'));

const metrics = new ApproverMetrics();
const table = readNameTable(Object.fromEntries(all.map((i) => [nameOf(i), [addressOf(i)]])));
const stop = new AbortController();
const approver = createApprover({
  client: createClient({ transport, userAgent: 'muster-approver' }),
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
  events: { event: () => undefined, flush: () => Promise.resolve() },
});

/** Until all of a round are decided on; answers the milliseconds since the start. */
async function decided(round: string): Promise<number> {
  const startMs = performance.now();
  for (;;) {
    const { items } = await requests.list();
    const done = items.filter(({ metadata, status }) => metadata?.name?.startsWith(round) && status?.conditions?.length);
    if (done.length === count) return performance.now() - startMs;
    await systemClock.sleep(50);
  }
}

await approver.start(stop.signal);
const backlogMs = await decided('before');
const waiting = metrics.seconds.render();
await tenAtATime((i) => ask(i, 'after'));
await decided('after');
stop.abort(new DOMException('done', 'AbortError'));
await approver.done;
await transport.close({ final: true });

/** The bound below which 99 of 100 lie, of the lines of a histogram, less those of an earlier one. */
function p99(now: string, before = ''): string {
  const read = (text: string) => [...text.matchAll(/_bucket\{.*outcome="approve".*le="([^"]+)"\} (\d+)/g)];
  const earlier = new Map(read(before).map(([, bound, value]) => [bound, Number(value)]));
  const buckets = read(now).map(([, bound = '', value]) => ({ bound, value: Number(value) - (earlier.get(bound) ?? 0) }));
  const total = buckets.at(-1)?.value ?? 0;
  return `${buckets.find(({ value }) => value >= total * 0.99)?.bound} s`;
}
console.log(
  JSON.stringify({
    ...{ requests: count, backlogMs: Math.round(backlogMs), perDecisionMs: backlogMs / count },
    ...{ p99WithBacklog: p99(waiting), p99WhileRunning: p99(metrics.seconds.render(), waiting) },
  }),
);
