/** What makes no sense on the operating system that a pod says it is for (core/validation validateOS, validateLinux, validateWindows). */
import type { V1PodSpec } from '../../gen/types.ts';
import { forbiddenField, notSupportedField, requiredField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { eachContainer } from './pod-containers.ts';

const SYSTEMS = ['linux', 'windows'];
const NOT_ON_LINUX = 'windows options cannot be set for a linux pod';
const NOT_ON_WINDOWS = 'cannot be set for a windows pod';

/** In upstream's order; those of the pod's spec stand beside those of its security context. */
const POD_FIELDS: readonly (readonly ['spec' | 'context', string])[] = [
  ['context', 'appArmorProfile'],
  ['context', 'seLinuxOptions'],
  ['spec', 'hostUsers'],
  ['spec', 'hostPID'],
  ['spec', 'hostIPC'],
  ['context', 'seccompProfile'],
  ['context', 'fsGroup'],
  ['context', 'fsGroupChangePolicy'],
  ['context', 'sysctls'],
  ['spec', 'shareProcessNamespace'],
  ['context', 'runAsUser'],
  ['context', 'runAsGroup'],
  ['context', 'supplementalGroups'],
  ['context', 'supplementalGroupsPolicy'],
  ['context', 'seLinuxChangePolicy'],
];

const CONTAINER_FIELDS = [
  'appArmorProfile',
  'seLinuxOptions',
  'seccompProfile',
  'capabilities',
  'readOnlyRootFilesystem',
  'privileged',
  'allowPrivilegeEscalation',
  'procMount',
  'runAsUser',
  'runAsGroup',
] as const;

/** These count only when they are true. */
const SWITCHES: ReadonlySet<string> = new Set(['hostPID', 'hostIPC']);

export function validateOs(spec: V1PodSpec, path: string, errors: FieldError[]): void {
  if (!spec.os) return;
  const { name } = spec.os;
  if (!name) errors.push(requiredField(`${path}.os.name`));
  else if (!SYSTEMS.includes(name)) errors.push(notSupportedField(`${path}.os`, name, SYSTEMS));
  else if (name === 'linux') validateLinux(spec, path, errors);
  else validateWindows(spec, path, errors);
}

function validateLinux(spec: V1PodSpec, path: string, errors: FieldError[]): void {
  if (spec.securityContext?.windowsOptions) errors.push(forbiddenField(`${path}.securityContext.windowsOptions`, NOT_ON_LINUX));
  eachContainer(spec, path, ({ securityContext }, at) => {
    if (securityContext?.windowsOptions) errors.push(forbiddenField(`${at}.securityContext.windowsOptions`, NOT_ON_LINUX));
  });
}

function validateWindows(spec: V1PodSpec, path: string, errors: FieldError[]): void {
  for (const [where, field] of POD_FIELDS) {
    const holder = (where === 'spec' ? spec : (spec.securityContext ?? {})) as Record<string, unknown>;
    const value = holder[field];
    if (value === undefined || (SWITCHES.has(field) && !value)) continue;
    errors.push(forbiddenField(where === 'spec' ? `${path}.${field}` : `${path}.securityContext.${field}`, NOT_ON_WINDOWS));
  }
  eachContainer(spec, path, ({ securityContext = {} }, at) => {
    for (const field of CONTAINER_FIELDS)
      if (securityContext[field] !== undefined) errors.push(forbiddenField(`${at}.securityContext.${field}`, NOT_ON_WINDOWS));
  });
}
