/** What a claim asks for (pkg/apis/resource/validation validateDeviceClaim). */

import { exactJsonText } from '../../../std/exact-json.ts';
import { isExtendedResource } from '../../core/v1/resource-names.ts';
import type {
  V1DeviceClaim,
  V1DeviceClass,
  V1DeviceConstraint,
  V1DeviceRequest,
  V1DeviceSelector,
  V1DeviceSubRequest,
  V1DeviceToleration,
  V1OpaqueDeviceConfiguration,
} from '../../gen/types.ts';
import { isJsonMap } from '../../machinery/clone.ts';
import { checkDriverName } from '../../machinery/domain-names.ts';
import { checkEach, checkField, checkRequired, sameMeaning } from '../../machinery/field-checks.ts';
import { addErrors, invalidField, notSupportedField, requiredField, tooLongField } from '../../machinery/field-error.ts';
import { checkDnsSubdomain, checkLabelValue, checkQualifiedName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkDeviceExpression } from './device-expressions.ts';
import { checkFullAttributeName, checkRequestName, checkSet } from './device-names.ts';

const MOST = 32;
const MOST_ALTERNATIVES = 8;
const LONGEST_EXPRESSION = 10 * 1024;
const LONGEST_PARAMETERS = 10 * 1024;
const MODES = ['All', 'ExactCount'];
const EFFECTS = ['NoExecute', 'NoSchedule', 'None'];

/** A request's name, and its name with each of its alternatives. */
export function requestNames({ requests = [] }: V1DeviceClaim): ReadonlySet<string> {
  return new Set(
    requests.flatMap(({ name, firstAvailable = [] }) => [name, ...firstAvailable.map((each) => `${name}/${each.name}`)]),
  );
}

const MOST_CLASS_CONFIGURATIONS = 32;

/** Of what stays as it is, neither expressions nor lengths are looked at again: rules for them have become stricter. */
export function validateDeviceClass(object: DynamicObject, existing?: DynamicObject): FieldError[] {
  const { selectors, config, extendedResourceName: name } = (object as unknown as V1DeviceClass).spec;
  const before = (existing as unknown as V1DeviceClass | undefined)?.spec;
  const keepsSelectors = before !== undefined && sameMeaning(selectors, before.selectors);
  const keepsConfig = before !== undefined && sameMeaning(config, before.config);
  return [
    ...validateSelectors(selectors, 'spec.selectors', keepsSelectors),
    ...checkSet(config, 'spec.config', MOST_CLASS_CONFIGURATIONS, ({ opaque }, path) =>
      validateConfiguration(opaque, path, keepsConfig),
    ),
    ...(name !== undefined && !isExtendedResource(name)
      ? [invalidField('spec.extendedResourceName', name, 'must be a valid extended resource name')]
      : []),
  ];
}

export function validateDeviceClaim(claim: V1DeviceClaim = {}, path: string): FieldError[] {
  const names = requestNames(claim);
  return [
    ...checkSet(claim.requests, `${path}.requests`, MOST, validateRequest, ({ name }) => name),
    ...checkSet(claim.constraints, `${path}.constraints`, MOST, (each, at) => validateConstraint(each, at, names)),
    ...checkSet(claim.config, `${path}.config`, MOST, ({ requests, opaque }, at) => [
      ...validateRequestRefs(requests, `${at}.requests`, names),
      ...validateConfiguration(opaque, at),
    ]),
  ];
}

function validateRequest({ name, exactly, firstAvailable }: V1DeviceRequest, path: string): FieldError[] {
  const errors = checkRequestName(`${path}.name`, name);
  const one = 'exactly one of `exactly` or `firstAvailable` is required';
  if (exactly && firstAvailable?.length) return [...errors, invalidField(path, undefined, `${one}, but multiple fields are set`)];
  if (firstAvailable?.length)
    return [
      ...errors,
      ...checkSet(
        firstAvailable,
        `${path}.firstAvailable`,
        MOST_ALTERNATIVES,
        (each, at) => [...checkRequestName(`${at}.name`, each.name), ...validateDevices(each, at)],
        (each) => each.name,
      ),
    ];
  return exactly ? [...errors, ...validateDevices(exactly, `${path}.exactly`)] : [...errors, requiredField(path, one)];
}

function validateDevices(request: Omit<V1DeviceSubRequest, 'name'>, path: string): FieldError[] {
  const { deviceClassName, selectors, allocationMode: mode = '', count = 0, tolerations } = request;
  const errors = [
    ...checkRequired(`${path}.deviceClassName`, deviceClassName, checkDnsSubdomain),
    ...validateSelectors(selectors, `${path}.selectors`),
  ];
  if (!MODES.includes(mode)) errors.push(notSupportedField(`${path}.allocationMode`, mode, MODES));
  else if (mode === 'All' && count !== 0)
    errors.push(invalidField(`${path}.count`, count, "must not be specified when allocationMode is 'All'"));
  else if (mode === 'ExactCount' && count <= 0) errors.push(invalidField(`${path}.count`, count, 'must be greater than zero'));
  return [...errors, ...checkEach(tolerations, `${path}.tolerations`, validateToleration)];
}

export function validateToleration({ key, operator, value = '', effect }: V1DeviceToleration, path: string): FieldError[] {
  const errors = key ? checkField(`${path}.key`, key, checkQualifiedName) : [];
  if (!operator) errors.push(requiredField(`${path}.operator`));
  else if (operator === 'Equal') addErrors(errors, checkField(`${path}.value`, value, checkLabelValue));
  else if (operator !== 'Exists') errors.push(notSupportedField(`${path}.operator`, operator, ['Equal', 'Exists']));
  else if (value) errors.push(invalidField(`${path}.value`, value, 'must be empty for operator `Exists`'));
  if (effect && !EFFECTS.includes(effect)) errors.push(notSupportedField(`${path}.effect`, effect, EFFECTS));
  return errors;
}

export const validateSelectors = (
  selectors: readonly V1DeviceSelector[] | undefined,
  path: string,
  isStored = false,
): FieldError[] =>
  checkSet(selectors, path, MOST, ({ cel }, at) => {
    if (!cel) return [requiredField(`${at}.cel`)];
    if (isStored) return [];
    const field = `${at}.cel.expression`;
    return Buffer.byteLength(cel.expression) > LONGEST_EXPRESSION
      ? [tooLongField(field, LONGEST_EXPRESSION)]
      : checkDeviceExpression(field, cel.expression);
  });

function validateConstraint(constraint: V1DeviceConstraint, path: string, names: ReadonlySet<string>): FieldError[] {
  const { requests, matchAttribute, distinctAttribute } = constraint;
  const errors = validateRequestRefs(requests, `${path}.requests`, names);
  if (matchAttribute !== undefined) addErrors(errors, checkFullAttributeName(`${path}.matchAttribute`, matchAttribute));
  else if (distinctAttribute !== undefined)
    addErrors(errors, checkFullAttributeName(`${path}.distinctAttribute`, distinctAttribute));
  else
    errors.push(
      requiredField(path, 'exactly one of "matchAttribute" or "distinctAttribute" is required, but multiple fields are set'),
    );
  return errors;
}

export const validateRequestRefs = (
  refs: readonly string[] | undefined,
  path: string,
  names: ReadonlySet<string>,
): FieldError[] =>
  checkSet(
    refs,
    path,
    MOST,
    (ref, at) => validateRequestRef(ref, at, names),
    (ref) => ref,
  );

export function validateRequestRef(ref: string, path: string, names: ReadonlySet<string>): FieldError[] {
  const unknown = invalidField(
    path,
    ref,
    "must be the name of a request in the claim or the name of a request and a subrequest separated by '/'",
  );
  const parts = ref.split('/');
  if (parts.length > 2) return [unknown];
  const errors = parts.flatMap((part) => checkRequestName(path, part));
  return names.has(ref) ? errors : [...errors, unknown];
}

/** What a driver is told; only it knows what that means. */
export function validateConfiguration(
  opaque: V1OpaqueDeviceConfiguration | undefined,
  path: string,
  isStored = false,
): FieldError[] {
  if (!opaque) return [requiredField(`${path}.opaque`)];
  const { driver, parameters } = opaque;
  const field = `${path}.opaque.parameters`;
  return [
    ...checkDriverName(`${path}.opaque.driver`, driver),
    ...validateObject(parameters, field, isStored ? Number.POSITIVE_INFINITY : LONGEST_PARAMETERS),
  ];
}

/** A JSON object that is not longer than that. */
export function validateObject(value: unknown, field: string, longest: number): FieldError[] {
  if (value === undefined || value === null) return [requiredField(field)];
  if (Buffer.byteLength(exactJsonText(value)) > longest) return [tooLongField(field, longest)];
  return isJsonMap(value) ? [] : [invalidField(field, '<value omitted>', 'must be a valid JSON object')];
}
