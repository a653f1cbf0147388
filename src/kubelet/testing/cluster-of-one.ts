/** For tests: a fake API server whose signer works, and the files of a node that is to join it. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { certificateSigningRequestKind } from '../../api/certificates/v1/certificate-signing-request.ts';
import type { V1CertificateSigningRequest } from '../../api/gen/types.ts';
import { type Authority, createAuthority } from '../../pki/authority.ts';
import { parseCertificateRequest } from '../../pki/certificate-request.ts';
import { formatKubeconfig } from '../../pki/kubeconfig.ts';
import type { Clock } from '../../std/clock.ts';
import type { LogFields, Logger } from '../../std/logger.ts';
import type { ApiCredentials, ConnectToApi } from '../api-connection.ts';
import type { KubeletPaths } from '../kubelet-options.ts';
import { FakeApi } from './fake-api.ts';

const HOUR_MS = 3_600_000;

export interface ClusterOfOne extends AsyncDisposable {
  readonly api: FakeApi;
  readonly authority: Authority;
  readonly directory: string;
  readonly paths: Required<KubeletPaths>;
  readonly connect: ConnectToApi;
  /** The credentials of each connection made, in order, asked for now. */
  readonly credentials: (() => ApiCredentials)[];
  reconnects: number;
  /** Signs a filed request as the controllers would, once approved. */
  issue(name: string, options?: { lifetimeMs?: number; notBeforeMs?: number }): Promise<void>;
  /** Signs each request when it is filed. */
  issueAll(options?: { lifetimeMs?: number }): void;
}

export async function createClusterOfOne(clock: Clock): Promise<ClusterOfOne> {
  const directory = await mkdtemp(join(tmpdir(), 'kubelet-'));
  const api = new FakeApi(clock);
  const authority = await createAuthority({
    commonName: 'kubernetes',
    notBeforeMs: clock.now() - HOUR_MS,
    notAfterMs: clock.now() + 100_000 * HOUR_MS,
  });
  const paths = {
    kubeconfig: join(directory, 'kubelet.kubeconfig'),
    bootstrapKubeconfig: join(directory, 'bootstrap.kubeconfig'),
    certificateDirectory: join(directory, 'pki'),
  };
  await writeFile(paths.bootstrapKubeconfig, bootstrapKubeconfig(authority.certificatePem));
  const credentials: (() => ApiCredentials)[] = [];
  const cluster: ClusterOfOne = {
    api,
    authority,
    directory,
    paths,
    credentials,
    reconnects: 0,
    connect: (_target, asked) => {
      credentials.push(asked);
      return {
        client: api.client(),
        reconnect: async () => {
          cluster.reconnects++;
        },
        close: async () => undefined,
      };
    },
    async issue(name, options = {}) {
      const csr = api.find<V1CertificateSigningRequest>('certificatesigningrequests', name)!;
      const request = parseCertificateRequest(Buffer.from(csr.spec.request, 'base64'));
      const notBeforeMs = options.notBeforeMs ?? clock.now();
      const pem = await authority.issue({
        publicKeyDer: request.publicKeyDer,
        commonName: request.commonName,
        organizations: request.organizations,
        dnsNames: request.dnsNames,
        ipAddresses: request.ipAddresses,
        usages: csr.spec.usages ?? [],
        notBeforeMs,
        notAfterMs: notBeforeMs + (options.lifetimeMs ?? 8760 * HOUR_MS),
      });
      api.change(certificateSigningRequestKind, name, '', (object) => {
        object['status'] = { conditions: [{ type: 'Approved', status: 'True', reason: 'Test' }] };
      });
      api.change(certificateSigningRequestKind, name, '', (object) => {
        (object['status'] as { certificate?: string }).certificate = Buffer.from(pem).toString('base64');
      });
    },
    issueAll(options) {
      api.created = ({ kind, metadata }) => {
        if (kind === 'CertificateSigningRequest') void cluster.issue(metadata.name!, options);
      };
    },
    [Symbol.asyncDispose]: () => rm(directory, { recursive: true, force: true }),
  };
  return cluster;
}

function bootstrapKubeconfig(caPem: string): string {
  return formatKubeconfig({
    clusters: [
      {
        name: 'kubernetes',
        cluster: { 'certificate-authority-data': Buffer.from(caPem).toString('base64'), server: 'https://127.0.0.1:6443' },
      },
    ],
    contexts: [{ name: 'default', context: { cluster: 'kubernetes', user: 'kubelet-bootstrap' } }],
    'current-context': 'default',
    users: [{ name: 'kubelet-bootstrap', user: { token: 'abcdef.0123456789abcdef' } }],
  });
}

/** A logger that keeps its lines, `E message name=value`. */
export function recordingLogger(): { logger: Logger; lines: string[] } {
  const lines: string[] = [];
  const text = (fields?: LogFields) =>
    Object.entries(fields ?? {})
      .map(([name, value]) => ` ${name}=${value instanceof Error ? value.message : String(value)}`)
      .join('');
  const make = (base: LogFields): Logger => ({
    info: (message, fields) => void lines.push(`I ${message}${text({ ...base, ...fields })}`),
    debug: (_level, message, fields) => void lines.push(`I ${message}${text({ ...base, ...fields })}`),
    warn: (message, fields) => void lines.push(`W ${message}${text({ ...base, ...fields })}`),
    error: (message, fields) => void lines.push(`E ${message}${text({ ...base, ...fields })}`),
    child: (fields) => make({ ...base, ...fields }),
  });
  return { logger: make({}), lines };
}

/** A machine that is busy with other things takes its time: longer than anything that is waited for takes. */
const LONGEST_WAIT_MS = 30_000;

/** Lets work that needs no time go on until `condition` holds. */
export async function until(condition: () => boolean, what: string): Promise<void> {
  const endMs = performance.now() + LONGEST_WAIT_MS;
  while (!condition()) {
    if (performance.now() > endMs) throw new Error(`never happened: ${what}`);
    await new Promise((resolve) => setImmediate(resolve));
  }
}
