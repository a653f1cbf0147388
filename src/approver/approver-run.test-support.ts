import { until } from '../../test/harness/until.ts';
import { certificateSigningRequestKind as csrKind } from '../api/certificates/v1/certificate-signing-request.ts';
import { nodeKind } from '../api/core/v1/node.ts';
import type { V1CertificateSigningRequest } from '../api/gen/types.ts';
import { parseCidr } from '../api/machinery/ip.ts';
import { formatTime } from '../api/machinery/object.ts';
import { runController, TestingCluster } from '../controllers/framework/testing-client.test-support.ts';
import { createCertificateRequest } from '../pki/certificate-request.ts';
import { generatePrivateKey } from '../pki/keys.ts';
import { type ApproverOptions, createApprover } from './approver.ts';
import { ApproverMetrics } from './approver-metrics.ts';
import { servingFacts } from './facts.test-support.ts';
import type { NameSource } from './names/name-source.ts';
import { lookUp, readNameTable } from './names/name-table.ts';
export const key = await generatePrivateKey();
export const keys = new Map<string, typeof key>();
const cluster10 = {
  clusterDomain: 'cluster.local',
  serviceRanges: [parseCidr('10.96.0.0/12')!],
  serviceAddresses: new Set<string>(),
  apiServerNames: new Set<string>(),
  apiServerAddresses: new Set<string>(),
  moreNames: [],
  moreRanges: [],
};
export const inventory = (table: object): NameSource => ({
  name: 'inventory',
  ask: (node, names) => Promise.resolve(lookUp(readNameTable(table), node, names)),
});

export async function open(changes: Partial<ApproverOptions> = {}, cluster = new TestingCluster()) {
  const metrics = new ApproverMetrics();
  const run = await runController(
    ({ client, clock, logger, events }) =>
      createApprover({
        ...{ client, clock, logger, events, metrics, sources: [], allowedPrefixes: [], approveClient: false, dryRun: false },
        limits: servingFacts().limits,
        clusterNames: () => Promise.resolve(cluster10),
        servedCertificate: () => Promise.resolve(undefined),
        ...changes,
      }),
    cluster,
  );
  const find = (name: string) => cluster.get<V1CertificateSigningRequest>(csrKind, name);
  return {
    ...{ cluster, metrics, events: run.events },
    conditions: (name: string) => (find(name)?.status?.conditions ?? []).map(({ type }) => type),
    messageOf: (name: string) => find(name)?.status?.conditions?.at(-1)?.message ?? '',
    addNode(name: string, ...addresses: string[]) {
      cluster.put(nodeKind, {
        metadata: { name },
        status: { addresses: addresses.map((address) => ({ type: 'InternalIP', address })) },
      });
    },
    /** Time goes on until it is so. */
    reach: (what: string, condition: () => boolean) =>
      until(what, async () => {
        await cluster.clock.advance(20);
        return condition();
      }),
    async pass(ms = 200) {
      for (let i = 0; i < 20; i++) await run.settle(ms / 20);
    },
    [Symbol.asyncDispose]: () => run[Symbol.asyncDispose](),
  };
}

export interface Asked {
  readonly name?: string;
  readonly node?: string;
  readonly dnsNames?: readonly string[];
  readonly ipAddresses?: readonly string[];
  readonly key?: typeof key;
}

/** A request as the API server has it, of a key of the node's own unless another is given. */
export async function request(asked: Asked = {}, clock?: { now(): number }): Promise<V1CertificateSigningRequest> {
  const { name = 'csr-1', node = 'node-1', dnsNames = [], ipAddresses = [] } = asked;
  if (!keys.has(node)) keys.set(node, await generatePrivateKey());
  const text = await createCertificateRequest({
    ...{ key: asked.key ?? keys.get(node)!, commonName: `system:node:${node}`, organizations: ['system:nodes'] },
    ...{ dnsNames, ipAddresses },
  });
  return {
    metadata: { name, ...(clock && { creationTimestamp: formatTime(clock.now()) }) },
    spec: {
      request: Buffer.from(text).toString('base64'),
      signerName: 'kubernetes.io/kubelet-serving',
      username: `system:node:${node}`,
      groups: ['system:nodes', 'system:authenticated'],
      usages: ['digital signature', 'server auth'],
    },
  };
}

export const OWN = { dnsNames: ['node-1'], ipAddresses: ['10.0.0.1'] };
export const OURS = [inventory({ 'node-1': '10.0.0.1', 'node-2': '10.0.0.2' })];
