import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { Clock } from '../../std/clock.ts';
import type { Store } from '../../store/store.ts';
import { createComponentStatusHandler, type ProbeComponent } from '../componentstatuses/component-status-handler.ts';
import { componentProbes } from '../componentstatuses/probes.ts';
import type { ActionHandler, Admission, ObjectReader, ObjectWriter } from '../contracts.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import type { ObjectWrites } from '../verbs/write-object.ts';
import { createRollbackHandlers } from './deployment-rollback.ts';
import { createKubeletProxyHandlers, type KubeletConnections } from './kubelet-proxy.ts';
import { createBindingHandlers } from './pod-binding.ts';
import { createEvictionHandler } from './pod-eviction.ts';
import { createScaleHandlers } from './scale.ts';

export interface ActionDeps {
  readonly kinds: readonly KindDefinition[];
  readonly store: Store;
  readonly objects: ObjectStore;
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly writes: ObjectWrites;
  readonly admission: () => Admission;
  readonly clock: Clock;
  readonly kubelets: KubeletConnections;
}

/**
 * The subresources with behaviour of their own, for the kinds that are served.
 *
 * @param probes of components that are asked in another way than on upstream's ports
 */
export function createActionHandlers(deps: ActionDeps, probes: Readonly<Record<string, ProbeComponent>> = {}): ActionHandler[] {
  const { kinds, store, objects, clock, kubelets } = deps;
  const components = { ...componentProbes(store), ...probes };
  const named = (group: string, resource: string) => kinds.find((kind) => kind.group === group && kind.resource === resource);
  const pod = named('', 'pods');
  const node = named('', 'nodes');
  const budget = named('policy', 'poddisruptionbudgets');
  return [
    ...createScaleHandlers(kinds, deps),
    ...createRollbackHandlers(kinds, deps),
    ...(named('', 'componentstatuses') ? [createComponentStatusHandler(components, clock)] : []),
    ...(pod ? [...createBindingHandlers({ ...deps, pod }), createEvictionHandler({ ...deps, pod, budget })] : []),
    ...(pod && node ? createKubeletProxyHandlers({ node, pod, objects, connections: kubelets }) : []),
  ];
}
