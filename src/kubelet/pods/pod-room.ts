import type { V1Pod, V1PodStatus } from '../../api/gen/types.ts';
import { formatTime } from '../../api/machinery/object.ts';
import type { ExtraCondition } from './pod-conditions.ts';
import type { PodEnd } from './pod-parts.ts';
import { isTerminal } from './pod-phase.ts';
import { allocatedPod, decideResize, firstAllocation } from './pod-resize.ts';
import { type PodMemory, type PodWork, uidOf, type WantedPod, withToldStatus } from './pod-work.ts';
import { qosClass } from './qos-class.ts';
import { resizeMessage } from './resize-message.ts';

const PREEMPTED = {
  reason: 'Preempting',
  message: 'Preempted in order to admit critical pod',
  disruptionMessage: 'Pod was preempted by Kubelet to accommodate a critical pod.',
};

export interface PodRoomOptions {
  readonly work: PodWork;
  readonly memories: () => Iterable<PodMemory>;
  /** Ends a pod for a critical one. */
  readonly preempt: (uid: string, end: PodEnd) => Promise<void>;
}

/** Who has room on the node: whom it takes, and what each is given. */
export class PodRoom {
  readonly #options: PodRoomOptions;

  constructor(options: PodRoomOptions) {
    this.#options = options;
  }

  /** Whether the node takes the pod. What runs already is not asked about again. */
  async admit(found: WantedPod, memory: PodMemory): Promise<boolean> {
    const { work } = this.#options;
    const { pod } = found;
    const uid = uidOf(pod);
    const adopted = !work.admission || (await work.runtime.list(uid)).sandboxes.length > 0;
    if (!adopted) {
      const refusal = work.admission?.admit(pod, this.#admitted());
      if (refusal?.preempt) {
        for (const victim of refusal.preempt) await this.#options.preempt(uidOf(victim), PREEMPTED);
      } else if (refusal) {
        this.#refuse(found, refusal);
        return false;
      }
    }
    // Before anybody waits: whoever is judged meanwhile counts this pod.
    memory.admitted = true;
    const refusal = adopted ? undefined : await work.admission?.allocate?.(pod);
    if (!refusal) return true;
    memory.admitted = false;
    this.#refuse(found, refusal);
    return false;
  }

  #admitted(): readonly V1Pod[] {
    const { work } = this.#options;
    return [...this.#options.memories()].flatMap(({ admitted, wanted, released }) => {
      if (!admitted || !wanted || released) return [];
      const pod = withToldStatus(work, wanted.pod);
      return isTerminal(pod.status?.phase) ? [] : [pod];
    });
  }

  /** The pod with the resources that it is given: all that it asks for as soon as there is room. */
  allocate(found: WantedPod, memory: PodMemory): WantedPod {
    const { work } = this.#options;
    if (!work.admission) return found;
    const before = memory.allocation ?? firstAllocation(withToldStatus(work, found.pod));
    const others = this.#admitted().filter((pod) => uidOf(pod) !== uidOf(found.pod));
    const { allocation, pending } = decideResize(found.pod, before, others, {
      admission: work.admission,
      isStatic: found.isStatic,
    });
    memory.allocation = allocation;
    const given = allocatedPod(found.pod, allocation);
    const [told] = memory.resizeConditions.filter(({ type }) => type === 'PodResizePending');
    const progress: readonly ExtraCondition[] =
      allocation === before
        ? memory.resizeConditions.filter(({ type }) => type === 'PodResizeInProgress')
        : [{ type: 'PodResizeInProgress', status: 'True' }];
    memory.resizeConditions = [...(pending ? [pending] : []), ...progress];
    if (allocation !== before) work.events?.event(found.pod, 'Normal', 'ResizeStarted', resizeMessage('started', given));
    if (pending && (pending.reason !== told?.reason || pending.message !== told?.message)) {
      const { reason = '', message } = pending;
      work.events?.event(found.pod, 'Warning', `Resize${reason}`, resizeMessage(reason, found.pod, message));
    }
    return { ...found, pod: given };
  }

  #refuse(found: WantedPod, { reason, message }: { readonly reason: string; readonly message: string }): void {
    const { work } = this.#options;
    const { pod, told } = found;
    const said = `Pod was rejected: ${message}`;
    work.events?.event(pod, 'Warning', reason, message);
    const status: V1PodStatus = {
      ...pod.status,
      message: said,
      ...(pod.metadata?.generation && { observedGeneration: pod.metadata.generation }),
      phase: 'Failed',
      qosClass: pod.status?.qosClass ?? qosClass(pod),
      reason,
      startTime: pod.status?.startTime ?? formatTime(work.clock.now()),
    };
    work.statuses.set(pod, status, told);
  }
}
