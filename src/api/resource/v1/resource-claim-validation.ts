/** ResourceClaims: what is asked for stays, and what was given as long as it is used (pkg/apis/resource/validation). */
import { checkUnchanged } from '../../core/v1/check-unchanged.ts';
import { validateNodeSelector } from '../../core/v1/node-selector-validation.ts';
import type {
  ResourceV1ResourceClaim,
  V1AllocatedDeviceStatus,
  V1AllocationResult,
  V1NetworkDeviceData,
  V1ResourceClaimStatus,
} from '../../gen/types.ts';
import { equalJson } from '../../machinery/clone.ts';
import { checkDriverName } from '../../machinery/domain-names.ts';
import { checkEach, checkField } from '../../machinery/field-checks.ts';
import {
  addErrors,
  forbiddenField,
  invalidField,
  notSupportedField,
  requiredField,
  tooLongField,
  tooManyField,
} from '../../machinery/field-error.ts';
import { checkInterfaceAddress } from '../../machinery/ip.ts';
import { checkDnsLabel } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateConditions } from '../../machinery/validate-conditions.ts';
import {
  requestNames,
  validateConfiguration,
  validateDeviceClaim,
  validateObject,
  validateRequestRef,
  validateRequestRefs,
  validateToleration,
} from './device-claim-validation.ts';
import { checkBindingConditions, checkPoolName, checkSet, checkShareId } from './device-names.ts';

const MOST_CONSUMERS = 256;
const MOST_RESULTS = 32;
const MOST_CONDITIONS = 8;
const LONGEST_DATA = 10 * 1024;
const MOST_ADDRESSES = 16;
const LONGEST_INTERFACE_NAME = 256;
const LONGEST_HARDWARE_ADDRESS = 128;
const SOURCES = ['FromClaim', 'FromClass'];

export const claimOf = (object: DynamicObject) => object as unknown as ResourceV1ResourceClaim;

export const validateResourceClaim = (object: DynamicObject): FieldError[] =>
  validateDeviceClaim(claimOf(object).spec.devices, 'spec.devices');

export const validateResourceClaimUpdate = (updated: DynamicObject, existing: DynamicObject): FieldError[] =>
  checkUnchanged('spec', 'ResourceClaimSpec', claimOf(updated).spec, claimOf(existing).spec);

export function validateResourceClaimStatus(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const status = claimOf(updated).status ?? {};
  const before = claimOf(existing).status ?? {};
  const { allocation, reservedFor = [], devices } = status;
  const allocated = new Set(allocation?.devices?.results?.map(idOf));
  const errors = [
    ...validateConsumers(status),
    ...checkSet(devices, 'status.devices', Number.POSITIVE_INFINITY, (each, at) => validateDevice(each, at, allocated), idOf),
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
  if (allocation && before.allocation)
    addErrors(errors, checkUnchanged('status.allocation', 'AllocationResult', allocation, before.allocation));
  else if (allocation)
    addErrors(errors, validateAllocation(allocation, 'status.allocation', requestNames(claimOf(updated).spec.devices ?? {})));
  return errors;
}

type DeviceId = Readonly<Record<'driver' | 'pool' | 'device', string>> & { readonly shareID?: string };

/** As upstream writes it, with the share of a device that several may have. */
const idOf = ({ driver, pool, device, shareID }: DeviceId) =>
  `${driver}/${pool}/${device}${shareID === undefined ? '' : `/${shareID}`}`;

const validateConsumers = ({ reservedFor }: V1ResourceClaimStatus): FieldError[] =>
  checkSet(
    reservedFor,
    'status.reservedFor',
    MOST_CONSUMERS,
    (consumer, at) =>
      (['resource', 'name', 'uid'] as const).filter((field) => !consumer[field]).map((field) => requiredField(`${at}.${field}`)),
    ({ uid }) => uid,
  );

function validateDevice(status: V1AllocatedDeviceStatus, path: string, allocated: ReadonlySet<string>): FieldError[] {
  const { conditions = [], data, networkData } = status;
  const errors = validateDeviceId(status, path);
  if (!allocated.has(idOf(status))) errors.push(invalidField(path, idOf(status), 'must be an allocated device in the claim'));
  if (conditions.length > MOST_CONDITIONS) errors.push(tooManyField(`${path}.conditions`, conditions.length, MOST_CONDITIONS));
  addErrors(errors, validateConditions(conditions, `${path}.conditions`));
  if (data !== undefined && data !== null) addErrors(errors, validateObject(data, `${path}.data`, LONGEST_DATA));
  return networkData ? [...errors, ...validateNetworkData(networkData, `${path}.networkData`)] : errors;
}

function validateNetworkData({ interfaceName = '', hardwareAddress = '', ips }: V1NetworkDeviceData, path: string): FieldError[] {
  const checkLength = (field: string, text: string, longest: number) =>
    Buffer.byteLength(text) > longest ? [tooLongField(`${path}.${field}`, longest)] : [];
  return [
    ...checkLength('interfaceName', interfaceName, LONGEST_INTERFACE_NAME),
    ...checkLength('hardwareAddress', hardwareAddress, LONGEST_HARDWARE_ADDRESS),
    ...checkSet(
      ips,
      `${path}.ips`,
      MOST_ADDRESSES,
      (address, at) => checkInterfaceAddress(at, address),
      (address) => address,
    ),
  ];
}

const validateDeviceId = ({ driver, pool, device, shareID }: DeviceId, path: string): FieldError[] => [
  ...checkDriverName(`${path}.driver`, driver),
  ...checkPoolName(`${path}.pool`, pool),
  ...checkField(`${path}.device`, device, checkDnsLabel),
  ...checkShareId(`${path}.shareID`, shareID),
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
      ...checkBindingConditions(result, at),
      ...checkEach(result.tolerations, `${at}.tolerations`, validateToleration),
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
