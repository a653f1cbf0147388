import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { Clock } from '../../std/clock.ts';
import type { Store } from '../../store/store.ts';
import { createComponentStatusHandler } from '../componentstatuses/component-status-handler.ts';
import { componentProbes } from '../componentstatuses/probes.ts';
import type { ActionHandler, Admission } from '../contracts.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import type { ObjectWrites } from '../verbs/write-object.ts';
import { createKubeletProxyHandlers, type KubeletConnections } from './kubelet-proxy.ts';
import { createPodActionHandlers } from './pod-actions.ts';
import { createScaleHandlers } from './scale.ts';

export interface ActionDeps {
  readonly kinds: readonly KindDefinition[];
  readonly store: Store;
  readonly objects: ObjectStore;
  readonly writes: ObjectWrites;
  readonly admission: () => Admission;
  readonly clock: Clock;
  readonly kubelets: KubeletConnections;
}

/** The subresources with behaviour of their own, for the kinds that are served. */
export function createActionHandlers({ kinds, store, objects, writes, admission, clock, kubelets }: ActionDeps): ActionHandler[] {
  const core = (resource: string) => kinds.find((kind) => kind.group === '' && kind.resource === resource);
  const pod = core('pods');
  const node = core('nodes');
  return [
    ...createScaleHandlers(kinds, objects, writes),
    ...(core('componentstatuses') ? [createComponentStatusHandler(componentProbes(store), clock)] : []),
    ...(pod ? createPodActionHandlers({ pod, objects, writes, admission, clock }) : []),
    ...(pod && node ? createKubeletProxyHandlers({ node, pod, objects, connections: kubelets }) : []),
  ];
}
