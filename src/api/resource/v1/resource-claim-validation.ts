/** ResourceClaims: what is asked for stays, and what was given as long as it is used (pkg/apis/resource/validation). */
import { validateNodeSelector } from '../../core/v1/node-selector-validation.ts';
import type {
  ResourceV1ResourceClaim,
  V1AllocatedDeviceStatus,
  V1AllocationResult,
  V1ResourceClaimStatus,
} from '../../gen/types.ts';
import { equalJson } from '../../machinery/clone.ts';
import { checkDriverName } from '../../machinery/domain-names.ts';
import { checkField, checkImmutable } from '../../machinery/field-checks.ts';
import { forbiddenField, invalidField, notSupportedField, requiredField, tooManyField } from '../../machinery/field-error.ts';
import { checkDnsLabel } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import {
  requestNames,
  validateConfiguration,
  validateDeviceClaim,
  validateObject,
  validateRequestRef,
  validateRequestRefs,
} from './device-claim-validation.ts';
import { checkPoolName, checkSet } from './device-names.ts';

const MOST_CONSUMERS = 256;
const MOST_RESULTS = 32;
const MOST_CONDITIONS = 8;
const LONGEST_DATA = 10 * 1024;
const SOURCES = ['FromClaim', 'FromClass'];

export const claimOf = (object: DynamicObject) => object as unknown as ResourceV1ResourceClaim;

export const validateResourceClaim = (object: DynamicObject): FieldError[] =>
  validateDeviceClaim(claimOf(object).spec.devices, 'spec.devices');

export const validateResourceClaimUpdate = (updated: DynamicObject, existing: DynamicObject): FieldError[] =>
  checkImmutable('spec', claimOf(updated).spec, claimOf(existing).spec);

export function validateResourceClaimStatus(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const status = claimOf(updated).status ?? {};
  const before = claimOf(existing).status ?? {};
  const { allocation, reservedFor = [], devices } = status;
  const allocated = new Set(allocation?.devices?.results?.map(idOf));
  const errors = [
    ...validateConsumers(status),
    ...checkSet(devices, 'status.devices', Number.POSITIVE_INFINITY, (each, at) => validateDevice(each, at, allocated), {
      of: idOf,
      field: 'deviceID',
    }),
  ];
  if (reservedFor.length && !allocation)
    errors.push(forbiddenField('status.reservedFor', 'may not be specified when `allocated` is not set'));
  else if (updated.metadata.deletionTimestamp) {
    const isNew = reservedFor.some((each) => !before.reservedFor?.some((old) => equalJson(old, each)));
    if (isNew)
      errors.push(
        forbiddenField(
          'status.reservedFor',
          'new entries may not be added while `deallocationRequested` or `deletionTimestamp` are set',
        ),
      );
  }
  if (allocation && before.allocation) errors.push(...checkImmutable('status.allocation', allocation, before.allocation));
  else if (allocation)
    errors.push(...validateAllocation(allocation, 'status.allocation', requestNames(claimOf(updated).spec.devices ?? {})));
  return errors;
}

const idOf = ({ driver, pool, device }: { readonly driver: string; readonly pool: string; readonly device: string }) =>
  `${driver}/${pool}/${device}`;

const validateConsumers = ({ reservedFor }: V1ResourceClaimStatus): FieldError[] =>
  checkSet(
    reservedFor,
    'status.reservedFor',
    MOST_CONSUMERS,
    (consumer, at) =>
      (['resource', 'name', 'uid'] as const).filter((field) => !consumer[field]).map((field) => requiredField(`${at}.${field}`)),
    { of: ({ uid }) => uid, field: 'uid' },
  );

function validateDevice(status: V1AllocatedDeviceStatus, path: string, allocated: ReadonlySet<string>): FieldError[] {
  const { conditions = [], data } = status;
  const errors = validateDeviceId(status, path);
  if (!allocated.has(idOf(status))) errors.push(invalidField(path, idOf(status), 'must be an allocated device in the claim'));
  if (conditions.length > MOST_CONDITIONS) errors.push(tooManyField(`${path}.conditions`, conditions.length, MOST_CONDITIONS));
  return data === undefined || data === null ? errors : [...errors, ...validateObject(data, `${path}.data`, LONGEST_DATA)];
}

const validateDeviceId = (
  { driver, pool, device }: { readonly driver: string; readonly pool: string; readonly device: string },
  path: string,
): FieldError[] => [
  ...checkDriverName(`${path}.driver`, driver),
  ...checkPoolName(`${path}.pool`, pool),
  ...checkField(`${path}.device`, device, checkDnsLabel),
];

function validateAllocation(
  { devices, nodeSelector }: V1AllocationResult,
  path: string,
  names: ReadonlySet<string>,
): FieldError[] {
  return [
    ...checkSet(devices?.results, `${path}.devices.results`, MOST_RESULTS, (result, at) => [
      ...validateRequestRef(result.request, `${at}.request`, names),
      ...validateDeviceId(result, at),
    ]),
    ...checkSet(devices?.config, `${path}.devices.config`, 2 * MOST_RESULTS, ({ source, requests, opaque }, at) => [
      ...(source
        ? SOURCES.includes(source)
          ? []
          : [notSupportedField(`${at}.source`, source, SOURCES)]
        : [requiredField(`${at}.source`)]),
      ...validateRequestRefs(requests, `${at}.requests`, names),
      ...validateConfiguration(opaque, at),
    ]),
    ...(nodeSelector ? validateNodeSelector(nodeSelector, `${path}.nodeSelector`) : []),
  ];
}
