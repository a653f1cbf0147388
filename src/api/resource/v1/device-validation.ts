/** A device of a ResourceSlice (pkg/apis/resource/validation validateDevice). */
import { shownForm } from '../../core/v1/internal-form.ts';
import { validateNodeSelector } from '../../core/v1/node-selector-validation.ts';
import type {
  V1Device,
  V1DeviceAttribute,
  V1DeviceCapacity,
  V1DeviceCounterConsumption,
  V1DeviceTaint,
} from '../../gen/types.ts';
import { checkField, checkRequired, sameMeaning } from '../../machinery/field-checks.ts';
import {
  addErrors,
  forbiddenField,
  invalidField,
  notSupportedField,
  requiredField,
  tooLongField,
} from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain, checkLabelValue, checkQualifiedName } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateRequestPolicy } from './capacity-validation.ts';
import { checkAttributeName, checkBindingConditions, checkEntries, checkSet } from './device-names.ts';

const MOST_ATTRIBUTES = 32;
const MOST_TAINTS = 16;
const MOST_CONSUMPTIONS = 2;
const MOST_COUNTERS = 32;
const LONGEST_VALUE = 64;
const EFFECTS = ['NoExecute', 'NoSchedule', 'None'];

const NUMBER = '(?:0|[1-9]\\d*)';
const PRERELEASE = `(?:${NUMBER}|\\d*[a-zA-Z-][0-9a-zA-Z-]*)`;
const SEMANTIC_VERSION = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${PRERELEASE}(?:\\.${PRERELEASE})*)?(?:\\+[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*)?$`,
);

export interface DeviceSituation {
  /** The slice's `perDeviceNodeSelection`. */
  readonly choosesNodes: boolean;
  /** The device of that name as it was. What is the same about it is not looked at again. */
  readonly old: V1Device | undefined;
}

export function validateDevice(device: V1Device, path: string, { choosesNodes, old }: DeviceSituation): FieldError[] {
  const { name, attributes = {}, capacity = {}, taints, consumesCounters, allowMultipleAllocations } = device;
  const errors = checkField(`${path}.name`, name, checkDnsLabel);
  const both = Object.keys(attributes).length + Object.keys(capacity).length;
  if (both > MOST_ATTRIBUTES)
    errors.push(invalidField(path, both, `the total number of attributes and capacities must not exceed ${MOST_ATTRIBUTES}`));
  const named = { name: checkAttributeName };
  const unbounded = Number.POSITIVE_INFINITY;
  addErrors(errors, checkEntries(attributes, `${path}.attributes`, unbounded, { ...named, value: validateAttribute }));
  if (!old || !sameMeaning(old.capacity, capacity)) {
    const value = allowMultipleAllocations ? validateSharedCapacity : validateWholeCapacity;
    addErrors(errors, checkEntries(capacity, `${path}.capacity`, unbounded, { ...named, value }));
  }
  if (!old || !sameMeaning(old.taints, taints)) addErrors(errors, checkSet(taints, `${path}.taints`, MOST_TAINTS, validateTaint));
  return [
    ...errors,
    ...checkSet(
      consumesCounters,
      `${path}.consumesCounters`,
      MOST_CONSUMPTIONS,
      validateConsumption,
      ({ counterSet }) => counterSet,
    ),
    ...validateNodes(device, path, choosesNodes),
    ...checkBindingConditions(device, path),
  ];
}

function validateAttribute(attribute: V1DeviceAttribute, path: string): FieldError[] {
  const { string, version } = attribute;
  const errors: FieldError[] = [];
  if (string !== undefined && Buffer.byteLength(string) > LONGEST_VALUE)
    errors.push(tooLongField(`${path}.string`, LONGEST_VALUE));
  if (version !== undefined) {
    if (!SEMANTIC_VERSION.test(version))
      errors.push(invalidField(`${path}.version`, version, 'must be a string compatible with semver.org spec 2.0.0'));
    if (Buffer.byteLength(version) > LONGEST_VALUE) errors.push(tooLongField(`${path}.version`, LONGEST_VALUE));
  }
  const given = Object.values(attribute).filter((value) => value !== undefined).length;
  if (given !== 1)
    errors.push(invalidField(path, given ? shownForm('DeviceAttribute', attribute) : '', 'exactly one value must be specified'));
  return errors;
}

const validateSharedCapacity = ({ value, requestPolicy }: V1DeviceCapacity, path: string): FieldError[] =>
  requestPolicy ? validateRequestPolicy(value, requestPolicy, `${path}.requestPolicy`) : [];

const validateWholeCapacity = ({ requestPolicy }: V1DeviceCapacity, path: string): FieldError[] =>
  requestPolicy ? [forbiddenField(`${path}.requestPolicy`, 'allowMultipleAllocations must be true')] : [];

function validateTaint({ key, value, effect }: V1DeviceTaint, path: string): FieldError[] {
  const errors = checkField(`${path}.key`, key, checkQualifiedName);
  if (value) addErrors(errors, checkField(`${path}.value`, value, checkLabelValue));
  if (!effect) errors.push(requiredField(`${path}.effect`));
  else if (!EFFECTS.includes(effect)) errors.push(notSupportedField(`${path}.effect`, effect, EFFECTS));
  return errors;
}

const validateConsumption = ({ counterSet, counters }: V1DeviceCounterConsumption, path: string): FieldError[] => [
  ...checkRequired(`${path}.counterSet`, counterSet, checkDnsLabel),
  ...validateCounters(counters, `${path}.counters`),
];

/** What partitions of a device share, by its name; any amount will do. */
export const validateCounters = (counters: Readonly<Record<string, unknown>> | undefined, path: string): FieldError[] =>
  Object.keys(counters ?? {}).length
    ? checkEntries(counters, path, MOST_COUNTERS, { name: (at, key) => checkField(at, key, checkDnsLabel), value: () => [] })
    : [requiredField(path)];

const ONE_CHOICE =
  'exactly one of `nodeName`, `nodeSelector`, or `allNodes` is required when `perDeviceNodeSelection` is set to true in the ResourceSlice spec';

function validateNodes({ nodeName, nodeSelector, allNodes }: V1Device, path: string, choosesNodes: boolean): FieldError[] {
  if (!choosesNodes) {
    if (nodeName === undefined && !nodeSelector && allNodes === undefined) return [];
    const why =
      '`nodeName`, `nodeSelector` and `allNodes` can only be set if `perDeviceNodeSelection` is set to true in the ResourceSlice spec';
    return [invalidField(path, undefined, why)];
  }
  const errors: FieldError[] = [];
  if (nodeName === '') errors.push(invalidField(`${path}.nodeName`, '', 'must not be empty'));
  else if (nodeName !== undefined) addErrors(errors, checkField(`${path}.nodeName`, nodeName, checkDnsSubdomain));
  if (nodeSelector) addErrors(errors, validateNodeSelector(nodeSelector, `${path}.nodeSelector`));
  if (allNodes === false) errors.push(invalidField(`${path}.allNodes`, false, 'must be either unset or set to true'));
  return [...errors, ...checkOneGiven({ nodeName, nodeSelector, allNodes }, path, ONE_CHOICE, ONE_CHOICE)];
}

/** Exactly one of several fields is to be there; what is empty or false is not. */
export function checkOneGiven(
  fields: Readonly<Record<string, unknown>>,
  path: string,
  noneMessage: string,
  manyMessage: string,
): FieldError[] {
  const given = Object.keys(fields).filter((field) => fields[field]);
  if (given.length === 1) return [];
  if (!given.length) return [requiredField(path, noneMessage)];
  return [invalidField(path, `{${given.map((field) => `\`${field}\``).join(', ')}}`, manyMessage)];
}
