/** What the spec of a pod must look like, in a pod or in a template (core/validation ValidatePodSpec); parts of it in files of their own. */
import type { V1PodSpec } from '../../gen/types.ts';
import {
  addErrors,
  duplicateField,
  forbiddenField,
  invalidField,
  notSupportedField,
  requiredField,
  tooLongField,
} from '../../machinery/field-error.ts';
import { checkDnsLabel, checkDnsSubdomain, checkQualifiedName, type NameCheck } from '../../machinery/names.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { validateLabels } from '../../machinery/validate-metadata.ts';
import { validateAffinity } from './affinity-validation.ts';
import { validateContainers, validateEphemeralContainers, validateInitContainers } from './container-lists-validation.ts';
import { checkHostNetworkPorts } from './container-ports.ts';
import type { ContainerScope } from './container-validation.ts';
import { checkDnsPolicy, validateDnsConfig, validateHostAliases } from './dns-validation.ts';
import { checkEnvironmentFiles } from './environment-files-validation.ts';
import type { PodVolumes } from './mount-validation.ts';
import { validateOs } from './pod-os-validation.ts';
import { validatePodResources, validateResourceClaims } from './pod-resources-validation.ts';
import { validateResources } from './resources-validation.ts';
import { checkHostUsers, validatePodSecurityContext } from './security-context-validation.ts';
import { validateTolerations } from './toleration-validation.ts';
import { validateTopologySpread } from './topology-spread-validation.ts';
import { validateVolumes } from './volume-validation.ts';
import { checkHostProcesses } from './windows-validation.ts';

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];
const PREEMPTION_POLICIES = ['PreemptLowerPriority', 'Never'];
const LARGEST_INT32 = 2 ** 31 - 1;
const LONGEST_HOSTNAME = 64;

const NO_VOLUMES: PodVolumes = new Map();
const NO_CLAIMS: ReadonlySet<string> = new Set();

export interface PodSpecScope {
  /** Pods, not templates: these may be stricter. */
  readonly isPod: boolean;
  /** Of pods. */
  readonly podName?: string;
  /** Pods that a kubelet runs by itself. */
  readonly isStatic?: boolean;
  /** What is stored says already how files get their labels: it may say so in any way then. */
  readonly labelsFiles?: boolean;
}

/** Adds complaints about a spec at `path`, in upstream's order. */
export function validatePodSpec(spec: V1PodSpec, path: string, scope: PodSpecScope, errors: FieldError[]): void {
  if (spec.terminationGracePeriodSeconds === undefined) errors.push(requiredField(`${path}.terminationGracePeriodSeconds`));
  const volumes = spec.volumes ? validateVolumes(spec.volumes, `${path}.volumes`, scope, errors) : NO_VOLUMES;
  if (spec.resourceClaims) validateResourceClaims(spec.resourceClaims, `${path}.resourceClaims`, scope.isStatic ?? false, errors);
  const claims = spec.resourceClaims ? new Set(spec.resourceClaims.map(({ name }) => name).filter(Boolean)) : NO_CLAIMS;
  checkContainers(spec, path, { volumes, claims, isPod: scope.isPod }, errors);
  validatePodResources(spec, `${path}.resources`, claims, errors);
  checkHostNetworkPorts(spec, path, scope.isPod, errors);
  checkRestartPolicy(spec.restartPolicy, `${path}.restartPolicy`, errors);
  checkDnsPolicy(spec.dnsPolicy, `${path}.dnsPolicy`, errors);
  if (spec.nodeSelector) addErrors(errors, validateLabels(spec.nodeSelector, `${path}.nodeSelector`));
  if (spec.securityContext) validatePodSecurityContext(spec, `${path}.securityContext`, scope, errors);
  checkScheduling(spec, path, errors);
  checkHostProcesses(spec, path, errors);
  checkHostUsers(spec, path, errors);
  if (spec.hostnameOverride !== undefined) checkHostnameOverride(spec, path, errors);
  checkRest(spec, path, claims, errors);
  validateOs(spec, path, errors);
  checkEnvironmentFiles(spec, path, errors);
}

function checkContainers(
  spec: V1PodSpec,
  path: string,
  found: Pick<ContainerScope, 'volumes' | 'claims' | 'isPod'>,
  errors: FieldError[],
): void {
  const scope: ContainerScope = {
    ...found,
    podRestartPolicy: spec.restartPolicy,
    hostUsers: spec.hostUsers !== false,
    gracePeriod: spec.terminationGracePeriodSeconds,
    os: spec.os?.name,
  };
  const { containers, initContainers, ephemeralContainers } = spec;
  validateContainers(containers, `${path}.containers`, scope, errors);
  if (initContainers) validateInitContainers(spec, initContainers, `${path}.initContainers`, scope, errors);
  if (ephemeralContainers) validateEphemeralContainers(spec, ephemeralContainers, `${path}.ephemeralContainers`, scope, errors);
}

function checkRestartPolicy(policy: string | undefined, field: string, errors: FieldError[]): void {
  if (!policy) errors.push(requiredField(field));
  else if (!RESTART_POLICIES.includes(policy)) errors.push(notSupportedField(field, policy, RESTART_POLICIES));
}

/** What the scheduler goes by, and how the pod is reached. */
function checkScheduling(spec: V1PodSpec, path: string, errors: FieldError[]): void {
  if (spec.affinity) validateAffinity(spec.affinity, `${path}.affinity`, errors);
  if (spec.dnsConfig || spec.dnsPolicy === 'None') validateDnsConfig(spec, `${path}.dnsConfig`, errors);
  spec.readinessGates?.forEach(({ conditionType }, i) => {
    for (const complaint of checkQualifiedName(conditionType))
      errors.push(invalidField(`${path}.readinessGates[${i}].conditionType`, conditionType, complaint));
  });
  const gates = new Set<string>();
  spec.schedulingGates?.forEach(({ name }, i) => {
    const at = `${path}.schedulingGates[${i}]`;
    for (const complaint of checkQualifiedName(name)) errors.push(invalidField(at, name, complaint));
    if (gates.has(name)) errors.push(duplicateField(at, name));
    gates.add(name);
  });
  if (spec.topologySpreadConstraints)
    validateTopologySpread(spec.topologySpreadConstraints, `${path}.topologySpreadConstraints`, errors);
}

function checkName(name: string | undefined, field: string, check: NameCheck, errors: FieldError[]): void {
  if (name) for (const complaint of check(name)) errors.push(invalidField(field, name, complaint));
}

function checkRest(spec: V1PodSpec, path: string, claims: ReadonlySet<string>, errors: FieldError[]): void {
  checkName(spec.serviceAccountName, `${path}.serviceAccountName`, checkDnsSubdomain, errors);
  checkName(spec.nodeName, `${path}.nodeName`, checkDnsSubdomain, errors);
  const deadline = spec.activeDeadlineSeconds;
  if (deadline !== undefined && (deadline < 1 || deadline > LARGEST_INT32))
    errors.push(invalidField(`${path}.activeDeadlineSeconds`, deadline, `must be between 1 and ${LARGEST_INT32}, inclusive`));
  checkName(spec.hostname, `${path}.hostname`, checkDnsLabel, errors);
  checkName(spec.subdomain, `${path}.subdomain`, checkDnsLabel, errors);
  if (spec.tolerations) validateTolerations(spec.tolerations, `${path}.tolerations`, errors);
  if (spec.hostAliases) validateHostAliases(spec.hostAliases, `${path}.hostAliases`, errors);
  checkName(spec.priorityClassName, `${path}.priorityClassName`, checkDnsSubdomain, errors);
  if (spec.runtimeClassName !== undefined)
    for (const complaint of checkDnsSubdomain(spec.runtimeClassName))
      errors.push(invalidField(`${path}.runtimeClassName`, spec.runtimeClassName, complaint));
  const preemption = spec.preemptionPolicy;
  if (preemption === '') errors.push(requiredField(`${path}.preemptionPolicy`));
  else if (preemption !== undefined && !PREEMPTION_POLICIES.includes(preemption))
    errors.push(notSupportedField(`${path}.preemptionPolicy`, preemption, PREEMPTION_POLICIES));
  if (spec.overhead) validateResources({ limits: spec.overhead }, `${path}.overhead`, claims, errors);
}

function checkHostnameOverride(spec: V1PodSpec, path: string, errors: FieldError[]): void {
  const name = spec.hostnameOverride!;
  const field = `${path}.hostnameOverride`;
  if (spec.setHostnameAsFQDN) errors.push(forbiddenField(field, 'may not be specified when setHostnameAsFQDN is true'));
  if (spec.hostNetwork) errors.push(forbiddenField(field, 'may not be specified when hostNetwork is true'));
  if (Buffer.byteLength(name) > LONGEST_HOSTNAME) errors.push(tooLongField(field, LONGEST_HOSTNAME));
  for (const complaint of checkDnsSubdomain(name)) errors.push(invalidField(field, name, complaint));
}
