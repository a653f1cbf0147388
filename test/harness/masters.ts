/** Machines, each with a member of one etcd and an API server, as the runbooks' masters: network namespaces on one wire. As root. */
import { writeFile } from 'node:fs/promises';
import { createAuthority } from '../../src/pki/authority.ts';
import { generatePrivateKey } from '../../src/pki/keys.ts';
import { type ComponentProcess, PROGRAM, startProgram } from './component-process.ts';
import { inNamespace } from './containerd-leftovers.ts';
import { type EtcdCluster, type EtcdMember, startEtcd } from './etcd.ts';
import { type NodeLink, openNodeLinks } from './node-links.ts';
import { runOrFail } from './run-command.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { until } from './until.ts';
import { type Api, createApi } from './write-load.ts';

export interface MastersOptions {
  /** Default 3. */
  readonly masters?: number;
  /** Flags of every API server besides what it needs. */
  readonly flags?: readonly string[];
  /** Where the last member's data goes. Default a temporary directory. */
  readonly lastDataDirectory?: string;
}

export interface Master {
  readonly address: string;
  readonly member: EtcdMember;
  readonly link: NodeLink;
  /** `https://10.1.2.11:6443` */
  readonly server: string;
  /** As an administrator. */
  readonly api: Api;
  readonly process: ComponentProcess;
  /** Starts its API server, and does not wait. @param env besides this process's own */
  startServer(env?: Readonly<Record<string, string>>): void;
  /** Resolves when its API server is ready. */
  serverReady(): Promise<void>;
  /** Ends its API server at once, with SIGKILL. */
  killServer(): Promise<void>;
}

export interface Masters extends AsyncDisposable {
  readonly etcd: EtcdCluster;
  readonly masters: readonly Master[];
  /** Of this administrator, for any of the servers. */
  kubeconfig(master: Master): Promise<string>;
  directory(...parts: string[]): string;
  /** Nothing passes any more between these machines and the other ones; all still reach this one, where the test is. */
  split(minority: readonly Master[]): Promise<void>;
  heal(): Promise<void>;
}

const PORT = 6443;

export async function startMasters(options: MastersOptions = {}): Promise<Masters> {
  await using stack = new AsyncDisposableStack();
  const directory = stack.use(await temporaryDirectory());
  const links = stack.use(await openNodeLinks());
  const machines: NodeLink[] = [];
  for (let i = 0; i < (options.masters ?? 3); i++) machines.push(await links.add());
  const etcd = stack.use(
    await startEtcd({
      places: machines.map(({ namespace, address }, i) => ({
        namespace,
        address,
        ...(i === machines.length - 1 && options.lastDataDirectory && { dataDirectory: options.lastDataDirectory }),
      })),
    }),
  );
  const pki = await createPki(machines.map(({ address }) => address));
  const write = async (name: string, text: string) => {
    await writeFile(directory.file(name), text, { mode: 0o600 });
    return directory.file(name);
  };
  const [ca, certificate, key] = [
    await write('ca.pem', pki.caPem),
    await write('server.pem', pki.server.certificatePem),
    await write('server.key', pki.server.privateKeyPem),
  ];
  const masters = machines.map((link, i): Master => {
    let process: ComponentProcess | undefined;
    const server = `https://${link.address}:${PORT}`;
    const api = createApi({ server, caPem: pki.caPem, ...pki.admin });
    return {
      address: link.address,
      member: etcd.members[i]!,
      link,
      server,
      api,
      get process() {
        if (!process) throw new Error('the API server has not been started');
        return process;
      },
      startServer(env) {
        const [program = '', ...args] = [
          ...inNamespace(link.namespace),
          // Machines have names of their own, by which servers tell each other apart.
          ...['unshare', '--uts', 'sh', '-c', `hostname master-${i}; exec "$@"`, 'sh'],
          globalThis.process.execPath,
          PROGRAM,
          'kube-apiserver',
          ...etcd.flags,
          `--bind-address=${link.address}`,
          `--advertise-address=${link.address}`,
          `--secure-port=${PORT}`,
          `--tls-cert-file=${certificate}`,
          `--tls-private-key-file=${key}`,
          `--client-ca-file=${ca}`,
          `--service-account-issuer=https://kubernetes.default.svc`,
          `--service-account-signing-key-file=${key}`,
          `--service-account-key-file=${certificate}`,
          '--authorization-mode=Node,RBAC',
          '--service-cluster-ip-range=10.96.0.0/24',
          ...(options.flags ?? []),
        ];
        process = startProgram(program, args, { env });
      },
      serverReady: () =>
        until(
          `the API server at ${server} is ready`,
          async () => {
            if (process?.exitStatus !== undefined) throw new Error(process.output);
            return (await api.send('GET', '/readyz')).status === 200;
          },
          { timeoutMs: 180_000, intervalMs: 100 },
        ).then(() => undefined),
      async killServer() {
        process?.signal('SIGKILL');
        await process?.exited;
      },
    };
  });
  stack.defer(async () => {
    for (const master of masters) {
      master.api.close();
      await master.killServer();
    }
  });
  for (const master of masters) master.startServer();
  for (const master of masters) await master.serverReady();
  const nft = ({ namespace }: NodeLink, script: string) => {
    const [program = '', ...args] = [...inNamespace(namespace), 'nft', '-f', '-'];
    return runOrFail(program, args, { input: script });
  };
  const resources = stack.move();
  return {
    etcd,
    masters,
    directory: directory.file,
    kubeconfig: (master) =>
      write(
        `admin-${master.address}.kubeconfig`,
        JSON.stringify({
          apiVersion: 'v1',
          kind: 'Config',
          clusters: [{ name: 'c', cluster: { server: master.server, 'certificate-authority': ca } }],
          users: [
            {
              name: 'admin',
              user: {
                'client-certificate-data': Buffer.from(pki.admin.certificatePem).toString('base64'),
                'client-key-data': Buffer.from(pki.admin.privateKeyPem).toString('base64'),
              },
            },
          ],
          contexts: [{ name: 'x', context: { cluster: 'c', user: 'admin' } }],
          'current-context': 'x',
        }),
      ),
    async split(minority) {
      const majority = masters.filter((master) => !minority.includes(master));
      const others = majority.map(({ address }) => address).join(', ');
      for (const { link } of minority)
        await nft(
          link,
          `table ip cut {
            chain in { type filter hook input priority 0; ip saddr { ${others} } drop; }
            chain out { type filter hook output priority 0; ip daddr { ${others} } drop; }
          }`,
        );
    },
    async heal() {
      for (const { link } of masters) await nft(link, 'table ip cut {}\ndelete table ip cut\n');
    },
    [Symbol.asyncDispose]: () => resources.disposeAsync(),
  };
}

async function createPki(addresses: readonly string[]) {
  const span = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 24 * 3_600_000 };
  const authority = await createAuthority({ commonName: 'kubernetes', ...span });
  const issue = async (commonName: string, organizations: readonly string[], usage: string, ipAddresses: readonly string[]) => {
    const key = await generatePrivateKey();
    const content = { publicKeyDer: key.publicKeyDer, commonName, organizations, dnsNames: [], ipAddresses, ...span };
    const certificatePem = await authority.issue({ ...content, usages: ['digital signature', usage] });
    return { certificatePem, privateKeyPem: key.pem };
  };
  return {
    caPem: authority.certificatePem,
    server: await issue('kube-apiserver', [], 'server auth', addresses),
    admin: await issue('admin', ['system:masters'], 'client auth', []),
  };
}
