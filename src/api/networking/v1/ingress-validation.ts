/** Ingresses (pkg/apis/networking/validation). */
import type { V1HTTPIngressPath, V1Ingress, V1IngressBackend, V1IngressRule, V1IngressTLS } from '../../gen/types.ts';
import { checkWildcardSubdomain } from '../../machinery/domain-names.ts';
import { checkEach, checkField, checkRequired } from '../../machinery/field-checks.ts';
import { addErrors, invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import { parseIp } from '../../machinery/ip.ts';
import type { WriteContext } from '../../machinery/kind.ts';
import { NOT_A_NAME, validateEntrances } from '../../machinery/load-balancer-entrances.ts';
import { checkDnsLabel, checkDnsSubdomain, checkPortName } from '../../machinery/names.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { checkPortNumber } from '../../machinery/ports.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateLocalReference } from './local-reference.ts';

const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const PATH_TYPES = ['Exact', 'ImplementationSpecific', 'Prefix'];
const BAD_SEQUENCES = ['//', '/./', '/../', '%2f', '%2F'];
const BAD_SUFFIXES = ['/..', '/.'];

const ingressOf = (object: DynamicObject | undefined) => object as V1Ingress | undefined;

export function validateIngress(object: DynamicObject, _context: WriteContext, existing?: DynamicObject): FieldError[] {
  const { metadata, spec = {} } = ingressOf(object)!;
  const { defaultBackend, rules = [], tls = [], ingressClassName } = spec;
  const before = ingressOf(existing)?.spec ?? {};
  const errors: FieldError[] = [];
  if (!rules.length && !defaultBackend)
    errors.push(invalidField('spec', spec.rules, 'either `defaultBackend` or `rules` must be specified'));
  if (defaultBackend) addErrors(errors, validateBackend(defaultBackend, 'spec.defaultBackend'));
  const keepsWildcardRules = (before.rules ?? []).some((rule) => isWildcard(rule) && validateRuleValue(rule, '').length > 0);
  addErrors(
    errors,
    checkEach(rules, 'spec.rules', (rule, at) => validateRule(rule, at, keepsWildcardRules)),
  );
  const keepsSecretNames = (before.tls ?? []).some(({ secretName }) => secretName && checkDnsSubdomain(secretName).length > 0);
  addErrors(
    errors,
    checkEach(tls, 'spec.tls', (each, at) => validateTls(each, at, keepsSecretNames)),
  );
  if (ingressClassName !== undefined) addErrors(errors, checkField('spec.ingressClassName', ingressClassName, checkDnsSubdomain));
  const annotated = metadata?.annotations?.[CLASS_ANNOTATION];
  if (!existing && annotated !== undefined && ingressClassName !== undefined && annotated !== ingressClassName)
    errors.push(
      invalidField(`annotations.${CLASS_ANNOTATION}`, annotated, 'must match `ingressClassName` when both are specified'),
    );
  return errors;
}

const isWildcard = ({ host }: V1IngressRule) => host?.includes('*') ?? false;

const checkHost = (field: string, host: string): FieldError[] =>
  checkField(field, host, host.includes('*') ? checkWildcardSubdomain : checkDnsSubdomain);

function validateTls({ hosts = [], secretName }: V1IngressTLS, path: string, keepsSecretNames: boolean): FieldError[] {
  const errors = hosts.flatMap((host, i) => checkHost(`${path}.hosts[${i}]`, host));
  if (secretName && !keepsSecretNames) addErrors(errors, checkField(`${path}.secretName`, secretName, checkDnsSubdomain));
  return errors;
}

function validateRule(rule: V1IngressRule, path: string, keepsWildcardRules: boolean): FieldError[] {
  const { host } = rule;
  const errors: FieldError[] = [];
  if (host) {
    if (parseIp(host)) errors.push(invalidField(`${path}.host`, host, NOT_A_NAME));
    addErrors(errors, checkHost(`${path}.host`, host));
  }
  if (!isWildcard(rule) || !keepsWildcardRules) addErrors(errors, validateRuleValue(rule, path));
  return errors;
}

function validateRuleValue({ http }: V1IngressRule, path: string): FieldError[] {
  if (!http) return [];
  const paths = http.paths ?? [];
  if (!paths.length) return [requiredField(`${path}.http.paths`)];
  return paths.flatMap((each, i) => validatePath(each, `${path}.http.paths[${i}]`));
}

function validatePath({ path: text = '', pathType, backend }: V1HTTPIngressPath, at: string): FieldError[] {
  if (pathType === undefined) return [requiredField(`${at}.pathType`, 'pathType must be specified')];
  const errors: FieldError[] = [];
  const complain = (detail: string) => errors.push(invalidField(`${at}.path`, text, detail));
  switch (pathType) {
    case 'Exact':
    case 'Prefix':
      if (!text.startsWith('/')) complain('must be an absolute path');
      for (const sequence of BAD_SEQUENCES) if (text.includes(sequence)) complain(`must not contain '${sequence}'`);
      for (const suffix of BAD_SUFFIXES) if (text.endsWith(suffix)) complain(`cannot end with '${suffix}'`);
      break;
    case 'ImplementationSpecific':
      if (text && !text.startsWith('/')) complain('must be an absolute path');
      break;
    default:
      errors.push(notSupportedField(`${at}.pathType`, pathType, PATH_TYPES));
  }
  return [...errors, ...validateBackend(backend ?? {}, `${at}.backend`)];
}

function validateBackend({ resource, service }: V1IngressBackend, path: string): FieldError[] {
  if (resource && service) return [invalidField(path, '', 'cannot set both resource and service backends')];
  if (resource) return validateLocalReference(resource, `${path}.resource`);
  if (!service) return [invalidField(path, '', 'resource or service backend is required')];
  const errors = checkRequired(`${path}.service.name`, service.name, checkDnsLabel);
  const { name, number } = service.port ?? {};
  if (name && number) errors.push(invalidField(path, '', 'cannot set both port name & port number'));
  else if (name) addErrors(errors, checkField(`${path}.service.port.name`, name, checkPortName));
  else if (number) addErrors(errors, checkPortNumber(`${path}.service.port.number`, number));
  else errors.push(requiredField(path, 'port name or number is required'));
  return errors;
}

export function validateIngressStatus(updated: DynamicObject, existing: DynamicObject): FieldError[] {
  const entrances = (object: DynamicObject) => ingressOf(object)?.status?.loadBalancer?.ingress ?? [];
  return validateEntrances(entrances(updated), entrances(existing), 'status.loadBalancer.ingress');
}

/** The annotation from before there was a field is spoken of (registry/networking/ingress/strategy.go). */
export function ingressWarnings(object: DynamicObject, existing: DynamicObject | undefined): string[] {
  const annotated = (each: DynamicObject | undefined) => each?.metadata.annotations?.[CLASS_ANNOTATION] !== undefined;
  return !existing && annotated(object)
    ? [`annotation ${JSON.stringify(CLASS_ANNOTATION)} is deprecated, please use 'spec.ingressClassName' instead`]
    : [];
}
