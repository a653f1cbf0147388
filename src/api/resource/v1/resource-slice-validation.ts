/** ResourceSlices: devices that drivers have to give (pkg/apis/resource/validation validateResourceSliceSpec). */
import { validateNodeSelector } from '../../core/v1/node-selector-validation.ts';
import type {
  V1Device,
  V1DeviceAttribute,
  V1DeviceTaint,
  V1ResourcePool,
  V1ResourceSlice,
  V1ResourceSliceSpec,
} from '../../gen/types.ts';
import { checkDriverName } from '../../machinery/domain-names.ts';
import { checkField, checkImmutable } from '../../machinery/field-checks.ts';
import { invalidField, notSupportedField, requiredField, tooLongField } from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain, checkLabelValue, checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkAttributeName, checkPoolName, checkSet } from './device-names.ts';

const MOST_DEVICES = 128;
const MOST_ATTRIBUTES = 32;
const MOST_COUNTER_SETS = 8;
const MOST_TAINTS = 16;
const LONGEST_VALUE = 64;
const EFFECTS = ['NoExecute', 'NoSchedule', 'None'];

const NUMBER = '(?:0|[1-9]\\d*)';
const PRERELEASE = `(?:${NUMBER}|\\d*[a-zA-Z-][0-9a-zA-Z-]*)`;
const SEMANTIC_VERSION = new RegExp(
  `^${NUMBER}\\.${NUMBER}\\.${NUMBER}(?:-${PRERELEASE}(?:\\.${PRERELEASE})*)?(?:\\+[0-9a-zA-Z-]+(?:\\.[0-9a-zA-Z-]+)*)?$`,
);

const specOf = (object: DynamicObject) => (object as unknown as V1ResourceSlice).spec;

export function validateResourceSlice(object: DynamicObject): FieldError[] {
  const spec = specOf(object);
  return [
    ...checkDriverName('spec.driver', spec.driver),
    ...validatePool(spec.pool, 'spec.pool'),
    ...validateNodes(spec),
    ...checkSet(spec.devices, 'spec.devices', MOST_DEVICES, validateDevice, { of: ({ name }) => name, field: 'name' }),
    ...checkSet(
      spec.sharedCounters,
      'spec.sharedCounters',
      MOST_COUNTER_SETS,
      ({ name, counters }, path) => [
        ...checkField(`${path}.name`, name, checkDnsLabel),
        ...(Object.keys(counters).length ? [] : [requiredField(`${path}.counters`)]),
      ],
      { of: ({ name }) => name, field: 'name' },
    ),
  ];
}

export function validateResourceSliceUpdate(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const [after, before] = [specOf(updated), specOf(existing)];
  return [
    ...checkImmutable('spec.pool.name', after.pool.name, before.pool.name),
    ...checkImmutable('spec.driver', after.driver, before.driver),
    ...checkImmutable('spec.nodeName', after.nodeName, before.nodeName),
  ];
}

/** Where the devices can be used from is said in one way. */
function validateNodes(spec: V1ResourceSliceSpec): FieldError[] {
  const { nodeName, nodeSelector, allNodes, perDeviceNodeSelection } = spec;
  const errors = nodeName ? checkField('spec.nodeName', nodeName, checkDnsSubdomain) : [];
  if (nodeSelector) {
    errors.push(...validateNodeSelector(nodeSelector, 'spec.nodeSelector'));
    const terms = nodeSelector.nodeSelectorTerms;
    if (terms.length !== 1)
      errors.push(invalidField('spec.nodeSelector.nodeSelectorTerms', terms, 'must have exactly one node selector term'));
  }
  const given = Object.entries({ nodeName, nodeSelector, allNodes, perDeviceNodeSelection })
    .filter(([, value]) => value)
    .map(([field]) => `\`${field}\``);
  const one = 'exactly one of `nodeName`, `nodeSelector`, `allNodes`, `perDeviceNodeSelection` is required';
  if (!given.length) errors.push(requiredField('spec', one));
  else if (given.length > 1) errors.push(invalidField('spec', `{${given.join(', ')}}`, `${one}, but multiple fields are set`));
  return errors;
}

function validatePool({ name, resourceSliceCount: count, generation }: V1ResourcePool, path: string): FieldError[] {
  const errors = checkPoolName(`${path}.name`, name);
  if (count <= 0) errors.push(invalidField(`${path}.resourceSliceCount`, count, 'must be greater than zero'));
  if (generation < 0) errors.push(invalidField(`${path}.generation`, generation, 'must be greater than or equal to zero'));
  return errors;
}

function validateDevice({ name, attributes = {}, capacity = {}, taints }: V1Device, path: string): FieldError[] {
  const errors = checkField(`${path}.name`, name, checkDnsLabel);
  for (const [key, attribute] of Object.entries(attributes)) {
    const at = `${path}.attributes[${key}]`;
    errors.push(...checkAttributeName(at, key), ...validateAttribute(attribute, at));
  }
  for (const key of Object.keys(capacity)) errors.push(...checkAttributeName(`${path}.capacity[${key}]`, key));
  const both = Object.keys(attributes).length + Object.keys(capacity).length;
  if (both > MOST_ATTRIBUTES)
    errors.push(invalidField(path, both, `the total number of attributes and capacities must not exceed ${MOST_ATTRIBUTES}`));
  return [...errors, ...checkSet(taints, `${path}.taints`, MOST_TAINTS, validateTaint)];
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
  if (given === 0) errors.push(requiredField(path, 'exactly one value must be specified'));
  else if (given > 1) errors.push(invalidField(path, attribute, 'exactly one value must be specified'));
  return errors;
}

function validateTaint({ key, value, effect }: V1DeviceTaint, path: string): FieldError[] {
  const errors = checkField(`${path}.key`, key, checkQualifiedName);
  if (value) errors.push(...checkField(`${path}.value`, value, checkLabelValue));
  if (!effect) errors.push(requiredField(`${path}.effect`));
  else if (!EFFECTS.includes(effect)) errors.push(notSupportedField(`${path}.effect`, effect, EFFECTS));
  return errors;
}
