import type { V1IngressClass, V1IngressClassParametersReference } from '../../gen/types.ts';
import { checkDomainPrefixedPath } from '../../machinery/domain-names.ts';
import { checkField, checkImmutable } from '../../machinery/field-checks.ts';
import { addErrors, forbiddenField, notSupportedField, requiredField, tooLongField } from '../../machinery/field-error.ts';
import { checkDnsLabel } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateLocalReference } from './local-reference.ts';

const LONGEST_CONTROLLER = 250;

const controllerOf = (object: DynamicObject) => (object as V1IngressClass).spec?.controller ?? '';

export function validateIngressClass(object: DynamicObject, _context?: unknown, existing?: DynamicObject): FieldError[] {
  const { controller = '', parameters } = (object as V1IngressClass).spec ?? {};
  const errors = existing ? checkImmutable('spec.controller', controller, controllerOf(existing)) : [];
  if (!controller) errors.push(requiredField('spec.controller'));
  else {
    if (controller.length > LONGEST_CONTROLLER) errors.push(tooLongField('spec.controller', LONGEST_CONTROLLER));
    addErrors(errors, checkDomainPrefixedPath('spec.controller', controller));
  }
  return parameters ? [...errors, ...validateParameters(parameters, 'spec.parameters')] : errors;
}

function validateParameters(parameters: V1IngressClassParametersReference, path: string): FieldError[] {
  const { scope, namespace } = parameters;
  const errors = validateLocalReference(parameters, path);
  switch (scope) {
    case undefined:
      return [...errors, requiredField(`${path}.scope`)];
    case 'Namespace':
      if (namespace === undefined) errors.push(requiredField(`${path}.namespace`, "`parameters.scope` is set to 'Namespace'"));
      else addErrors(errors, checkField(`${path}.namespace`, namespace, checkDnsLabel));
      return errors;
    case 'Cluster':
      if (namespace !== undefined) errors.push(forbiddenField(`${path}.namespace`, "`parameters.scope` is set to 'Cluster'"));
      return errors;
    default:
      return [...errors, notSupportedField(`${path}.scope`, scope, ['Cluster', 'Namespace'])];
  }
}
