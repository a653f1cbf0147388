import { request } from 'node:https';
import type { TLSSocket } from 'node:tls';
import type { V1Lease, V1Node } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import { type Handshake, type HandshakeOptions, lookingOptions, shownOn } from '../../client/peer-certificate.ts';
import { tlsFailure } from '../../client/transport/transport-error.ts';
import type { ResolvedContext } from '../../pki/kubeconfig.ts';
import type { Clock } from '../../std/clock.ts';
import { isReachedByServer } from '../checks/kubelet-reach.ts';
import type { KubeletProbe, NotSeen, SeenNode } from '../observations.ts';
import { refusalBy, unreachedBy } from './refusal.ts';
import { seenCertificate } from './seen-certificate.ts';

export interface NodeProbeOptions {
  readonly client: Client;
  readonly context: ResolvedContext;
  readonly clock: Clock;
  readonly signal: AbortSignal;
  /** For one node's answer. */
  readonly timeoutMs: number;
  /** Whether :10250 of nodes is asked, and their configuration read; or of which. */
  readonly nodes: boolean | readonly string[];
}

/** A hundred nodes that nobody answers for take the time of one. */
const AT_ONCE = 100;
const KUBELET_PORT = 10250;
const CLIENT_TTL = /^kubelet_certificate_manager_client_ttl_seconds(?:\{[^}]*\})? (\S+)$/m;
const LARGEST_BODY_BYTES = 8 << 20;

/** Looks at every node, 100 at a time. What may not be read is noted once for all nodes. */
export async function probeNodes(
  nodes: readonly V1Node[],
  leases: readonly V1Lease[],
  options: NodeProbeOptions,
  notSeen: NotSeen[],
): Promise<SeenNode[]> {
  const leaseOf = new Map(leases.map((lease) => [lease.metadata?.name ?? '', lease]));
  const missing = new Map<string, { count: number; why: string }>();
  const miss = (what: string) => (error: unknown) => {
    options.signal.throwIfAborted();
    const known = missing.get(what);
    if (known) known.count++;
    else missing.set(what, { count: 1, why: (error as Error).message });
    return undefined;
  };
  const seen: SeenNode[] = [];
  let next = 0;
  const work = async () => {
    for (let i = next++; i < nodes.length; i = next++) {
      const node = nodes[i]!;
      const name = node.metadata?.name ?? '';
      const lease = leaseOf.get(name);
      if (!(typeof options.nodes === 'boolean' ? options.nodes : options.nodes.includes(name))) {
        seen[i] = { node, lease, probe: undefined, configz: undefined, clientTtlSeconds: undefined };
        continue;
      }
      let refusal: string | undefined;
      let outOfReach: string | undefined;
      const [probe, configz, clientTtlSeconds] = await Promise.all([
        probeKubelet(node, options),
        readConfigz(name, options).catch((error: unknown) => {
          refusal = refusalBy(error);
          outOfReach = unreachedBy(error);
          return miss('configuration of kubelets')(error);
        }),
        readClientTtl(name, options).catch(miss('metrics of kubelets')),
      ]);
      seen[i] = { node, lease, probe, configz, clientTtlSeconds, ...(refusal && { refusal }), ...(outOfReach && { outOfReach }) };
      if (probe.unreachable !== undefined && isReachedByServer(seen[i]))
        miss('serving certificates of kubelets')(
          new Error(`no way from here, where the API server has one: ${probe.unreachable}`),
        );
    }
  };
  await Promise.all(Array.from({ length: Math.min(AT_ONCE, nodes.length) }, work));
  for (const [what, { count, why }] of missing) notSeen.push({ what: `${what} (${count} of ${nodes.length} nodes)`, why });
  return seen;
}

async function readConfigz(name: string, { client, signal, timeoutMs }: NodeProbeOptions): Promise<Record<string, unknown>> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const { text } = await client.raw({ path: `/api/v1/nodes/${encodeURIComponent(name)}/proxy/configz`, signal: limited });
  const { kubeletconfig } = JSON.parse(text) as { kubeletconfig?: unknown };
  return typeof kubeletconfig === 'object' && kubeletconfig !== null ? (kubeletconfig as Record<string, unknown>) : {};
}

async function readClientTtl(name: string, { client, signal, timeoutMs }: NodeProbeOptions): Promise<number | undefined> {
  const limited = AbortSignal.any([signal, AbortSignal.timeout(timeoutMs)]);
  const path = `/api/v1/nodes/${encodeURIComponent(name)}/proxy/metrics`;
  const { text } = await client.raw({ path, accept: 'text/plain', signal: limited });
  const value = Number(CLIENT_TTL.exec(text)?.[1]);
  return Number.isFinite(value) ? value : undefined;
}

/** Asks :10250 itself, with no credentials at all. */
async function probeKubelet(node: V1Node, { context, clock, signal, timeoutMs }: NodeProbeOptions): Promise<KubeletProbe> {
  const port = node.status?.daemonEndpoints?.kubeletEndpoint?.Port ?? KUBELET_PORT;
  const addresses = node.status?.addresses ?? [];
  const address = (addresses.find(({ type }) => type === 'InternalIP') ?? addresses[0])?.address;
  if (!address) return { address: '', port, unreachable: 'the Node has no address' };
  try {
    const { shown, status, dateMs, middleMs } = await askAnonymously({
      ...{ host: address, port, caPem: context.caPem, timeoutMs, signal, clock },
    });
    const { certificate, distrust } = shown;
    // Whole seconds: half of one is the best guess.
    const clockOffsetMs = dateMs === undefined ? undefined : dateMs + 500 - middleMs;
    // Dates are judged apart from trust.
    const trusted = distrust === undefined || distrust === 'CERT_HAS_EXPIRED' || distrust === 'CERT_NOT_YET_VALID';
    const where = `node/${node.metadata?.name} :${port}`;
    return { address, port, certificate: seenCertificate(where, certificate), trusted, clockOffsetMs, anonymousStatus: status };
  } catch (error) {
    signal.throwIfAborted();
    const tls = tlsFailure(error);
    return tls
      ? { address, port, unreachable: tls, endsHandshakes: true }
      : { address, port, unreachable: (error as Error).message };
  }
}

interface Asking extends HandshakeOptions {
  readonly signal: AbortSignal;
  readonly clock: Clock;
}

interface Answer {
  readonly shown: Handshake;
  readonly status: number;
  /** What its clock says, and ours half the way between question and answer. */
  readonly dateMs: number | undefined;
  readonly middleMs: number;
}

/** The certificate and an answer over one connection. Nothing secret is sent, so that it does not matter who answers. */
function askAnonymously({ host, port, caPem, timeoutMs, signal, clock }: Asking): Promise<Answer> {
  return new Promise((resolve, reject) => {
    let askedMs = clock.now();
    const asked = request({
      ...{ host, port, path: '/pods', method: 'GET', agent: false, timeout: timeoutMs, signal },
      ...lookingOptions(host, caPem),
    });
    asked.once('socket', (socket) => {
      // Not before: what is written to a handshake that fails fails by itself, without saying that it was the handshake.
      socket.once('secureConnect', () => {
        askedMs = clock.now();
        asked.end();
      });
    });
    asked.once('response', (response) => {
      const middleMs = (askedMs + clock.now()) / 2;
      let shown: Handshake;
      try {
        shown = shownOn(response.socket as TLSSocket, caPem);
      } catch (error) {
        asked.destroy(error as Error);
        return;
      }
      const dateMs = Date.parse(response.headers.date ?? '');
      let bytes = 0;
      response.on('data', (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > LARGEST_BODY_BYTES) response.destroy();
      });
      response.on('close', () =>
        resolve({ shown, status: response.statusCode ?? 0, dateMs: Number.isNaN(dateMs) ? undefined : dateMs, middleMs }),
      );
      response.on('error', reject);
    });
    asked.once('timeout', () => asked.destroy(new Error(`no answer from ${host}:${port} within ${timeoutMs} ms`)));
    asked.once('error', reject);
  });
}
