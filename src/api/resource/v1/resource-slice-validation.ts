/** ResourceSlices: devices that drivers have to give (pkg/apis/resource/validation validateResourceSliceSpec). */
import { validateNodeSelector } from '../../core/v1/node-selector-validation.ts';
import type { V1Device, V1ResourcePool, V1ResourceSlice, V1ResourceSliceSpec } from '../../gen/types.ts';
import { checkDriverName } from '../../machinery/domain-names.ts';
import { checkField, checkImmutable, checkRequired } from '../../machinery/field-checks.ts';
import { addErrors, invalidField } from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkPoolName, checkSet } from './device-names.ts';
import { checkOneGiven, validateCounters, validateDevice } from './device-validation.ts';

const MOST_DEVICES = 128;
/** Of those that have taints or consume counters. */
const MOST_INTRICATE_DEVICES = 64;
const MOST_COUNTER_SETS = 8;

const specOf = (object: DynamicObject) => (object as unknown as V1ResourceSlice).spec;

export function validateResourceSlice(object: DynamicObject, existing?: DynamicObject): FieldError[] {
  const spec = specOf(object);
  const { devices = [], sharedCounters, perDeviceNodeSelection } = spec;
  const oldDevices = new Map(existing && specOf(existing).devices?.map((device) => [device.name, device]));
  const check = (device: V1Device, path: string) =>
    validateDevice(device, path, { choosesNodes: perDeviceNodeSelection === true, old: oldDevices.get(device.name) });
  const intricate = devices.some(({ taints, consumesCounters }) => taints?.length || consumesCounters?.length);
  const most = intricate ? MOST_INTRICATE_DEVICES : MOST_DEVICES;
  return [
    ...checkDriverName('spec.driver', spec.driver),
    ...validatePool(spec.pool, 'spec.pool'),
    ...(existing ? refuseMoves(spec, specOf(existing)) : []),
    ...validateNodes(spec),
    ...(sharedCounters && spec.devices ? [invalidField('spec', '', 'only one of `sharedCounters` or `devices` is allowed')] : []),
    ...checkSet(devices, 'spec.devices', most, check, ({ name }) => name),
    ...checkSet(
      sharedCounters,
      'spec.sharedCounters',
      MOST_COUNTER_SETS,
      ({ name, counters }, path) => [
        ...checkRequired(`${path}.name`, name, checkDnsLabel),
        ...validateCounters(counters, `${path}.counters`),
      ],
      ({ name }) => name,
    ),
  ];
}

/** A slice stays in its pool, its driver's and its node's. */
function refuseMoves(after: V1ResourceSliceSpec, before: V1ResourceSliceSpec): FieldError[] {
  return [
    ...checkImmutable('spec.pool.name', after.pool.name, before.pool.name),
    ...checkImmutable('spec.driver', after.driver, before.driver),
    ...checkImmutable('spec.nodeName', after.nodeName, before.nodeName),
  ];
}

const ONE_CHOICE = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';

/** Where the devices can be used from is said in one way. */
function validateNodes(spec: V1ResourceSliceSpec): FieldError[] {
  const { nodeName, nodeSelector, allNodes, perDeviceNodeSelection } = spec;
  const errors: FieldError[] = [];
  if (nodeName === '') errors.push(invalidField('spec.nodeName', nodeName, 'must be either unset or set to a non-empty string'));
  else if (nodeName !== undefined) addErrors(errors, checkField('spec.nodeName', nodeName, checkDnsSubdomain));
  if (nodeSelector) {
    addErrors(errors, validateNodeSelector(nodeSelector, 'spec.nodeSelector'));
    const terms = nodeSelector.nodeSelectorTerms;
    if (terms.length !== 1)
      errors.push(invalidField('spec.nodeSelector.nodeSelectorTerms', terms, 'must have exactly one node selector term'));
  }
  for (const [field, value] of Object.entries({ allNodes, perDeviceNodeSelection }))
    if (value === false) errors.push(invalidField(`spec.${field}`, false, 'must be either unset or set to true'));
  const choices = { nodeName, nodeSelector, allNodes, perDeviceNodeSelection };
  return [...errors, ...checkOneGiven(choices, 'spec', ONE_CHOICE, `${ONE_CHOICE}, but multiple fields are set`)];
}

function validatePool({ name, resourceSliceCount: count, generation }: V1ResourcePool, path: string): FieldError[] {
  const errors = checkPoolName(`${path}.name`, name);
  if (count <= 0) errors.push(invalidField(`${path}.resourceSliceCount`, count, 'must be greater than zero'));
  if (generation < 0) errors.push(invalidField(`${path}.generation`, generation, 'must be greater than or equal to zero'));
  return errors;
}
