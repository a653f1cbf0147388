import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { nodeKind } from '../../api/core/v1/node.ts';
import type { V1Node } from '../../api/gen/types.ts';
import { type Certificate, parseCertificates } from '../../pki/certificate.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo, ComponentCommand } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { formatAge, formatTable } from '../../std/table-text.ts';
import { type DaemonState, readDaemonState } from '../local/daemon-state.ts';
import { knownCluster } from '../local/known-cluster.ts';
import { NAME_FLAG } from '../up/up-options.ts';

/** `muster status`: exit status 1 unless the cluster runs and every node is Ready. */
export const statusCommand: ComponentCommand = {
  name: 'status',
  summary: "Shows a cluster's process, nodes and certificates; fails unless it runs and every node is Ready.",
  flags: [NAME_FLAG, { name: 'output', shorthand: 'o', type: 'string', description: 'json for one object' }],
  run: status,
};

interface NodeRow {
  readonly name: string;
  readonly ready: boolean;
  readonly status: string;
  readonly address: string;
  /** What runs its pods: `containerd://1.6.20`, `hollow://…`. */
  readonly runtime: string;
}

interface CertificateRow {
  readonly of: string;
  readonly subject: string;
  readonly expires: string;
}

async function status(flags: ParsedFlags, io: CommandIo): Promise<number> {
  const output = flags.values.string('output');
  if (output !== '' && output !== 'json')
    throw new FlagError('--output', `invalid argument ${JSON.stringify(output)} for "-o, --output" flag: must be json`);
  const { name, directory } = await knownCluster(flags, io);
  const state = await readDaemonState(directory);
  if (!state)
    throw new CodedError(`cluster "${name}" is not running; "muster up --name ${name}" starts it`, { code: 'CLUSTER_STOPPED' });
  const [nodes, certificates] = await Promise.all([readNodes(directory), readCertificates(directory)]);
  if (output === 'json') {
    const { pid, server, startedAtMs, store } = state;
    io.stdout(
      `${JSON.stringify({ name, state: state.state, server, pid, startedAtMs, store, dataDir: directory, nodes, certificates })}\n`,
    );
  } else io.stdout(formatStatus(state, directory, nodes, certificates, io.clock.now()));
  return state.state === 'ready' && nodes.every((node) => node.ready) ? 0 : 1;
}

function formatStatus(
  state: DaemonState,
  directory: string,
  nodes: readonly NodeRow[],
  certificates: readonly CertificateRow[],
  nowMs: number,
): string {
  const head = formatTable([
    ['Cluster', `${state.name} (${state.state})`],
    ['API server', state.server ?? '-'],
    ['Process', `${state.pid}, up ${formatAge(nowMs - state.startedAtMs)}`],
    ['Data', `${directory} (${state.store ?? '-'})`],
  ]);
  const nodeTable = formatTable([
    ['NODE', 'STATUS', 'ADDRESS', 'RUNTIME'],
    ...nodes.map((n) => [n.name, n.status, n.address, n.runtime]),
  ]);
  const certificateTable = formatTable([
    ['CERTIFICATE', 'SUBJECT', 'EXPIRES', 'LEFT'],
    ...certificates.map((c) => [c.of, c.subject, c.expires, left(Date.parse(c.expires) - nowMs)]),
  ]);
  return `${head}\n${nodeTable}\n${certificateTable}`;
}

const left = (ms: number) => (ms <= 0 ? 'EXPIRED' : formatAge(ms));

async function readNodes(directory: string): Promise<NodeRow[]> {
  const { clientFromKubeconfig } = await import('../../client/kubeconfig-client.ts');
  const client = await clientFromKubeconfig(join(directory, 'admin.kubeconfig'), { userAgent: 'muster' });
  try {
    const { items } = await client.resource<V1Node>(nodeKind).list();
    return items.map((node) => {
      const ready = node.status?.conditions?.find((c) => c.type === 'Ready')?.status === 'True';
      return {
        name: node.metadata?.name ?? '',
        ready,
        status: (ready ? 'Ready' : 'NotReady') + (node.spec?.unschedulable ? ',SchedulingDisabled' : ''),
        address: node.status?.addresses?.find((a) => a.type === 'InternalIP')?.address ?? '-',
        runtime: node.status?.nodeInfo?.containerRuntimeVersion ?? '-',
      };
    });
  } finally {
    await client.transport.close({ final: true });
  }
}

/** The certificates that can be found in the cluster's directory: authority, API server, and each node's two. */
async function readCertificates(directory: string): Promise<CertificateRow[]> {
  const nodes = await readdir(join(directory, 'nodes')).catch(() => [] as string[]); // a cluster without nodes has no such directory
  const files: [string, string][] = [
    ['authority', join(directory, 'pki', 'ca.crt')],
    ['API server', join(directory, 'pki', 'apiserver.crt')],
    ...nodes.sort().flatMap((node): [string, string][] => [
      [`${node} client`, join(directory, 'nodes', node, 'pki', 'kubelet-client-current.pem')],
      [`${node} serving`, join(directory, 'nodes', node, 'pki', 'kubelet-server-current.pem')],
    ]),
  ];
  const rows = await Promise.all(
    files.map(async ([of, file]) => {
      const certificate = await readCertificate(file);
      return (
        certificate && {
          of,
          subject: certificate.commonName,
          expires: new Date(certificate.notAfterMs).toISOString().replace('.000', ''),
        }
      );
    }),
  );
  return rows.filter((row) => row !== undefined);
}

/** Undefined for a file that is not there (yet): a serving request that still waits. */
async function readCertificate(file: string): Promise<Certificate | undefined> {
  const text = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  return text === undefined ? undefined : parseCertificates(text)[0];
}
