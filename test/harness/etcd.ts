import { mkdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { createAuthority } from '../../src/pki/authority.ts';
import { generatePrivateKey } from '../../src/pki/keys.ts';
import { type ComponentProcess, startProgram } from './component-process.ts';
import { freePort } from './free-port.ts';
import { type CommandResult, runCommand } from './run-command.ts';
import { temporaryDirectory } from './temporary-directory.ts';
import { isExecutable } from './tools.ts';
import { until } from './until.ts';

const ETCD = '/usr/bin/etcd';
const ETCDCTL = '/usr/bin/etcdctl';

/** Where a member runs. Default: this machine's loopback, at ports of its own. */
export interface EtcdPlace {
  readonly address: string;
  /** A network namespace. */
  readonly namespace?: string;
  /** Where its data goes; default a temporary directory. */
  readonly dataDirectory?: string;
}

export interface EtcdOptions {
  /** One or three; as many as `places` when these are given. Default 1. */
  readonly members?: number;
  readonly places?: readonly EtcdPlace[];
  /** Flags of etcd, for every member. */
  readonly flags?: readonly string[];
}

export interface EtcdMember {
  readonly name: string;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly dataDirectory: string;
  readonly process: ComponentProcess;
  /** Ends it at once, with SIGKILL. */
  kill(): Promise<void>;
  /** Starts it again with what it has on disk; `existing` also for one that joins with nothing. Does not wait for it. */
  start(): void;
  /** Deletes its data. */
  wipe(): Promise<void>;
}

/** Real etcd with TLS and client certificates everywhere. */
export interface EtcdCluster extends AsyncDisposable {
  readonly members: readonly EtcdMember[];
  /** For `--etcd-servers`. */
  readonly servers: string;
  /** Files for `--etcd-cafile`, `--etcd-certfile`, `--etcd-keyfile`. */
  readonly caFile: string;
  readonly certificateFile: string;
  readonly keyFile: string;
  /** The flags of kube-apiserver for it. */
  readonly flags: readonly string[];
  /** Runs etcdctl against all members, or one; fails with what it said. */
  etcdctl(args: readonly string[], member?: EtcdMember): Promise<string>;
  tryEtcdctl(args: readonly string[], member?: EtcdMember): Promise<CommandResult>;
  /** The member that leads, as a majority sees it. */
  leader(): Promise<EtcdMember>;
  /** Resolves when this member, or all, take writes. */
  ready(member?: EtcdMember): Promise<void>;
  /** Forgets a member whose data is gone, and starts it as a new one of the same name and address. */
  replace(member: EtcdMember): Promise<void>;
  stop(): Promise<void>;
}

interface StatusLine {
  readonly Endpoint: string;
  readonly Status: { readonly leader: number; readonly header: { readonly member_id: number } };
}

/** Starts etcd and resolves when it takes writes. */
export async function startEtcd(options: EtcdOptions = {}): Promise<EtcdCluster> {
  for (const program of [ETCD, ETCDCTL])
    if (!isExecutable(program)) throw new Error(`${program} is missing: apt-get install etcd-server etcd-client`);
  const places = options.places ?? Array.from({ length: options.members ?? 1 }, (): EtcdPlace => ({ address: '127.0.0.1' }));
  const directory = await temporaryDirectory();
  const pki = await writeCertificates(directory.file('pki'), [...new Set(places.map(({ address }) => address))]);
  const members: RunningMember[] = [];
  for (const [i, place] of places.entries()) {
    const [clientPort, peerPort] = place.namespace ? [2379, 2380] : [await freePort(), await freePort()];
    members.push(
      new RunningMember({
        name: `m${i}`,
        place,
        clientUrl: `https://${place.address}:${clientPort}`,
        peerUrl: `https://${place.address}:${peerPort}`,
        dataDirectory: place.dataDirectory ?? directory.file(`m${i}`),
        pki,
        flags: options.flags ?? [],
      }),
    );
  }
  const initialCluster = members.map(({ name, peerUrl }) => `${name}=${peerUrl}`).join(',');
  const tryEtcdctl = (args: readonly string[], member?: EtcdMember) => {
    const endpoints = member ? member.clientUrl : members.map(({ clientUrl }) => clientUrl).join(',');
    const tls = [`--cacert=${pki.ca}`, `--cert=${pki.certificate}`, `--key=${pki.key}`];
    return runCommand(ETCDCTL, [`--endpoints=${endpoints}`, ...tls, ...args], { env: { ETCDCTL_API: '3' } });
  };
  const etcdctl = async (args: readonly string[], member?: EtcdMember) => {
    const { status, stdout, stderr } = await tryEtcdctl(args, member);
    if (status !== 0) throw new Error(`etcdctl ${args.join(' ')} ended with ${status}:\n${stderr}${stdout}`);
    return stdout;
  };
  const ready = async (member?: EtcdMember) => {
    for (const each of member ? [member] : members)
      await until(
        `etcd's member ${each.name} takes writes`,
        async () => {
          if (each.process.exitStatus !== undefined) throw new Error(each.process.output);
          return (await tryEtcdctl(['endpoint', 'health'], each)).status === 0;
        },
        { timeoutMs: 180_000, intervalMs: 100 },
      );
  };
  const stop = async () => {
    await Promise.all(members.map((member) => member.stop()));
  };
  const cluster: EtcdCluster = {
    members,
    servers: members.map(({ clientUrl }) => clientUrl).join(','),
    caFile: pki.ca,
    certificateFile: pki.certificate,
    keyFile: pki.key,
    get flags() {
      return [
        `--etcd-servers=${this.servers}`,
        `--etcd-cafile=${pki.ca}`,
        `--etcd-certfile=${pki.certificate}`,
        `--etcd-keyfile=${pki.key}`,
      ];
    },
    etcdctl,
    tryEtcdctl,
    ready,
    leader: () =>
      until('etcd has a leader', async () => {
        const lines = JSON.parse((await tryEtcdctl(['endpoint', 'status', '-w', 'json'])).stdout) as StatusLine[];
        const line = lines.find(({ Status }) => Status.leader === Status.header.member_id);
        return members.find(({ clientUrl }) => clientUrl === line?.Endpoint);
      }),
    async replace(member) {
      const others = members.filter((other) => other !== member);
      const list = JSON.parse(await etcdctl(['member', 'list', '-w', 'json'], others[0])) as {
        members: { ID: number; name: string }[];
      };
      // The ids have 64 bits, which JSON's numbers do not keep: the plain listing has them in hexadecimal.
      if (!list.members.some(({ name }) => name === member.name)) throw new Error(`no member ${member.name}`);
      const plain = await etcdctl(['member', 'list'], others[0]);
      const id = plain
        .split('\n')
        .find((line) => line.includes(` ${member.name},`))!
        .split(',')[0]!;
      // etcd changes its members only once those that are left have been connected for five seconds, and says "unhealthy cluster" until then.
      const change = (done: RegExp, ...args: string[]) =>
        until(
          `etcdctl member ${args.join(' ')} is done`,
          async () => {
            const { status, stderr, stdout } = await tryEtcdctl(['member', ...args], others[0]);
            if (status !== 0 && !done.test(stderr)) throw new Error(`${stderr}${stdout}`);
            return true;
          },
          { timeoutMs: 60_000, intervalMs: 250 },
        );
      await change(/member not found/i, 'remove', id);
      await change(/peer ?urls already exists/i, 'add', member.name, `--peer-urls=${member.peerUrl}`);
      (member as RunningMember).begin(initialCluster, 'existing');
      await ready(member);
    },
    stop,
    async [Symbol.asyncDispose]() {
      await stop();
      await directory[Symbol.asyncDispose]();
    },
  };
  try {
    for (const member of members) member.begin(initialCluster, 'new');
    await ready();
    return cluster;
  } catch (error) {
    await cluster[Symbol.asyncDispose]();
    throw error;
  }
}

interface Pki {
  readonly ca: string;
  readonly certificate: string;
  readonly key: string;
}

interface MemberConfig {
  readonly name: string;
  readonly place: EtcdPlace;
  readonly clientUrl: string;
  readonly peerUrl: string;
  readonly dataDirectory: string;
  readonly pki: Pki;
  readonly flags: readonly string[];
}

class RunningMember implements EtcdMember {
  readonly #config: MemberConfig;
  #process: ComponentProcess | undefined;
  #arguments: readonly string[] = [];

  constructor(config: MemberConfig) {
    this.#config = config;
  }

  get name() {
    return this.#config.name;
  }

  get clientUrl() {
    return this.#config.clientUrl;
  }

  get peerUrl() {
    return this.#config.peerUrl;
  }

  get dataDirectory() {
    return this.#config.dataDirectory;
  }

  get process(): ComponentProcess {
    if (!this.#process) throw new Error(`member ${this.name} has not been started`);
    return this.#process;
  }

  begin(initialCluster: string, state: 'new' | 'existing'): void {
    const { name, clientUrl, peerUrl, dataDirectory, pki, flags } = this.#config;
    this.#arguments = [
      `--name=${name}`,
      `--data-dir=${dataDirectory}`,
      `--listen-client-urls=${clientUrl}`,
      `--advertise-client-urls=${clientUrl}`,
      `--listen-peer-urls=${peerUrl}`,
      `--initial-advertise-peer-urls=${peerUrl}`,
      `--initial-cluster=${initialCluster}`,
      `--initial-cluster-state=${state}`,
      ...['', 'peer-'].flatMap((kind) => [
        `--${kind}client-cert-auth=true`,
        `--${kind}trusted-ca-file=${pki.ca}`,
        `--${kind}cert-file=${pki.certificate}`,
        `--${kind}key-file=${pki.key}`,
      ]),
      '--logger=zap',
      '--log-level=warn',
      ...flags,
    ];
    this.start();
  }

  start(): void {
    const { namespace } = this.#config.place;
    // Exec, so that the process that is killed is etcd and not who started it.
    this.#process = namespace
      ? startProgram('/usr/bin/nsenter', [`--net=/run/netns/${namespace}`, ETCD, ...this.#arguments])
      : startProgram(ETCD, this.#arguments);
  }

  async kill(): Promise<void> {
    this.#process?.signal('SIGKILL');
    await this.#process?.exited;
  }

  async wipe(): Promise<void> {
    await rm(this.dataDirectory, { recursive: true, force: true });
  }

  async stop(): Promise<void> {
    if (this.#process?.exitStatus === undefined) await this.kill();
  }
}

/** One pair for members and clients alike, as the runbooks have it. */
async function writeCertificates(directory: string, addresses: readonly string[]): Promise<Pki> {
  await mkdir(directory, { mode: 0o700 });
  const span = { notBeforeMs: Date.now() - 60_000, notAfterMs: Date.now() + 24 * 3_600_000 };
  const authority = await createAuthority({ commonName: 'etcd-ca', ...span });
  const key = await generatePrivateKey();
  const certificatePem = await authority.issue({
    publicKeyDer: key.publicKeyDer,
    commonName: 'etcd',
    organizations: [],
    dnsNames: ['localhost'],
    ipAddresses: [...new Set(['127.0.0.1', ...addresses])],
    usages: ['digital signature', 'server auth', 'client auth'],
    ...span,
  });
  const write = async (name: string, pem: string) => {
    await writeFile(join(directory, name), pem, { mode: 0o600 });
    return join(directory, name);
  };
  return {
    ca: await write('ca.pem', authority.certificatePem),
    certificate: await write('etcd.pem', certificatePem),
    key: await write('etcd.key', key.pem),
  };
}
