import { namespaceKind } from '../../api/core/v1/namespace.ts';
import { podKind } from '../../api/core/v1/pod.ts';
import { serviceKind } from '../../api/core/v1/service.ts';
import { endpointSliceKind } from '../../api/discovery/v1/endpoint-slice.ts';
import type { V1EndpointSlice, V1Namespace, V1Pod, V1Service } from '../../api/gen/types.ts';
import type { ResourceKind } from '../../api/machinery/kind.ts';
import type { KubeObject } from '../../api/machinery/object.ts';
import type { Client } from '../../client/client.ts';
import { createInformer, type Informer } from '../../client/informer.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import { canonicalAddress } from '../message/records.ts';

/** What the zone of a cluster is made of. */
export interface ClusterData {
  service(name: string, namespace: string): V1Service | undefined;
  slices(service: string, namespace: string): readonly V1EndpointSlice[];
  namespaceExists(name: string): boolean;
  podAt(address: string, namespace: string): boolean;
  serviceAt(address: string): V1Service | undefined;
  slicesAt(address: string): readonly V1EndpointSlice[];
  /** Seconds since 1970 of the last change. */
  readonly modified: number;
}

export interface ClusterWatch extends ClusterData {
  /** Resolves when every object is known, or after `startupMs`, as CoreDNS starts with what it has. */
  start(signal: AbortSignal): Promise<void>;
  readonly hasSynced: boolean;
}

export interface ClusterWatchOptions {
  readonly client: Client;
  readonly labelSelector?: string;
  readonly namespaceSelector?: string;
  readonly watchPods: boolean;
  readonly watchEndpoints: boolean;
  /** How long a start waits for all objects. */
  readonly startupMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
}

const SERVICE_LABEL = 'kubernetes.io/service-name';

/** Keeps copies of what the zone is made of. */
export function watchCluster(options: ClusterWatchOptions): ClusterWatch {
  const { client, clock, logger, random, labelSelector, namespaceSelector } = options;
  const informer = <T extends KubeObject>(kind: ResourceKind, selector?: string): Informer<T> =>
    createInformer<T>({ client, kind, clock, logger, random, ...(selector && { labelSelector: selector }) });
  const services = informer<V1Service>(serviceKind, labelSelector);
  const namespaces = informer<V1Namespace>(namespaceKind, namespaceSelector);
  // A slice has its Service's labels only where a controller has copied them; upstream selects both.
  const slices = options.watchEndpoints ? informer<V1EndpointSlice>(endpointSliceKind, labelSelector) : undefined;
  const pods = options.watchPods ? informer<V1Pod>(podKind) : undefined;
  const all = [services, namespaces, slices, pods].filter((one) => one !== undefined) as readonly Informer<KubeObject>[];
  let modified = Math.floor(clock.now() / 1000);
  for (const one of [services, slices, pods])
    (one as Informer<KubeObject> | undefined)?.onChange(() => {
      modified = Math.floor(clock.now() / 1000);
    });
  services.addIndex('address', ({ spec }) => addresses(spec?.clusterIPs ?? (spec?.clusterIP ? [spec.clusterIP] : [])));
  slices?.addIndex('service', ({ metadata }) => [`${metadata?.namespace}/${metadata?.labels?.[SERVICE_LABEL] ?? ''}`]);
  slices?.addIndex('address', ({ endpoints }) => [...new Set((endpoints ?? []).flatMap((one) => addresses(one.addresses)))]);
  pods?.addIndex('address', podAddresses);
  return {
    service: (name, namespace) => services.get(name, namespace),
    slices: (service, namespace) => slices?.byIndex('service', `${namespace}/${service}`) ?? [],
    namespaceExists: (name) => namespaces.get(name) !== undefined,
    podAt: (address, namespace) =>
      pods?.byIndex('address', address).some(({ metadata }) => metadata?.namespace === namespace) ?? false,
    serviceAt: (address) => services.byIndex('address', address)[0],
    slicesAt: (address) => slices?.byIndex('address', address) ?? [],
    get modified() {
      return modified;
    },
    get hasSynced() {
      return all.every((one) => one.hasSynced);
    },
    async start(signal) {
      const synced = Promise.all(all.map((one) => one.start(signal)));
      const late = clock.sleep(options.startupMs, signal).then(() => {
        if (!all.every((one) => one.hasSynced)) logger.warn('starting server with unsynced Kubernetes API');
      });
      late.catch(() => undefined); // the end is told by the informers as well
      synced.catch(() => undefined); // told by the race, or nobody waits any more
      await Promise.race([synced, late]);
    },
  };
}

function addresses(given: readonly string[]): string[] {
  return given.map(canonicalAddress).filter((address) => address !== undefined);
}

/** A pod that has ended may have lent its address to another. */
function podAddresses({ status }: V1Pod): string[] {
  if (status?.phase === 'Succeeded' || status?.phase === 'Failed') return [];
  return addresses((status?.podIPs ?? []).map(({ ip }) => ip ?? ''));
}
