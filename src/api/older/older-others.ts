/** Kinds whose older versions are (nearly) the same under another name. */
import { cronJobKind } from '../batch/v1/cron-job.ts';
import { leaseKind } from '../coordination/v1/lease.ts';
import { validateEvent } from '../core/v1/event-rules.ts';
import { endpointSliceKind } from '../discovery/v1/endpoint-slice.ts';
import { toCoreEvent } from '../events/v1/convert-event.ts';
import { eventKind } from '../events/v1/event.ts';
import type { V1Endpoint, V1EndpointSlice } from '../gen/types.ts';
import type { KindDefinition } from '../machinery/kind.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { priorityClassKind } from '../scheduling/v1/priority-class.ts';
import { csiDriverKind } from '../storage/v1/csi-driver.ts';
import { csiNodeKind } from '../storage/v1/csi-node.ts';
import { csiStorageCapacityKind } from '../storage/v1/csi-storage-capacity.ts';
import { storageClassKind } from '../storage/v1/storage-class.ts';
import { volumeAttachmentKind } from '../storage/v1/volume-attachment.ts';
import { deprecationWarning } from './deprecation.ts';
import { type Conversion, type OlderVersion, servedAs } from './served-as.ts';

/** The kind of today, the version, the schema's name, and since when it is outlived and gone. */
function renamed(
  today: KindDefinition,
  version: string,
  schema: string,
  [deprecated, removed]: readonly [number, number],
  more: Partial<OlderVersion> = {},
): KindDefinition {
  return servedAs(today, {
    group: today.group,
    version,
    schema,
    deprecation: deprecationWarning(`${today.group}/${version}`, today.kind, {
      deprecated,
      removed,
      replacement: `${today.group}/v1`,
    }),
    ...more,
  });
}

const ZONE = 'topology.kubernetes.io/zone';
const HOSTNAME = 'kubernetes.io/hostname';

type OlderEndpoint = Omit<V1Endpoint, 'zone' | 'deprecatedTopology'> & { topology?: Record<string, string> };

/** Where an endpoint is was said by labels of its node (pkg/apis/discovery/v1beta1/conversion.go). */
const topology: Conversion = {
  toToday: (object) =>
    withEndpoints<OlderEndpoint, V1Endpoint>(object, ({ topology: labels = {}, ...endpoint }) => {
      const { [ZONE]: zone, ...deprecatedTopology } = labels;
      return {
        ...endpoint,
        ...(zone !== undefined && { zone }),
        ...(Object.keys(deprecatedTopology).length && { deprecatedTopology }),
      };
    }),
  fromToday: (object) =>
    withEndpoints<V1Endpoint, OlderEndpoint>(object, ({ zone, deprecatedTopology, ...endpoint }) => {
      const labels = {
        ...deprecatedTopology,
        ...(zone !== undefined && { [ZONE]: zone }),
        ...(endpoint.nodeName !== undefined && { [HOSTNAME]: endpoint.nodeName }),
      };
      return { ...endpoint, ...(Object.keys(labels).length && { topology: labels }) };
    }),
};

function withEndpoints<From, To>(object: DynamicObject, change: (endpoint: From) => To): DynamicObject {
  const endpoints = object['endpoints'] as readonly From[] | undefined;
  return endpoints ? { ...object, endpoints: endpoints.map(change) } : object;
}

/** Labels are kept, which the version of today takes away. */
function keepGeneration(updated: DynamicObject, existing: DynamicObject): void {
  const [after, before] = [updated, existing] as unknown as V1EndpointSlice[];
  if (JSON.stringify(after!.metadata?.labels) !== JSON.stringify(before!.metadata?.labels))
    updated.metadata.generation = (existing.metadata.generation ?? 0) + 1;
}

export const olderOthers: readonly KindDefinition[] = [
  renamed(cronJobKind, 'v1beta1', 'BatchV1beta1CronJob', [21, 25], { defaultPropagation: 'orphan' }),
  renamed(leaseKind, 'v1beta1', 'CoordinationV1beta1Lease', [19, 22]),
  renamed(endpointSliceKind, 'v1beta1', 'DiscoveryV1beta1EndpointSlice', [21, 25], {
    conversion: topology,
    prepareForCreate: () => undefined,
    prepareForUpdate: keepGeneration,
  }),
  renamed(eventKind, 'v1beta1', 'EventsV1beta1Event', [19, 25], {
    validate: (object) => validateEvent(toCoreEvent(object)),
  }),
  renamed(priorityClassKind, 'v1beta1', 'SchedulingV1beta1PriorityClass', [14, 22]),
  renamed(priorityClassKind, 'v1alpha1', 'SchedulingV1alpha1PriorityClass', [14, 17]),
  renamed(csiDriverKind, 'v1beta1', 'StorageV1beta1CSIDriver', [19, 22]),
  renamed(csiNodeKind, 'v1beta1', 'StorageV1beta1CSINode', [17, 22]),
  renamed(csiStorageCapacityKind, 'v1beta1', 'StorageV1beta1CSIStorageCapacity', [24, 27]),
  renamed(storageClassKind, 'v1beta1', 'StorageV1beta1StorageClass', [19, 22]),
  renamed(volumeAttachmentKind, 'v1beta1', 'StorageV1beta1VolumeAttachment', [19, 22]),
];
