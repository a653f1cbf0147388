/** The containers of a pod against each other: those that run, those that run first, those added for debugging (core/validation). */
import type { V1Container, V1ContainerRestartRule, V1EphemeralContainer, V1PodSpec } from '../../gen/types.ts';
import {
  duplicateField,
  forbiddenField,
  invalidField,
  notFoundField,
  notSupportedField,
  requiredField,
  tooManyField,
} from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { checkHostPorts } from './container-ports.ts';
import { type ContainerScope, checkImageBlanks, validateContainer } from './container-validation.ts';
import { validateLifecycle, validateProbes } from './probe-validation.ts';

const RESTART_POLICIES = ['Always', 'Never', 'OnFailure'];
const RESTART_ACTIONS = ['Restart', 'RestartAllContainers'];
const EXIT_CODE_OPERATORS = ['In', 'NotIn'];
const MOST_RULES = 20;
const MOST_EXIT_CODES = 255;

const isSidecar = ({ restartPolicy }: V1Container) => restartPolicy === 'Always';

export function validateContainers(
  containers: readonly V1Container[],
  path: string,
  scope: ContainerScope,
  errors: FieldError[],
): void {
  if (!containers.length) return void errors.push(requiredField(path));
  const names = new Set<string>();
  for (let i = 0; i < containers.length; i++) {
    const container = containers[i]!;
    const at = `${path}[${i}]`;
    validateContainer(container, at, scope, errors);
    if (names.has(container.name)) errors.push(duplicateField(`${at}.name`, container.name));
    names.add(container.name);
    if (container.lifecycle) validateLifecycle(container.lifecycle, scope, `${at}.lifecycle`, errors);
    validateProbes(container, scope, at, errors);
    validateRestartPolicy(container, at, false, errors);
  }
  checkHostPorts(containers, path, errors);
}

/** What is to happen when a container ends, where that is not as the pod says. Rules that come to nothing in an init container are not looked at. */
function validateRestartPolicy(
  { restartPolicy, restartPolicyRules: rules = [] }: V1Container,
  path: string,
  isInit: boolean,
  errors: FieldError[],
): void {
  if (restartPolicy === undefined) {
    if (rules.length)
      errors.push(requiredField(`${path}.restartPolicy`, 'must specify restartPolicy when restart rules are used'));
    if (isInit) return;
  } else if (!RESTART_POLICIES.includes(restartPolicy))
    errors.push(notSupportedField(`${path}.restartPolicy`, restartPolicy, RESTART_POLICIES));
  if (rules.length > MOST_RULES) errors.push(tooManyField(`${path}.restartPolicyRules`, rules.length, MOST_RULES));
  rules.forEach((rule, i) => {
    checkRestartRule(rule, `${path}.restartPolicyRules[${i}]`, errors);
  });
}

function checkRestartRule({ action, exitCodes }: V1ContainerRestartRule, path: string, errors: FieldError[]): void {
  if (!RESTART_ACTIONS.includes(action)) errors.push(notSupportedField(`${path}.action`, action, RESTART_ACTIONS));
  if (!exitCodes) return void errors.push(requiredField(`${path}.exitCodes`, 'must be specified'));
  const { operator, values = [] } = exitCodes;
  if (!EXIT_CODE_OPERATORS.includes(operator))
    errors.push(notSupportedField(`${path}.exitCodes.operator`, operator, EXIT_CODE_OPERATORS));
  if (values.length > MOST_EXIT_CODES) errors.push(tooManyField(`${path}.exitCodes.values`, values.length, MOST_EXIT_CODES));
}

const NOT_A_SIDECAR = 'may not be set for init containers without restartPolicy=Always';

export function validateInitContainers(
  spec: V1PodSpec,
  containers: readonly V1Container[],
  path: string,
  scope: ContainerScope,
  errors: FieldError[],
): void {
  const names = new Set(spec.containers.map(({ name }) => name));
  containers.forEach((container, i) => {
    const at = `${path}[${i}]`;
    validateContainer(container, at, scope, errors);
    validateRestartPolicy(container, at, true, errors);
    if (names.has(container.name)) errors.push(duplicateField(`${at}.name`, container.name));
    else if (container.name) names.add(container.name);
    // One after the other, so each has the ports to itself. Upstream numbers all of them 0 here.
    checkHostPorts([container], path, errors);
    if (isSidecar(container)) {
      if (container.lifecycle) validateLifecycle(container.lifecycle, scope, `${at}.lifecycle`, errors);
      validateProbes(container, scope, at, errors);
    } else
      for (const field of ['lifecycle', 'livenessProbe', 'readinessProbe', 'startupProbe'] as const)
        if (container[field]) errors.push(forbiddenField(`${at}.${field}`, NOT_A_SIDECAR));
    if (!isSidecar(container)) checkInitResizePolicy(container, `${at}.resizePolicy`, errors);
  });
}

/** It ends before the pod begins: there is nothing to begin anew. */
function checkInitResizePolicy({ resizePolicy = [] }: V1Container, path: string, errors: FieldError[]): void {
  resizePolicy.forEach(({ restartPolicy }, i) => {
    if (restartPolicy === 'RestartContainer')
      errors.push(
        invalidField(
          `${path}[${i}].restartPolicy`,
          restartPolicy,
          "must not be set to 'RestartContainer' for non-sidecar initContainers",
        ),
      );
  });
}

const NOT_FOR_DEBUGGING = 'cannot be set for an Ephemeral Container';

/**
 * What a pod is to be relied upon for does not run in a container that was added to look at it. In upstream's order of fields; an empty
 * list counts, only resources are there anyway.
 */
const FORBIDDEN_FIELDS = [
  'ports',
  'resources',
  'resizePolicy',
  'restartPolicy',
  'restartPolicyRules',
  'livenessProbe',
  'readinessProbe',
  'startupProbe',
  'lifecycle',
] as const;

export function validateEphemeralContainers(
  spec: V1PodSpec,
  containers: readonly V1EphemeralContainer[],
  path: string,
  scope: ContainerScope,
  errors: FieldError[],
): void {
  const others = new Set([...spec.containers, ...(spec.initContainers ?? [])].map(({ name }) => name));
  const names = new Set(others);
  containers.forEach((container, i) => {
    const at = `${path}[${i}]`;
    const { name, targetContainerName } = container;
    validateContainer(container, at, scope, errors);
    checkImageBlanks(container, at, errors);
    if (names.has(name)) errors.push(duplicateField(`${at}.name`, name));
    names.add(name);
    if (targetContainerName && !others.has(targetContainerName))
      errors.push(notFoundField(`${at}.targetContainerName`, targetContainerName));
    for (const field of FORBIDDEN_FIELDS) {
      const value = container[field];
      if (value === undefined || (field === 'resources' && !Object.keys(value).length)) continue;
      errors.push(forbiddenField(`${at}.${field}`, NOT_FOR_DEBUGGING));
    }
    container.volumeMounts?.forEach(({ subPath, subPathExpr }, m) => {
      if (subPath) errors.push(forbiddenField(`${at}.volumeMounts[${m}].subPath`, NOT_FOR_DEBUGGING));
      if (subPathExpr) errors.push(forbiddenField(`${at}.volumeMounts[${m}].subPathExpr`, NOT_FOR_DEBUGGING));
    });
  });
}
