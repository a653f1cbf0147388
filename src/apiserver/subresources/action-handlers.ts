import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { Dial } from '../../client/transport/https.ts';
import type { Clock } from '../../std/clock.ts';
import type { Store } from '../../store/store.ts';
import { createComponentStatusHandler, type ProbeComponent } from '../componentstatuses/component-status-handler.ts';
import { componentProbes } from '../componentstatuses/probes.ts';
import type { KubeletAccess } from '../configuration.ts';
import type { ActionHandler, Admission, Authorizer, ObjectReader, ObjectWriter } from '../contracts.ts';
import type { BackendAgents } from '../proxying/backend-agents.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import type { ObjectWrites } from '../verbs/write-object.ts';
import { createRollbackHandlers } from './deployment-rollback.ts';
import { Kubelets } from './kubelets.ts';
import { createBindingHandlers } from './pod-binding.ts';
import { createEvictionHandler } from './pod-eviction.ts';
import { createPodLogHandler } from './pod-log.ts';
import { createPodStreamHandlers } from './pod-streams.ts';
import { proxyTrust } from './proxy-targets.ts';
import { createProxyableCheck } from './proxyable-address.ts';
import { createProxyHandlers } from './resource-proxies.ts';
import { createScaleHandlers } from './scale.ts';

export interface ActionDeps {
  readonly kinds: readonly KindDefinition[];
  readonly store: Store;
  readonly objects: ObjectStore;
  readonly reader: ObjectReader;
  readonly writer: ObjectWriter;
  readonly writes: ObjectWrites;
  readonly admission: () => Admission;
  readonly authorizer: Authorizer;
  readonly clock: Clock;
  readonly random: () => number;
  readonly kubelet: KubeletAccess;
  /** Makes connections to kubelets, pods and endpoints. Default: they are made directly. */
  readonly dial?: Dial | undefined;
  /** Connections to kubelets, pods and endpoints. */
  readonly agents: BackendAgents;
}

/**
 * The subresources with behaviour of their own, for the kinds that are served.
 *
 * @param probes of components that are asked in another way than on upstream's ports
 */
export function createActionHandlers(deps: ActionDeps, probes: Readonly<Record<string, ProbeComponent>> = {}): ActionHandler[] {
  const { kinds, store, clock } = deps;
  const components = { ...componentProbes(store), ...probes };
  const named = (group: string, resource: string) => kinds.find((kind) => kind.group === group && kind.resource === resource);
  const pod = named('', 'pods');
  const budget = named('policy', 'poddisruptionbudgets');
  return [
    ...createScaleHandlers(kinds, deps),
    ...createRollbackHandlers(kinds, deps),
    ...(named('', 'componentstatuses') ? [createComponentStatusHandler(components, clock)] : []),
    ...(pod ? [...createBindingHandlers({ ...deps, pod }), createEvictionHandler({ ...deps, pod, budget })] : []),
    ...createConnectionHandlers(deps),
  ];
}

/** What goes through this server to kubelets, pods and Services. */
function createConnectionHandlers(deps: ActionDeps): ActionHandler[] {
  const core = (resource: string) => deps.kinds.find((kind) => kind.group === '' && kind.resource === resource);
  const [pod, node, service] = [core('pods'), core('nodes'), core('services')];
  if (!pod || !node || !service) return [];
  const { dial } = deps;
  const kubelets = new Kubelets(node, deps.objects, { ...deps.kubelet, clock: deps.clock, ...(dial && { dial }) });
  const isProxyable = deps.kubelet.isProxyable ?? createProxyableCheck();
  const webSocketsNeedCreate = deps.kubelet.webSocketsNeedCreate ?? true;
  const shared = { ...deps, pod, node, service, kubelets, isProxyable, trust: proxyTrust(dial), webSocketsNeedCreate };
  return [...createPodStreamHandlers(shared), createPodLogHandler(shared), ...createProxyHandlers(shared)];
}
