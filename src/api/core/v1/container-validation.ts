/** What containers must look like (pkg/apis/core/validation). Paths begin with the container's. */
import type { V1Container, V1ContainerPort, V1EnvVar, V1LifecycleHandler, V1Probe, V1VolumeMount } from '../../gen/types.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  notFoundField,
  notSupportedField,
  requiredField,
} from '../../machinery/field-error.ts';
import { checkDnsLabel, checkEnvironmentName, checkPortName } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import type { AnyContainer } from './container-defaults.ts';
import { validateResources } from './resources-validation.ts';
import { isPortNumber, NOT_A_PORT } from './service-validation.ts';

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const MESSAGE_POLICIES = ['FallbackToLogsOnError', 'File'];
const PROTOCOLS = ['SCTP', 'TCP', 'UDP'];

/** The names that were used in the pod, and the volumes that there are. */
export interface PodNames {
  readonly containers: Set<string>;
  readonly volumes: ReadonlySet<string>;
  readonly hostNetwork: boolean;
}

/** Complaints about one container. Notes its name. */
export function validateContainer(container: AnyContainer, path: string, names: PodNames): FieldError[] {
  const errors: FieldError[] = [];
  const { name, image = '' } = container;
  if (!name) errors.push(requiredField(`${path}.name`));
  else for (const complaint of checkDnsLabel(name)) errors.push(invalidField(`${path}.name`, name, complaint));
  if (name && names.containers.has(name)) errors.push(duplicateField(`${path}.name`, name));
  names.containers.add(name);
  if (!image) errors.push(requiredField(`${path}.image`));
  else if (image.trim() !== image)
    errors.push(invalidField(`${path}.image`, image, 'must not have leading or trailing whitespace'));
  if (!PULL_POLICIES.includes(container.imagePullPolicy ?? ''))
    errors.push(notSupportedField(`${path}.imagePullPolicy`, container.imagePullPolicy ?? '', PULL_POLICIES));
  if (!MESSAGE_POLICIES.includes(container.terminationMessagePolicy ?? ''))
    errors.push(
      notSupportedField(`${path}.terminationMessagePolicy`, container.terminationMessagePolicy ?? '', MESSAGE_POLICIES),
    );
  return [
    ...errors,
    ...validatePorts(container.ports ?? [], `${path}.ports`, names.hostNetwork),
    ...validateEnvironment(container.env ?? [], `${path}.env`),
    ...validateMounts(container.volumeMounts ?? [], `${path}.volumeMounts`, names.volumes),
    ...validateResources(container.resources ?? {}, `${path}.resources`),
    ...validateProbes(container, path),
    ...validateSecurity(container, path),
  ];
}

function validatePorts(ports: readonly V1ContainerPort[], path: string, hostNetwork: boolean): FieldError[] {
  const errors: FieldError[] = [];
  const names = new Set<string>();
  ports.forEach(({ name, containerPort, hostPort, protocol }, i) => {
    const at = `${path}[${i}]`;
    if (name) {
      const complaints = checkPortName(name);
      for (const complaint of complaints) errors.push(invalidField(`${at}.name`, name, complaint));
      if (!complaints.length && names.has(name)) errors.push(duplicateField(`${at}.name`, name));
      names.add(name);
    }
    if (!containerPort) errors.push(requiredField(`${at}.containerPort`));
    else if (!isPortNumber(containerPort)) errors.push(invalidField(`${at}.containerPort`, containerPort, NOT_A_PORT));
    if (hostPort && !isPortNumber(hostPort)) errors.push(invalidField(`${at}.hostPort`, hostPort, NOT_A_PORT));
    if (hostNetwork && hostPort && hostPort !== containerPort)
      errors.push(invalidField(`${at}.containerPort`, containerPort, 'must match `hostPort` when `hostNetwork` is true'));
    if (!protocol) errors.push(requiredField(`${at}.protocol`));
    else if (!PROTOCOLS.includes(protocol)) errors.push(notSupportedField(`${at}.protocol`, protocol, PROTOCOLS));
  });
  return errors;
}

function validateEnvironment(env: readonly V1EnvVar[], path: string): FieldError[] {
  return env.flatMap(({ name, value, valueFrom }, i) => {
    const at = `${path}[${i}]`;
    if (!name) return [requiredField(`${at}.name`)];
    const errors = checkEnvironmentName(name).map((complaint) => invalidField(`${at}.name`, name, complaint));
    if (!valueFrom) return errors;
    const sources = Object.values(valueFrom).filter((source) => source !== undefined);
    if (value) errors.push(invalidField(`${at}.valueFrom`, '', 'may not be specified when `value` is not empty'));
    else if (!sources.length)
      errors.push(
        invalidField(
          `${at}.valueFrom`,
          '',
          'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
        ),
      );
    else if (sources.length > 1)
      errors.push(invalidField(`${at}.valueFrom`, '', 'may not have more than one field specified at a time'));
    return errors;
  });
}

function validateMounts(mounts: readonly V1VolumeMount[], path: string, volumes: ReadonlySet<string>): FieldError[] {
  const errors: FieldError[] = [];
  const paths = new Set<string>();
  mounts.forEach(({ name, mountPath, subPath, subPathExpr }, i) => {
    const at = `${path}[${i}]`;
    if (!name) errors.push(requiredField(`${at}.name`));
    else if (!volumes.has(name)) errors.push(notFoundField(`${at}.name`, name));
    if (!mountPath) errors.push(requiredField(`${at}.mountPath`));
    if (paths.has(mountPath)) errors.push(invalidField(`${at}.mountPath`, mountPath, 'must be unique'));
    paths.add(mountPath);
    if (subPath && subPathExpr)
      errors.push(invalidField(`${at}.subPathExpr`, subPathExpr, 'subPathExpr and subPath are mutually exclusive'));
    for (const inner of [subPath, subPathExpr]) {
      if (inner?.startsWith('/')) errors.push(invalidField(`${at}.subPath`, inner, 'must be a relative path'));
      if (inner?.split('/').includes('..')) errors.push(invalidField(`${at}.subPath`, inner, "must not contain '..'"));
    }
  });
  return errors;
}

const HANDLERS = ['exec', 'httpGet', 'tcpSocket', 'grpc', 'sleep'] as const;

function validateHandler(handler: V1Probe | V1LifecycleHandler, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const given = HANDLERS.filter((name) => (handler as Record<string, unknown>)[name] !== undefined);
  if (!given.length) errors.push(requiredField(path, 'must specify a handler type'));
  for (const name of given.slice(1)) errors.push(forbiddenField(`${path}.${name}`, 'may not specify more than 1 handler type'));
  if (handler.exec && !handler.exec.command?.length) errors.push(requiredField(`${path}.exec.command`));
  for (const [name, port] of [
    ['httpGet', handler.httpGet?.port],
    ['tcpSocket', handler.tcpSocket?.port],
  ] as const) {
    if (typeof port === 'number' && !isPortNumber(port)) errors.push(invalidField(`${path}.${name}.port`, port, NOT_A_PORT));
    if (typeof port === 'string')
      for (const complaint of checkPortName(port)) errors.push(invalidField(`${path}.${name}.port`, port, complaint));
  }
  return errors;
}

const PROBE_NUMBERS = ['initialDelaySeconds', 'timeoutSeconds', 'periodSeconds', 'successThreshold', 'failureThreshold'] as const;

function validateProbes(container: AnyContainer, path: string): FieldError[] {
  const errors: FieldError[] = [];
  for (const name of ['livenessProbe', 'readinessProbe', 'startupProbe'] as const) {
    const probe = container[name];
    if (!probe) continue;
    errors.push(...validateHandler(probe, `${path}.${name}`));
    for (const field of PROBE_NUMBERS)
      if ((probe[field] ?? 0) < 0)
        errors.push(invalidField(`${path}.${name}.${field}`, probe[field], 'must be greater than or equal to 0'));
    if (name !== 'readinessProbe' && (probe.successThreshold ?? 1) !== 1)
      errors.push(invalidField(`${path}.${name}.successThreshold`, probe.successThreshold, 'must be 1'));
  }
  for (const name of ['postStart', 'preStop'] as const) {
    const handler = container.lifecycle?.[name];
    if (handler) errors.push(...validateHandler(handler, `${path}.lifecycle.${name}`));
  }
  return errors;
}

function validateSecurity({ securityContext }: V1Container | AnyContainer, path: string): FieldError[] {
  const errors: FieldError[] = [];
  const at = `${path}.securityContext`;
  if (securityContext?.allowPrivilegeEscalation === false) {
    if (securityContext.privileged)
      errors.push(invalidField(at, securityContext, 'cannot set `allowPrivilegeEscalation` to false and `privileged` to true'));
    if (securityContext.capabilities?.add?.includes('CAP_SYS_ADMIN'))
      errors.push(
        invalidField(at, securityContext, 'cannot set `allowPrivilegeEscalation` to false and `capabilities.Add` CAP_SYS_ADMIN'),
      );
  }
  for (const field of ['runAsUser', 'runAsGroup'] as const) {
    const id = securityContext?.[field];
    if (id !== undefined && (id < 0 || id > 2 ** 31 - 1))
      errors.push(invalidField(`${at}.${field}`, id, 'must be between 0 and 2147483647, inclusive'));
  }
  return errors;
}
