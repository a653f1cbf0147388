import { join } from 'node:path';
import { qualityOfService } from '../../api/core/v1/quality-of-service.ts';
import type { V1Pod } from '../../api/gen/types.ts';
import { type RunProgram, runProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { CpuManager } from '../cpus/cpu-manager.ts';
import { containersByName } from '../pods/container-kinds.ts';
import type { PodCgroups, PodPartContext } from '../pods/pod-parts.ts';
import { planEnforcement } from './allocatable-values.ts';
import { byteAmount } from './amounts.ts';
import { type CgroupFiles, kernelCgroupFiles } from './cgroup-files.ts';
import { type CgroupMounts, checkControllers, readCgroupMounts } from './cgroup-mounts.ts';
import {
  type CgroupDriver,
  type CgroupName,
  cgroupParent,
  cgroupPath,
  parseCgroupName,
  podPart,
  podUidOf,
} from './cgroup-names.ts';
import { type CgroupTree, createCgroupTree } from './cgroup-tree.ts';
import { type HugePages, readHugePages } from './huge-pages.ts';
import { containerLimits, podCgroupValues } from './pod-limits.ts';
import { qosValues } from './qos-values.ts';
import { type ResourcePolicy, resourcePolicy } from './resource-policy.ts';
import { createSystemdSlices } from './systemd-slices.ts';
import type { UserNamespaces } from './user-namespaces.ts';

/** What of the machine the cgroups of a node depend on. */
export interface CgroupMachine {
  readonly capacity: Readonly<Record<string, string>>;
  readonly allocatable: Readonly<Record<string, string>>;
  readonly memoryBytes: number;
  readonly swapBytes: number;
  readonly hasSystemd: boolean;
}

export interface PodCgroupsOptions extends Pick<PodPartContext, 'configuration' | 'clock' | 'logger'> {
  readonly machine: CgroupMachine;
  readonly userNamespaces: UserNamespaces;
  /** The pods of the node: their requests weigh the classes. */
  readonly pods: () => readonly V1Pod[];
  /** Who runs on which CPUs; absent: everybody on all. */
  readonly cpus?: Pick<CpuManager, 'cpusOf' | 'isExclusive' | 'known' | 'release'>;
  /** What the runtime says of itself (CRI's RuntimeConfig); goes before `cgroupDriver`, as upstream. */
  readonly runtimeDriver?: CgroupDriver;
  /** Default: this machine's. */
  readonly mounts?: CgroupMounts;
  readonly files?: CgroupFiles;
  readonly hugePages?: readonly HugePages[];
  readonly run?: RunProgram;
  readonly kill?: (pid: number) => void;
}

export interface NodeCgroups extends PodCgroups {
  /**
   * Finds the machine's cgroups and makes the levels above the pods. Every other call waits for it.
   *
   * @throws CodedError naming what the machine lacks or which fields contradict each other
   */
  prepare(): Promise<void>;
  /** Weighs the classes of pods anew; `ensure` and `remove` do so too. */
  refresh(): Promise<void>;
  /** Where the cgroups of all pods together lie, below a hierarchy's mount point: `/kubepods`. After `prepare`. */
  podsPath(): string;
  /** Of the classes that have a level of their own; none without `cgroupsPerQOS`. */
  levelPaths(): readonly string[];
  pathOf(pod: V1Pod): string;
  readonly mounts: CgroupMounts | undefined;
}

/** `kubepods`, below it the classes, below them the pods (pkg/kubelet/cm). */
const PODS = 'kubepods';

/** The node's cgroup tree: v1 or v2, by cgroupfs or systemd. Nothing is touched before `prepare` or the first other call. */
export function createPodCgroups(options: PodCgroupsOptions): NodeCgroups {
  const { configuration, machine, logger, cpus } = options;
  const fields: Readonly<Record<string, unknown>> = configuration;
  const perQos = fields['cgroupsPerQOS'] !== false;
  const driver = options.runtimeDriver ?? (fields['cgroupDriver'] as CgroupDriver);
  const root = parseCgroupName((fields['cgroupRoot'] as string | undefined) ?? '/', driver);
  const podsName: CgroupName = perQos ? [...root, PODS] : root;
  let prepared: Promise<State> | undefined;
  let state: State | undefined;
  let refreshing: Promise<void> = Promise.resolve();
  let waiting: Promise<void> | undefined;

  interface State {
    readonly tree: CgroupTree;
    readonly mounts: CgroupMounts;
    readonly policy: ResourcePolicy;
  }

  async function setUp(): Promise<State> {
    const mounts = options.mounts ?? (await readCgroupMounts());
    checkVersion(mounts.version);
    const hugePages = options.hugePages ?? (await readHugePages());
    const lacking = checkControllers(mounts, {
      pidLimit: (fields['podPidsLimit'] as number) > 0,
      hugePages: hugePages.length > 0,
      ownCpus: fields['cpuManagerPolicy'] === 'static',
    });
    if (lacking.length > 0)
      logger.warn('This machine lacks cgroup controllers: what they would limit is not limited', { controllers: lacking });
    const files = options.files ?? kernelCgroupFiles;
    const { clock } = options;
    const slices =
      driver === 'systemd' ? createSystemdSlices({ run: options.run ?? runProgram, version: mounts.version, clock }) : undefined;
    const tree = createCgroupTree({ mounts, files, driver, ...(slices && { slices }), clock, kill: options.kill ?? killHard });
    // On a v2 machine without systemd nothing may be there yet to show whether swap is counted.
    if (perQos && mounts.version === 2) await tree.apply(podsName, {});
    const limitedPages = mounts.controllers.has('hugetlb') ? hugePages : [];
    const policy = resourcePolicy(configuration, {
      version: mounts.version,
      hugePages: limitedPages,
      memoryBytes: machine.memoryBytes,
      allocatableMemoryBytes: allocatableMemory(machine),
      swapBytes: machine.swapBytes,
      swapAccounted: await countsSwap(files, mounts),
    });
    const enforcement = planEnforcement(configuration, machine.capacity, policy.hugePageSizes);
    for (const { path, what, values } of enforcement.reserved) {
      const name = parseCgroupName(path, driver);
      if (!(await tree.exists(name)))
        throw new CodedError(
          `Failed to enforce ${TITLES[what]} Cgroup Limits on ${JSON.stringify(path)}: ${JSON.stringify(path)} cgroup does not exist`,
          {
            code: 'CGROUPS_MISSING',
          },
        );
      await tree.apply(name, values);
    }
    if (perQos) await tree.apply(podsName, enforcement.pods);
    else if (!(await tree.exists(root)))
      throw new CodedError(`cgroupRoot ${JSON.stringify(fields['cgroupRoot'])} doesn't exist`, { code: 'CGROUPS_MISSING' });
    return { tree, mounts, policy };
  }

  function checkVersion(version: 1 | 2): void {
    if (driver === 'systemd' && !machine.hasSystemd)
      throw new CodedError(
        'cgroupDriver (--cgroup-driver) "systemd": systemd not running on this host, cannot use systemd cgroups manager',
        { code: 'CGROUPS_MISSING' },
      );
    const configured = fields['cgroupDriver'] as CgroupDriver;
    if (options.runtimeDriver && options.runtimeDriver !== configured)
      logger.warn('Using the cgroup driver of the container runtime, not the configured one', {
        runtime: options.runtimeDriver,
        cgroupDriver: configured,
      });
    if (version === 2) return;
    if (fields['failCgroupV1'] === true)
      throw new CodedError(
        'kubelet is configured to not run on a host using cgroup v1. cgroup v1 support is unsupported and will be removed in a future release',
        {
          code: 'CGROUPS_MISSING',
        },
      );
    logger.warn(
      'cgroup v1 detected. cgroup v1 support has been transitioned into maintenance mode, please plan for the migration towards cgroup v2',
    );
    if (configuration.featureGates?.['MemoryQoS']) logger.warn('featureGates.MemoryQoS has no effect: it needs cgroup v2');
  }

  async function ready(): Promise<State> {
    // A machine may be mended while the kubelet runs: a failure is not kept.
    prepared ??= setUp().catch((error: unknown) => {
      prepared = undefined;
      throw error;
    });
    state = await prepared;
    return state;
  }

  /** One after another, and all who ask while one runs share the next: the newest view of the pods is written last. */
  function refresh(): Promise<void> {
    waiting ??= refreshing
      .catch(() => undefined) // told to who asked for that one
      .then(() => {
        refreshing = waiting!;
        waiting = undefined;
        return writeClasses();
      });
    return waiting;
  }

  async function writeClasses(): Promise<void> {
    const { tree, policy } = await ready();
    if (!perQos) return;
    const reserved = fields['qosReserved'] as Record<string, string> | undefined;
    const percent = configuration.featureGates?.['QOSReserved'] ? percentOf(reserved?.['memory']) : undefined;
    const values = qosValues(options.pods(), policy, percent);
    await tree.apply(podsName, values.guaranteed);
    await tree.apply([...podsName, 'burstable'], values.burstable);
    await tree.apply([...podsName, 'besteffort'], values.bestEffort);
  }

  function nameOf(pod: V1Pod): CgroupName {
    if (!perQos) return root;
    const quality = pod.spec ? qualityOfService(pod.spec) : 'BestEffort';
    const level = quality === 'Guaranteed' ? [] : [quality.toLowerCase()];
    return [...podsName, ...level, podPart(pod.metadata?.uid)];
  }

  /** Who has CPUs for himself is not throttled on them. */
  const hasOwnCpus = (pod: V1Pod) =>
    [...containersByName(pod).keys()].some((name) => cpus?.isExclusive(pod.metadata?.uid ?? '', name));

  const parents: readonly CgroupName[] = [podsName, [...podsName, 'burstable'], [...podsName, 'besteffort']];

  return {
    async prepare() {
      await ready();
      await refresh();
    },
    refresh,
    get mounts() {
      return state?.mounts;
    },
    podsPath: () => cgroupPath(podsName, driver),
    levelPaths: () => (perQos ? parents.slice(1).map((name) => cgroupPath(name, driver)) : []),
    pathOf: (pod) => cgroupPath(nameOf(pod), driver),
    async ensure(pod) {
      const { tree, policy } = await ready();
      const name = nameOf(pod);
      if (perQos) {
        await refresh();
        await tree.apply(name, podCgroupValues(pod, withoutQuotaIf(hasOwnCpus(pod), policy)));
      }
      return { cgroupParent: root.length === 0 && !perQos ? '' : cgroupParent(name, driver) };
    },
    resourcesOf(pod, container) {
      if (!state) throw new Error('the resources of a container are asked for before its cgroups were made ready');
      const { uid = '' } = pod.metadata ?? {};
      const cpusetCpus = cpus?.cpusOf(uid, container.name);
      const own = cpus?.isExclusive(uid, container.name) ?? false;
      return {
        ...containerLimits(pod, container, withoutQuotaIf(own, state.policy)),
        ...(own && { cpuQuota: NO_QUOTA }),
        ...(cpusetCpus && { cpusetCpus }),
      };
    },
    async remove(podUid) {
      if (perQos) {
        const { tree } = await ready();
        for (const parent of parents) await tree.remove([...parent, podPart(podUid)]);
        await refresh();
      }
      await options.userNamespaces.release(podUid);
      await cpus?.release(podUid);
    },
    async known() {
      const owners = cpus?.known() ?? [];
      if (!perQos) return owners;
      const { tree } = await ready();
      const names = (await Promise.all(parents.map((parent) => tree.children(parent)))).flat();
      return [...new Set([...owners, ...names.flatMap((name) => podUidOf(name, driver) ?? [])])];
    },
    idMappingsOf: (pod) => options.userNamespaces.mappingsOf(pod),
  };
}

/** Of CRI: none, where there may have been one. */
const NO_QUOTA = -1;

const withoutQuotaIf = (condition: boolean, policy: ResourcePolicy): ResourcePolicy =>
  condition ? { ...policy, cpuQuota: false } : policy;

const TITLES = { 'kube-reserved': 'Kube Reserved', 'system-reserved': 'System Reserved' } as const;

const percentOf = (text: string | undefined) => (text === undefined ? undefined : Number(text.replace(/%$/, '')));

const allocatableMemory = ({ allocatable, memoryBytes }: CgroupMachine) => byteAmount(allocatable['memory']) || memoryBytes;

async function countsSwap(files: CgroupFiles, { version, controllers }: CgroupMounts): Promise<boolean> {
  const tree = controllers.get('memory');
  if (!tree) return false;
  if (version === 1) return (await files.read(join(tree, 'memory.memsw.limit_in_bytes'))) !== undefined;
  // The root of v2 has no limits; its children tell.
  for (const name of (await files.directories(tree)) ?? [])
    if ((await files.read(join(tree, name, 'memory.swap.max'))) !== undefined) return true;
  return false;
}

function killHard(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}
