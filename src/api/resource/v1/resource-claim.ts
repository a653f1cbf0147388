import { lazyModule } from '../../../std/lazy-module.ts';
import type { ResourceV1ResourceClaim, V1AllocatedDeviceStatus } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { mergeStatusAlone, statusPart } from '../../machinery/status-part.ts';
import { setDeviceClaimDefaults } from './device-claim-defaults.ts';

const validation = lazyModule(() => import('./resource-claim-validation.ts'));

const claimOf = (object: DynamicObject) => object as unknown as ResourceV1ResourceClaim;

function stateOf({ metadata, status }: ResourceV1ResourceClaim): string {
  const isDeleted = metadata?.deletionTimestamp !== undefined;
  const states = isDeleted ? ['deleted'] : [];
  if (status?.allocation) states.push('allocated');
  else if (!isDeleted) states.push('pending');
  if (status?.allocation && status.reservedFor?.length) states.push('reserved');
  return states.join(',');
}

/** Of a device for several claims each has a share of its own. */
const deviceId = ({
  driver,
  pool,
  device,
  shareID = '',
}: Pick<V1AllocatedDeviceStatus, 'driver' | 'pool' | 'device' | 'shareID'>) => JSON.stringify([driver, pool, device, shareID]);

const allocatedIn = ({ status }: ResourceV1ResourceClaim): ReadonlySet<string> =>
  new Set(status?.allocation?.devices?.results?.map(deviceId));

/** What devices said of themselves goes when they are taken back. */
function mergeClaimStatus(existing: DynamicObject, requested: DynamicObject, context: WriteContext): DynamicObject {
  const merged = mergeStatusAlone(existing, requested, context);
  const { status } = claimOf(merged);
  if (!status?.devices) return merged;
  const [before, after] = [allocatedIn(claimOf(existing)), allocatedIn(claimOf(merged))];
  const left = status.devices.filter((device) => !before.has(deviceId(device)) || after.has(deviceId(device)));
  const { devices: _, ...rest } = status;
  return { ...merged, status: left.length ? { ...rest, devices: left } : rest };
}

export const resourceClaimKind = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  resource: 'resourceclaims',
  namespaced: true,
  schema: 'ResourceV1ResourceClaim',
  parts: [
    statusPart({
      merge: mergeClaimStatus,
      validate: (updated, existing) => validation.loaded.validateResourceClaimStatus(updated, existing),
    }),
  ],
  columns: [nameColumn, textColumn<ResourceV1ResourceClaim>('State', 'Whether it has what it asks for.', stateOf), ageColumn],
  prepareForCreate: (object) => {
    object['status'] = {};
  },
  setDefaults: (object) => setDeviceClaimDefaults(claimOf(object).spec),
  loadFirst: validation.load,
  // A spec that stays as it is needs no second look, and one that changes gets no other complaint.
  validate: (object, _context, existing) => (existing ? [] : validation.loaded.validateResourceClaim(object)),
  validateUpdate: (updated, existing) => validation.loaded.validateResourceClaimUpdate(updated, existing),
});
