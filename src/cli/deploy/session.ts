import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { hostname, tmpdir, userInfo } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { getAsset, isSea } from 'node:sea';
import type { Inventory, InventoryHost } from '../../api/config/v1/inventory.ts';
import type { Cluster } from '../../deploy/apply/cluster.ts';
import { openTunnel } from '../../deploy/apply/tunnel.ts';
import { type AssetFiles, openAssetFiles, readOnlyAssetFiles } from '../../deploy/assets/asset-files.ts';
import type { Material } from '../../deploy/assets/material.ts';
import { openAssets } from '../../deploy/assets/open-assets.ts';
import { desiredSteps, type HostKnowledge } from '../../deploy/desired/desired.ts';
import type { EtcdBeginning } from '../../deploy/desired/etcd.ts';
import { CONNTRACK_LIMIT } from '../../deploy/desired/node.ts';
import { sysctlsOf } from '../../deploy/desired/preparation.ts';
import type { Step } from '../../deploy/desired/step.ts';
import { memberOf } from '../../deploy/etcd-members/member-facts.ts';
import type { HostFacts } from '../../deploy/facts/facts.ts';
import { type Survey, surveyHosts } from '../../deploy/facts/survey.ts';
import { readInventory } from '../../deploy/inventory/read-inventory.ts';
import { lockCluster } from '../../deploy/lock/cluster-lock.ts';
import { createLocalTransport } from '../../deploy/transport/local.ts';
import { createSshTransport } from '../../deploy/transport/ssh.ts';
import type { Transport } from '../../deploy/transport/transport.ts';
import { runProgram } from '../../host/run-program.ts';
import { speakWithProgram } from '../../host/spoken-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CommandIo } from '../../std/command.ts';
import { FlagError, type ParsedFlags } from '../../std/flags.ts';
import { packageFile } from '../../std/own-files.ts';
import { Resources } from '../../std/resources.ts';
import { makeScratchDirectory } from '../local/scratch-directory.ts';
import { unpackBundle } from './bundle-file.ts';
import { configurationMistakes } from './component-configurations.ts';
import { openDeployedCluster } from './deployed-cluster.ts';
import { openUpstream } from './upstream-programs.ts';

/** What a command of `muster deploy` works with. */
export interface Session extends AsyncDisposable {
  readonly inventory: Inventory;
  readonly assetsDirectory: string;
  readonly files: AssetFiles;
  readonly material: Material;
  readonly transports: ReadonlyMap<string, Transport>;
  /** Names of packages that hosts can be given; undefined where there is no bundle. */
  readonly bundledPackages: ReadonlySet<string> | undefined;
  /** Looks at all hosts, or at these. */
  survey(names?: ReadonlySet<string>): Promise<Survey>;
  /** The same cluster with what its assets hold now. */
  reopened(): Promise<Session>;
  /** What each host is to be, given what it knows. @param joining members of etcd that are to begin, by host */
  desired(survey: Survey, joining?: ReadonlyMap<string, EtcdBeginning>): ReadonlyMap<string, readonly Step[]>;
  /** By way of whichever master answers, those that are named left out. */
  openCluster(without?: ReadonlySet<string>): Promise<Cluster>;
}

export interface SessionOptions {
  /** Keys that are missing are made for this session only, and written nowhere. */
  readonly readOnly: boolean;
  /** What changes the cluster, so that nothing else does so meanwhile; undefined when nothing is changed. */
  readonly locksAs?: string;
  /** The command takes words of its own. */
  readonly takesArguments?: boolean;
  /** Instead of what the inventory names. */
  readonly executable?: string;
}

/** Node needs it, and few others do. */
const LIBRARY = 'libatomic.so.1';

/** Reads the inventory that a command names, and opens what belongs to it. @throws CodedError, FlagError */
export async function openSession(flags: ParsedFlags, io: CommandIo, options: SessionOptions): Promise<Session> {
  const { readOnly, locksAs, takesArguments = false } = options;
  if (flags.args.length > 0 && !takesArguments)
    throw new FlagError(flags.args[0]!, `unexpected argument ${JSON.stringify(flags.args[0])}`);
  const file = flags.values.string('filename');
  if (!file) throw new FlagError('--filename', '-f, --filename is missing: it names the inventory');
  const path = resolve(io.cwd, file);
  const text = await readInventoryFile(path);
  const inventory = await readInventory(text, configurationMistakes).catch((cause: unknown) => {
    if (!(cause instanceof CodedError)) throw cause;
    throw new CodedError(`inventory ${path}: ${cause.message}`, { code: cause.code, cause });
  });
  const assetsDirectory = resolve(io.cwd, flags.values.string('assets-dir') || join(dirname(path), `${inventory.name}.assets`));
  await using resources = new Resources();
  // Of this user alone: it holds the sockets of connections.
  const { path: scratch } = resources.use(await makeScratchDirectory(tmpdir(), 'muster-run-'));
  const bundleFile = flags.values.string('bundle');
  const bundle = bundleFile ? await unpackBundle(resolve(io.cwd, bundleFile), join(scratch, 'bundle')) : undefined;
  const executable = options.executable
    ? resolve(io.cwd, options.executable)
    : (bundle?.executable ?? executableOf(inventory, dirname(path)));
  let transports: ReadonlyMap<string, Transport> = new Map(
    inventory.hosts.map((host, i) => [host.name, resources.use(transportTo(host, join(scratch, String(i))))] as const),
  );
  const masters = inventory.hosts.filter(({ roles }) => roles.includes('master'));
  if (locksAs !== undefined) {
    const since = new Date(io.clock.now()).toISOString();
    const holder = `"deploy ${locksAs}" of ${userInfo().username} on ${hostname()}, process ${process.pid}, since ${since}`;
    const locked = new Map(masters.map(({ name }) => [name, transports.get(name)!]));
    const { clock, signal } = io;
    // Two who made keys at once would leave one's key beside the other's certificate.
    const lock = resources.use(await lockCluster({ transports: locked, holder, isRequired: !readOnly, clock, signal }));
    transports = new Map([...transports].map(([name, transport]) => [name, lock.guard(transport)]));
  }
  const files = readOnly ? readOnlyAssetFiles(assetsDirectory) : await openAssetFiles(assetsDirectory);
  const libraries = bundle?.libraries ?? (await librariesOf(executable));
  const packages = bundle?.packages ?? [];
  const { distribution } = inventory;
  const programs =
    distribution.type === 'upstream'
      ? await openUpstream(inventory, resolve(dirname(path), distribution.programs), join(scratch, 'programs'), runProgram)
      : new Map();
  const open = async (): Promise<Omit<Session, keyof AsyncDisposable | 'reopened'>> => {
    const material = await openAssets({ inventory, files, executable, libraries, packages, programs, clock: io.clock });
    return sessionOf({
      ...{ inventory, assetsDirectory, files, material, transports, masters, io },
      bundledPackages: bundle && new Set(packages.map(({ name }) => name)),
    });
  };
  const first = await open();
  const owned = resources.move();
  // The connections and the lock are the first session's.
  const own = {
    reopened: async () => ({ ...(await open()), ...own }),
    [Symbol.asyncDispose]: () => owned[Symbol.asyncDispose](),
  };
  return { ...first, ...own };
}

interface SessionParts
  extends Pick<Session, 'inventory' | 'assetsDirectory' | 'files' | 'material' | 'transports' | 'bundledPackages'> {
  readonly masters: readonly InventoryHost[];
  readonly io: CommandIo;
}

function sessionOf({ masters, io, ...parts }: SessionParts): Omit<Session, keyof AsyncDisposable | 'reopened'> {
  const { inventory, material, transports } = parts;
  const steps = (host: InventoryHost, knowledge: HostKnowledge) => desiredSteps(inventory, host, material, knowledge);
  const keys = new Set(sysctlsOf(inventory).keys());
  return {
    ...parts,
    survey: (names) =>
      surveyHosts({
        inventory,
        transports,
        desired: new Map(inventory.hosts.map((host) => [host.name, steps(host, { sysctls: keys, device: undefined })])),
        clock: io.clock,
        signal: io.signal,
        ...(names && { names }),
      }),
    desired: ({ facts }, joining) =>
      new Map(
        inventory.hosts.map((host) => [
          host.name,
          steps(host, knowledgeOf(inventory, host, facts.get(host.name), joining?.get(host.name))),
        ]),
      ),
    async openCluster(without) {
      const { port } = inventory.apiServer;
      const used = masters.filter(({ name }) => !without?.has(name));
      const exits = used.map(({ name, address }) => ({ transport: transports.get(name)!, address, port }));
      const tunnel = await openTunnel(exits, io.clock);
      return openDeployedCluster({
        inventory,
        server: `https://127.0.0.1:${tunnel.port}`,
        authorityPem: material.authority.trust,
        admin: material.admin,
        clock: io.clock,
        close: () => tunnel.close(),
      });
    },
  };
}

function knowledgeOf(
  inventory: Inventory,
  host: InventoryHost,
  fact: HostFacts | undefined,
  joining: EtcdBeginning | undefined,
): HostKnowledge {
  if (!fact) return { sysctls: new Set(), device: undefined };
  const etcd = joining ?? memberOf(inventory, host, fact).beginning;
  return {
    sysctls: new Set([...fact.sysctls].filter(([, sysctl]) => sysctl.writable).map(([key]) => key)),
    device: fact.devices.get(host.address),
    programs: fact.programs,
    fixedConntrack: fact.sysctls.get(CONNTRACK_LIMIT)?.writable === false,
    ...(etcd && { etcd }),
  };
}

async function readInventoryFile(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    const why = (cause as NodeJS.ErrnoException).code === 'ENOENT' ? 'no such file' : (cause as Error).message;
    throw new CodedError(`inventory ${path}: ${why}`, { code: 'INVENTORY_UNREADABLE', cause });
  }
}

/** What hosts run: the file that the inventory names, this very program when it is one file, or what `npm run build` made. */
const executableOf = ({ distribution }: Inventory, directory: string): string =>
  distribution.executable ? resolve(directory, distribution.executable) : defaultExecutable();

/** This very program when it is one file, or what `npm run build` made. @throws CodedError EXECUTABLE_MISSING */
export function defaultExecutable(): string {
  if (isSea()) return process.execPath;
  const built = packageFile('dist/muster');
  if (existsSync(built)) return built;
  throw new CodedError(
    'there is no executable for the hosts yet: "npm run build" makes one, or distribution.executable names one',
    {
      code: 'EXECUTABLE_MISSING',
    },
  );
}

/** The build puts the library into the executable, and beside it for who deploys from a checkout. */
export async function librariesOf(executable: string): Promise<ReadonlyMap<string, Uint8Array>> {
  if (executable === process.execPath) return new Map([[LIBRARY, new Uint8Array(getAsset(LIBRARY))]]);
  const beside = join(dirname(executable), LIBRARY);
  return existsSync(beside) ? new Map([[LIBRARY, await readFile(beside)]]) : new Map();
}

function transportTo(host: InventoryHost, socket: string): Transport {
  if (host.connection === 'local') return createLocalTransport({ run: runProgram, speak: speakWithProgram });
  return createSshTransport({
    destination: host.ssh.host ?? host.address,
    settings: host.ssh,
    socket,
    run: runProgram,
    speak: speakWithProgram,
  });
}
