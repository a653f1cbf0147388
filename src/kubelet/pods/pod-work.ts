import type { V1Pod, V1ResourceRequirements } from '../../api/gen/types.ts';
import type { EventRecorder } from '../../client/events.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import type { PodProbes } from '../probes/pod-probes.ts';
import type { PodSandbox, Runtime, RuntimeContainer } from '../runtime/runtime.ts';
import type { Problem } from './container-status.ts';
import type { ContainerStopper } from './container-stopper.ts';
import { type ExtraCondition, withConditionsOfOthers } from './pod-conditions.ts';
import type { NodeAdmission, PodEnd } from './pod-parts.ts';
import type { Allocation } from './pod-resize.ts';
import type { PodStarter } from './pod-starter.ts';
import { podStatus } from './pod-status.ts';
import type { RestartBackoff } from './restart-backoff.ts';
import type { StatusWriter } from './status-writer.ts';

/** A pod that is to run here, whoever said so. */
export interface WantedPod {
  readonly pod: V1Pod;
  /** The object in the API that tells its status: itself, or a static pod's mirror; undefined as long as there is none. */
  readonly told: V1Pod | undefined;
  readonly isStatic: boolean;
}

/** What all work on pods has in common. */
export interface PodWork {
  readonly runtime: Runtime;
  readonly starter: PodStarter;
  readonly stopper: ContainerStopper;
  readonly probes: PodProbes;
  readonly statuses: StatusWriter;
  readonly backoff: RestartBackoff;
  readonly admission?: NodeAdmission;
  readonly nodeIps: readonly string[];
  readonly podCidr: () => Promise<string | undefined>;
  readonly events: EventRecorder | undefined;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What a kubelet remembers of one pod while it works on it. */
export interface PodMemory {
  /** As it was last wanted: how to end it once nobody wants it any more. */
  wanted?: WantedPod;
  admitted: boolean;
  /** Set when the kubelet itself ends the pod. */
  end?: PodEnd;
  /** Everything of a pod that is over has been taken away. */
  released: boolean;
  /** Its object has been deleted for good; finalizers may keep it a while. */
  deleted: boolean;
  extraConditions: readonly ExtraCondition[];
  resizeConditions: readonly ExtraCondition[];
  /** Delays of containers that wait to be started again, by name, as they were last looked at. */
  backoff: ReadonlyMap<string, number>;
  /** Why containers could not start when that was last tried, by name. */
  readonly problems: Map<string, Problem>;
  /** Containers that the runtime would not remove, by id: since when. */
  readonly unremovable: Map<string, number>;
  /** What the pod's containers were given; set when it is admitted. */
  allocation?: Allocation;
  /** A clock of its own: how often the pod's containers were looked at, and when what was told last was seen. */
  looks: number;
  toldLook: number;
  /** What is in force for running containers, by id. */
  readonly actuated: Map<string, V1ResourceRequirements>;
}

const NOTHING = new Map<string, never>();

export function newMemory(): PodMemory {
  return {
    admitted: false,
    released: false,
    deleted: false,
    extraConditions: [],
    resizeConditions: [],
    backoff: NOTHING,
    problems: new Map(),
    unremovable: new Map(),
    looks: 0,
    toldLook: 0,
    actuated: new Map(),
  };
}

export interface Telling {
  /** When this was seen, by `memory.looks`: what is older than what was told already is not told any more. Default: now. */
  readonly look?: number;
  readonly sandbox: PodSandbox | undefined;
  readonly containers: readonly RuntimeContainer[];
  readonly backoff?: ReadonlyMap<string, number>;
  readonly problems?: ReadonlyMap<string, Problem>;
  readonly final?: boolean;
}

const DISRUPTION = 'DisruptionTarget';

export function uidOf({ metadata }: V1Pod): string {
  return metadata?.uid ?? '';
}

/** The pod with the status that was told last, which the server may not have yet: times of conditions come from it. */
export function withToldStatus({ statuses }: Pick<PodWork, 'statuses'>, pod: V1Pod): V1Pod {
  const status = statuses.statusOf(uidOf(pod));
  return status ? { ...pod, status: withConditionsOfOthers(status, pod.status) } : pod;
}

/** Tells the status of a pod; it is written soon. */
export function tellStatus(work: PodWork, wanted: WantedPod, memory: PodMemory, telling: Telling): void {
  const { statuses, probes, starter, runtime, nodeIps, clock } = work;
  const { pod, told } = wanted;
  const { sandbox, containers, backoff = NOTHING, problems = NOTHING, final = false, look = memory.looks } = telling;
  if (look < memory.toldLook) return;
  memory.toldLook = look;
  const status = podStatus({
    pod: withToldStatus(work, pod),
    sandbox,
    containers,
    runtimeName: runtime.version.name,
    hostIps: nodeIps,
    isStarted: (container) => probes.isStarted(pod, container),
    isReady: (container) => probes.isReady(pod, container),
    backoff,
    problems,
    detailed: starter.detailed,
    ...(memory.end && { end: memory.end }),
    final,
    inForce: memory.actuated,
    extraConditions: [...memory.extraConditions, ...memory.resizeConditions, ...disruptionOf(memory.end)],
    nowMs: clock.now(),
  });
  statuses.set(pod, status, told);
}

function disruptionOf(end: PodEnd | undefined): readonly ExtraCondition[] {
  if (!end || end.disruption === false) return [];
  return [{ type: DISRUPTION, status: 'True', reason: 'TerminationByKubelet', message: end.disruptionMessage ?? end.message }];
}
