/** Environment variables of containers, and the references that they and volumes are filled from (core/validation ValidateEnv). */
import type {
  V1ConfigMapKeySelector,
  V1EnvFromSource,
  V1EnvVar,
  V1FileKeySelector,
  V1ObjectFieldSelector,
  V1ResourceFieldSelector,
} from '../../gen/types.ts';
import { invalidField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import {
  checkConfigKey,
  checkDnsLabel,
  checkDnsSubdomain,
  checkEnvironmentName,
  checkQualifiedName,
} from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkNoBacksteps } from './local-path.ts';

const SOURCES = 'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`';

export function validateEnvironment(env: readonly V1EnvVar[], path: string, errors: FieldError[]): void {
  for (let i = 0; i < env.length; i++) {
    const { name, valueFrom, value } = env[i]!;
    if (!name) errors.push(requiredField(`${path}[${i}].name`));
    else for (const complaint of checkEnvironmentName(name)) errors.push(invalidField(`${path}[${i}].name`, name, complaint));
    if (valueFrom) checkValueFrom(valueFrom, value, `${path}[${i}].valueFrom`, errors);
  }
}

function checkValueFrom(
  source: NonNullable<V1EnvVar['valueFrom']>,
  value: string | undefined,
  path: string,
  errors: FieldError[],
): void {
  let sources = 0;
  if (source.fieldRef) {
    sources++;
    checkFieldRef(source.fieldRef, ENV_FIELDS, `${path}.fieldRef`, errors);
  }
  if (source.resourceFieldRef) {
    sources++;
    checkResourceFieldRef(source.resourceFieldRef, `${path}.resourceFieldRef`, errors);
  }
  if (source.configMapKeyRef) {
    sources++;
    checkKeyRef(source.configMapKeyRef, `${path}.configMapKeyRef`, errors);
  }
  if (source.secretKeyRef) {
    sources++;
    checkKeyRef(source.secretKeyRef, `${path}.secretKeyRef`, errors);
  }
  if (source.fileKeyRef) {
    sources++;
    checkFileKeyRef(source.fileKeyRef, `${path}.fileKeyRef`, errors);
  }
  if (sources === 0) errors.push(invalidField(path, '', SOURCES));
  else if (value) errors.push(invalidField(path, '', 'may not be specified when `value` is not empty'));
  else if (sources > 1) errors.push(invalidField(path, '', 'may not have more than one field specified at a time'));
}

/** In the order in which errors list them. */
const ENV_FIELDS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
export const VOLUME_FIELDS = ['metadata.annotations', 'metadata.labels', 'metadata.name', 'metadata.namespace', 'metadata.uid'];

/** All that the downward API can tell of (core/pods ConvertDownwardAPIFieldLabel). */
const KNOWN_FIELDS: ReadonlySet<string> = new Set([
  ...ENV_FIELDS,
  ...VOLUME_FIELDS,
  'spec.restartPolicy',
  'spec.schedulerName',
  'status.phase',
]);

export function checkFieldRef(
  { apiVersion, fieldPath }: V1ObjectFieldSelector,
  supported: readonly string[],
  path: string,
  errors: FieldError[],
): void {
  if (!apiVersion) return void errors.push(requiredField(`${path}.apiVersion`));
  if (!fieldPath) return void errors.push(requiredField(`${path}.fieldPath`));
  const unconvertible = (why: string) =>
    errors.push(invalidField(`${path}.fieldPath`, fieldPath, `error converting fieldPath: ${why}`));
  if (apiVersion !== 'v1') return void unconvertible(`unsupported pod version: ${apiVersion}`);
  const [, of, key] = /^([^[]*)\['(.*)'\]$/.exec(fieldPath) ?? [];
  if (of !== undefined && key !== undefined) {
    if (of === 'metadata.annotations' || of === 'metadata.labels') {
      const name = of === 'metadata.annotations' ? key.toLowerCase() : key;
      for (const complaint of checkQualifiedName(name)) errors.push(invalidField(path, name, complaint));
    } else unconvertible(`field label does not support subscript: ${fieldPath}`);
    return;
  }
  if (fieldPath === 'spec.host' ? !supported.includes('spec.nodeName') : !KNOWN_FIELDS.has(fieldPath))
    unconvertible(`field label not supported: ${fieldPath}`);
  else if (fieldPath !== 'spec.host' && !supported.includes(fieldPath))
    errors.push(notSupportedField(`${path}.fieldPath`, fieldPath, supported));
}

const RESOURCE_FIELDS = [
  'limits.cpu',
  'limits.ephemeral-storage',
  'limits.memory',
  'requests.cpu',
  'requests.ephemeral-storage',
  'requests.memory',
];
const HUGE_PAGES_FIELD = /^(requests|limits)\.hugepages-/;
const SIZES = ['1', '1k', '1M', '1G', '1T', '1P', '1E', '1Ki', '1Mi', '1Gi', '1Ti', '1Pi', '1Ei'];

/** A container names itself in its environment; files in volumes have to say whose resources they tell of. */
export function checkResourceFieldRef(
  { containerName, resource, divisor }: V1ResourceFieldSelector,
  path: string,
  errors: FieldError[],
  inVolume = false,
): void {
  if (inVolume && !containerName) errors.push(requiredField(`${path}.containerName`));
  else if (!resource) errors.push(requiredField(`${path}.resource`));
  else if (!RESOURCE_FIELDS.includes(resource) && !HUGE_PAGES_FIELD.test(resource))
    errors.push(notSupportedField(`${path}.resource`, resource, RESOURCE_FIELDS));
  if (!divisor || divisor === '0') return;
  const refuse = (sizes: string, of: string) =>
    errors.push(
      invalidField(`${path}.divisor`, resource, `only divisor's values ${sizes} are supported with the ${of} resource`),
    );
  if (resource.endsWith('.cpu')) {
    if (divisor !== '1' && divisor !== '1m') refuse('1m and 1', 'cpu');
  } else if (!SIZES.includes(divisor)) {
    if (resource.endsWith('.memory')) refuse(SIZES.join(', '), 'memory');
    else if (resource.endsWith('.ephemeral-storage')) refuse(SIZES.join(', '), 'local ephemeral storage');
    else if (HUGE_PAGES_FIELD.test(resource)) refuse(SIZES.join(', '), 'hugepages');
  }
}

/** Of a ConfigMap or a Secret. */
function checkKeyRef({ name = '', key }: V1ConfigMapKeySelector, path: string, errors: FieldError[]): void {
  for (const complaint of checkDnsSubdomain(name)) errors.push(invalidField(`${path}.name`, name, complaint));
  if (!key) errors.push(requiredField(`${path}.key`));
  else for (const complaint of checkConfigKey(key)) errors.push(invalidField(`${path}.key`, key, complaint));
}

function checkFileKeyRef({ key, path: file, volumeName }: V1FileKeySelector, path: string, errors: FieldError[]): void {
  if (!key) errors.push(requiredField(`${path}.key`));
  else for (const complaint of checkEnvironmentName(key)) errors.push(invalidField(`${path}.key`, key, complaint));
  if (!volumeName) errors.push(requiredField(`${path}.volumeName`));
  else for (const complaint of checkDnsLabel(volumeName)) errors.push(invalidField(`${path}.volumeName`, volumeName, complaint));
  if (!file) errors.push(requiredField(`${path}.path`));
  else checkNoBacksteps(file, `${path}.path`, errors);
}

export function validateEnvironmentSources(sources: readonly V1EnvFromSource[], path: string, errors: FieldError[]): void {
  sources.forEach(({ prefix, configMapRef, secretRef }, i) => {
    const at = `${path}[${i}]`;
    if (prefix)
      for (const complaint of checkEnvironmentName(prefix)) errors.push(invalidField(`${at}.prefix`, prefix, complaint));
    if (configMapRef) checkSourceName(configMapRef.name, `${at}.configMapRef.name`, errors);
    if (secretRef) checkSourceName(secretRef.name, `${at}.secretRef.name`, errors);
    if (!configMapRef && !secretRef) errors.push(invalidField(path, '', 'must specify one of: `configMapRef` or `secretRef`'));
    else if (configMapRef && secretRef)
      errors.push(invalidField(path, '', 'may not have more than one field specified at a time'));
  });
}

function checkSourceName(name: string | undefined, field: string, errors: FieldError[]): void {
  if (!name) errors.push(requiredField(field));
  // A trailing dash is let through, as if the name were to be completed.
  else for (const complaint of checkDnsSubdomain(name.replace(/-$/, 'a'))) errors.push(invalidField(field, name, complaint));
}
