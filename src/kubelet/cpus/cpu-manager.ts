import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { V1Pod } from '../../api/gen/types.ts';
import { writeFileAtomic } from '../../std/atomic-file.ts';
import type { Clock } from '../../std/clock.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import { type Component, deferred, isAbort } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { Turns } from '../../std/turns.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { AdmissionRefusal } from '../pods/pod-parts.ts';
import type { Runtime } from '../runtime/runtime.ts';
import {
  allocateCpus,
  type CpuPolicy,
  hasExclusiveCpus,
  nobodysCpus,
  type PlacedBeside,
  releaseCpus,
  unexpected,
} from './allocate-cpus.ts';
import { type CpuAssignments, decodeCpuCheckpoint, encodeCpuCheckpoint } from './cpu-checkpoint.ts';
import { alignmentOnly, checkAssignments, cpuPolicy } from './cpu-policy.ts';
import { type CpuSet, formatCpuSet } from './cpu-set.ts';
import { type CpuTopology, cpuTopology, readCpuTopology } from './cpu-topology.ts';

export interface CpuManagerOptions {
  readonly configuration: KubeletConfiguration;
  readonly runtime: Pick<Runtime, 'list' | 'updateResources'>;
  /** Where `cpu_manager_state` lies: the kubelet's root directory. */
  readonly directory: string;
  readonly clock: Clock;
  readonly logger: Logger;
  /** Default: this machine's. */
  readonly topology?: () => Promise<CpuTopology>;
}

/** Which CPUs the containers of a node run on. With policy `none` nobody is told. */
export interface CpuManager {
  /**
   * Finds what an earlier kubelet left; every other call comes after it.
   *
   * @throws CodedError `CPU_MANAGER` when that, or the configuration, does not go with this machine
   */
  prepare(): Promise<void>;
  /** True where containers can have CPUs of their own. */
  readonly givesCpus: boolean;
  /**
   * Gives an admitted pod its CPUs: at once, so that nobody else is given them meanwhile; resolves when that is kept on disk, with what
   * stands against it, and then the pod has none.
   *
   * @param beside what else is to lie at the same NUMA nodes; it is asked before this returns
   */
  allocate(pod: V1Pod, beside?: PlacedBeside): Promise<AdmissionRefusal | undefined>;
  /** CPUs that a container has for itself. */
  ownCpusOf(podUid: string, container: string): CpuSet | undefined;
  /** All that containers may be given for themselves, those that have been given too; undefined: none are. */
  allocatable(): CpuSet | undefined;
  /** A list such as `0-3`; undefined: the container may run anywhere. */
  cpusOf(podUid: string, container: string): string | undefined;
  isExclusive(podUid: string, container: string): boolean;
  /** Pods that have CPUs of their own. */
  known(): readonly string[];
  release(podUid: string): Promise<void>;
  /** Keeps the running containers on their CPUs while others come and go. */
  readonly component: Component;
}

const FILE = 'cpu_manager_state';

/** The node's CPUs by `cpuManagerPolicy` and `topologyManagerPolicy`. Nothing is read before `prepare`. */
export function createCpuManager(options: CpuManagerOptions): CpuManager {
  const { configuration, runtime, clock, logger } = options;
  const policyName = configuration.cpuManagerPolicy;
  const givesCpus = policyName === 'static';
  const path = join(options.directory, FILE);
  const writes = new Turns<string>();
  let policy: CpuPolicy | undefined;
  /** By which other things than CPUs are kept together as well. */
  let alignment: CpuPolicy = alignmentOnly({ ...configuration, topologyManagerPolicy: 'none' }, cpuTopology(new Map()));
  let now: CpuAssignments = { shared: new Set(), exclusive: new Map() };
  let written: CpuAssignments | undefined;
  /** What containers run on, as this kubelet last told the runtime, by id. */
  let told: ReadonlyMap<string, string> = new Map();
  const done = deferred();

  /** One write after the other, each of the newest; none when that is there already. */
  const keep = () =>
    writes.take(path, async () => {
      const wanted = now;
      if (wanted === written) return;
      await writeFileAtomic(path, encodeCpuCheckpoint(policyName, wanted), { mode: 0o600 });
      written = wanted;
    });

  async function prepare(): Promise<void> {
    const topology =
      givesCpus || configuration.topologyManagerPolicy !== 'none' ? await (options.topology ?? readCpuTopology)() : undefined;
    if (topology) alignment = givesCpus ? cpuPolicy(configuration, topology) : alignmentOnly(configuration, topology);
    if (givesCpus) policy = alignment;
    const text = await readFile(path, 'utf8').catch((error: NodeJS.ErrnoException) => {
      if (error.code === 'ENOENT') return undefined;
      throw error;
    });
    const found = text === undefined ? undefined : decodeCpuCheckpoint(text, policyName, path);
    if (found && (found.shared.size > 0 || found.exclusive.size > 0)) {
      if (policy) checkAssignments(policy, found);
      now = found;
      written = found;
    } else if (policy) now = nobodysCpus(policy);
    if (policy)
      logger.info('Static CPU policy: reserved CPUs are for no container alone', {
        reserved: formatCpuSet(policy.reserved),
        cpus: formatCpuSet(policy.topology.places.keys()),
      });
    if (found === undefined || now !== found) await keep();
  }

  /** Containers whose CPUs others were given, or that have more to run on since others went. */
  async function reconcile(signal: AbortSignal): Promise<void> {
    const { containers } = await runtime.list();
    const before = told;
    const next = new Map<string, string>();
    for (const { id, podUid, name, phase } of containers) {
      if (phase !== 'running' || signal.aborted) continue;
      const cpus = cpusOf(podUid, name);
      if (!cpus) {
        logger.warn('There is no CPU left for a container', { podUID: podUid, containerName: name });
        continue;
      }
      try {
        if (before.get(id) !== cpus) await runtime.updateResources?.(id, { cpusetCpus: cpus });
        next.set(id, cpus);
      } catch (error) {
        logger.error('Failed to update the CPUs of a container', {
          podUID: podUid,
          containerName: name,
          containerID: id,
          err: error,
        });
      }
    }
    told = next;
  }

  function cpusOf(podUid: string, container: string): string | undefined {
    if (!policy) return undefined;
    return formatCpuSet(now.exclusive.get(podUid)?.get(container) ?? now.shared);
  }

  async function release(podUid: string): Promise<void> {
    if (!policy) return;
    if (now.exclusive.has(podUid)) now = releaseCpus(policy, now, podUid);
    await keep();
  }

  return {
    prepare,
    givesCpus,
    async allocate(pod, beside) {
      const result = allocateCpus(alignment, now, pod, beside);
      if ('refusal' in result) return result.refusal;
      if (!policy || result.assignments === now) return undefined;
      now = result.assignments;
      try {
        await keep();
        return undefined;
      } catch (error) {
        now = releaseCpus(policy, now, pod.metadata?.uid ?? '');
        return unexpected(error);
      }
    },
    cpusOf,
    ownCpusOf: (podUid, container) => now.exclusive.get(podUid)?.get(container),
    allocatable: () => policy && new Set(policy.topology.places.keys()).difference(policy.reserved),
    isExclusive: (podUid, container) => hasExclusiveCpus(now, podUid, container),
    known: () => [...now.exclusive.keys()],
    release,
    component: {
      name: 'CPUs of containers',
      async start(signal) {
        signal.throwIfAborted();
        if (!policy) {
          signal.addEventListener('abort', () => done.resolve(), { once: true });
          return;
        }
        const periodMs = parseGoDuration(configuration.cpuManagerReconcilePeriod);
        const run = async () => {
          for (;;) {
            await reconcile(signal).catch((error: unknown) =>
              logger.error('Failed to look at the CPUs of containers', { err: error }),
            );
            await clock.sleep(periodMs, signal);
          }
        };
        run().catch((error: unknown) => (isAbort(error, signal) ? done.resolve() : done.reject(error)));
      },
      done: done.promise,
    },
  };
}
