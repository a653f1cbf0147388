/** What CSI drivers say of themselves, of the nodes they run on and of what is left there. */
import { shownForm } from '../../core/v1/internal-form.ts';
import type { StorageV1TokenRequest, V1CSIDriver, V1CSINode, V1CSINodeDriver, V1CSIStorageCapacity } from '../../gen/types.ts';
import { checkDriverName } from '../../machinery/domain-names.ts';
import {
  checkEach,
  checkField,
  checkImmutable,
  checkNotNegative,
  checkOneOf,
  checkQuantityNotNegative,
  sameMeaning,
} from '../../machinery/field-checks.ts';
import {
  addErrors,
  duplicateField,
  IMMUTABLE,
  invalidField,
  notSupportedField,
  requiredField,
} from '../../machinery/field-error.ts';
import { validateLabelSelector } from '../../machinery/label-selector-validation.ts';
import { checkDnsSubdomain, checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';

const GROUP_POLICIES = ['File', 'None', 'ReadWriteOnceWithFSType'];
const LIFECYCLE_MODES = ['Persistent', 'Ephemeral'];
const SHORTEST_TOKEN_SECONDS = 600;
const LONGEST_NODE_ID = 256;

const driverOf = (object: DynamicObject) => object as unknown as V1CSIDriver;

export function validateCsiDriver(object: DynamicObject): FieldError[] {
  const { spec } = driverOf(object);
  const errors: FieldError[] = [];
  if (spec.attachRequired === undefined) errors.push(requiredField('spec.attachedRequired'));
  for (const field of ['podInfoOnMount', 'storageCapacity'] as const)
    if (spec[field] === undefined) errors.push(requiredField(`spec.${field}`));
  if (spec.fsGroupPolicy !== undefined) addErrors(errors, checkOneOf('spec.fsGroupPolicy', spec.fsGroupPolicy, GROUP_POLICIES));
  addErrors(errors, validateTokenRequests(spec.tokenRequests ?? []));
  addErrors(
    errors,
    (spec.volumeLifecycleModes ?? [])
      .filter((mode) => !LIFECYCLE_MODES.includes(mode))
      .map((mode) => notSupportedField('spec.volumeLifecycleModes', mode, LIFECYCLE_MODES)),
  );
  const period = spec.nodeAllocatableUpdatePeriodSeconds;
  if (period !== undefined && period < 10)
    errors.push(invalidField('spec.nodeAllocatableUpdatePeriodSeconds', period, 'must be greater than or equal to 10 seconds'));
  const inSecrets = spec.serviceAccountTokenInSecrets;
  if (inSecrets !== undefined && !spec.tokenRequests?.length)
    errors.push(
      invalidField(
        'spec.serviceAccountTokenInSecrets',
        inSecrets,
        'serviceAccountTokenInSecrets is set but no tokenRequests are specified',
      ),
    );
  return errors;
}

function validateTokenRequests(requests: readonly StorageV1TokenRequest[]): FieldError[] {
  const seen = new Set<string>();
  return checkEach(requests, 'spec.tokenRequests', ({ audience, expirationSeconds: seconds }, path) => {
    if (seen.has(audience)) return [duplicateField(`${path}.audience`, audience)];
    seen.add(audience);
    if (seconds === undefined) return [];
    const complain = (detail: string) => [invalidField(`${path}.expirationSeconds`, seconds, detail)];
    if (seconds < SHORTEST_TOKEN_SECONDS) return complain('may not specify a duration less than 10 minutes');
    return seconds > 2 ** 32 ? complain('may not specify a duration larger than 2^32 seconds') : [];
  });
}

export function validateCsiDriverUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [driverOf(updated).spec, driverOf(existing).spec];
  return [
    ...checkImmutable('spec.attachedRequired', after.attachRequired, before.attachRequired),
    ...checkImmutable('spec.volumeLifecycleModes', after.volumeLifecycleModes, before.volumeLifecycleModes),
  ];
}

const nodeDriversOf = (object: DynamicObject) => (object as unknown as V1CSINode).spec?.drivers ?? [];

export function validateCsiNode(object: DynamicObject): FieldError[] {
  const names = new Set<string>();
  return checkEach(nodeDriversOf(object), 'spec.drivers', (driver, path) => {
    const errors = validateNodeDriver(driver, path);
    if (names.has(driver.name)) errors.push(duplicateField(`${path}.name`, driver.name));
    names.add(driver.name);
    return [...errors, ...validateTopologyKeys(driver.topologyKeys ?? [], path)];
  });
}

function validateNodeDriver({ name, nodeID, allocatable }: V1CSINodeDriver, path: string): FieldError[] {
  const errors = checkDriverName(`${path}.name`, name);
  if (!nodeID) errors.push(requiredField(`${path}.nodeID`));
  if (Buffer.byteLength(nodeID) > LONGEST_NODE_ID)
    errors.push(invalidField(`${path}.nodeID`, nodeID, `must be ${LONGEST_NODE_ID} characters or less`));
  return [...errors, ...checkNotNegative(`${path}.allocatable.count`, allocatable?.count)];
}

function validateTopologyKeys(keys: readonly string[], path: string): FieldError[] {
  const seen = new Set<string>();
  return keys.flatMap((key) => {
    const errors = key ? [] : [requiredField(path)];
    if (seen.has(key)) errors.push(duplicateField(path, key));
    seen.add(key);
    // All of them are shown, whichever it is about.
    return [...errors, ...checkQualifiedName(key).map((complaint) => invalidField(path, keys, complaint))];
  });
}

/** A driver's entry stays, but for how many volumes there can be; drivers come and go. */
export function validateCsiNodeUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const before = new Map(nodeDriversOf(existing).map((driver) => [driver.name, driver]));
  return nodeDriversOf(updated)
    .filter((driver) => {
      const old = before.get(driver.name);
      return old && !sameMeaning({ ...driver, allocatable: undefined }, { ...old, allocatable: undefined });
    })
    .map((driver) => invalidField('spec.drivers', shownForm('CSINodeDriver', driver), IMMUTABLE));
}
const capacityOf = (object: DynamicObject) => object as unknown as V1CSIStorageCapacity;

export function validateCsiStorageCapacity(object: DynamicObject, _context: unknown, existing?: DynamicObject): FieldError[] {
  const { storageClassName, nodeTopology, capacity } = capacityOf(object);
  // Values that were let through once may stay.
  const lenient = existing !== undefined && validateLabelSelector(capacityOf(existing).nodeTopology, '').length > 0;
  return [
    ...validateLabelSelector(nodeTopology, 'nodeTopology', { lenient }),
    ...checkField('storageClassName', storageClassName, checkDnsSubdomain),
    ...(capacity === undefined ? [] : checkQuantityNotNegative('capacity', capacity)),
  ];
}

export function validateCsiStorageCapacityUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [capacityOf(updated), capacityOf(existing)];
  return [
    ...checkImmutable('nodeTopology', after.nodeTopology, before.nodeTopology),
    ...checkImmutable('storageClassName', after.storageClassName, before.storageClassName),
  ];
}
