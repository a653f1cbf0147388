import type { ResourceV1ResourceClaim } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { setDeviceClaimDefaults } from './device-claim-validation.ts';
import {
  claimOf,
  validateResourceClaim,
  validateResourceClaimStatus,
  validateResourceClaimUpdate,
} from './resource-claim-validation.ts';

function stateOf({ metadata, status }: ResourceV1ResourceClaim): string {
  const isDeleted = metadata?.deletionTimestamp !== undefined;
  const states = isDeleted ? ['deleted'] : [];
  if (status?.allocation) states.push('allocated');
  else if (!isDeleted) states.push('pending');
  if (status?.allocation && status.reservedFor?.length) states.push('reserved');
  return states.join(',');
}

export const resourceClaimKind = defineKind({
  group: 'resource.k8s.io',
  version: 'v1',
  kind: 'ResourceClaim',
  resource: 'resourceclaims',
  namespaced: true,
  schema: 'ResourceV1ResourceClaim',
  parts: [statusPart({ validate: validateResourceClaimStatus })],
  columns: [nameColumn, textColumn<ResourceV1ResourceClaim>('State', 'Whether it has what it asks for.', stateOf), ageColumn],
  prepareForCreate: (object) => {
    object['status'] = {};
  },
  setDefaults: (object) => setDeviceClaimDefaults(claimOf(object).spec),
  validate: validateResourceClaim,
  validateUpdate: validateResourceClaimUpdate,
});
