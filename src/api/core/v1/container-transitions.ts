/** Whether containers that have ended may run again (core/validation Validate…ContainerStateTransition, api/v1/pod ContainerShouldRestart). */
import type { V1Container, V1ContainerStatus, V1PodSpec, V1PodStatus } from '../../gen/types.ts';
import { forbiddenField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { restartRuleFor } from './restart-rule.ts';

/** By its own rules and policy, else by the pod's. */
function mayRestart(container: V1Container, podPolicy: string | undefined, exitCode: number): boolean {
  const { restartPolicy } = container;
  if (restartPolicy && restartRuleFor(container, exitCode)?.action === 'Restart') return true;
  const policy = restartPolicy || podPolicy;
  return policy === 'OnFailure' ? exitCode !== 0 : policy !== 'Never';
}

/** One container's end may begin all of them anew. */
const restartsAll = ({ containers, initContainers = [] }: V1PodSpec) =>
  [...containers, ...initContainers].some(({ restartPolicyRules }) =>
    restartPolicyRules?.some(({ action }) => action === 'RestartAllContainers'),
  );

/** Adds complaints about containers that are said to run after they have ended for good. `spec` is that of the stored pod. */
export function checkTransitions(after: V1PodStatus, before: V1PodStatus, spec: V1PodSpec, errors: FieldError[]): void {
  if (!restartsAll(spec)) {
    const among = (containers: readonly V1Container[]) => {
      const byName = Map.groupBy(containers, ({ name }) => name);
      return (name: string, exitCode: number) =>
        byName.get(name)?.some((container) => mayRestart(container, spec.restartPolicy, exitCode)) ?? false;
    };
    const [own, init] = [among(spec.containers), among(spec.initContainers ?? [])];
    checkList(after.containerStatuses, before.containerStatuses, 'status.containerStatuses', errors, own);
    checkList(after.initContainerStatuses, before.initContainerStatuses, 'status.initContainerStatuses', errors, init);
  }
  checkList(
    after.ephemeralContainerStatuses,
    before.ephemeralContainerStatuses,
    'status.ephemeralContainerStatuses',
    errors,
    () => false,
  );
}

function checkList(
  after: readonly V1ContainerStatus[] = [],
  before: readonly V1ContainerStatus[] = [],
  path: string,
  errors: FieldError[],
  allowed: (name: string, exitCode: number) => boolean,
): void {
  const runs = new Set(after.filter(({ state }) => !state?.terminated).map(({ name }) => name));
  before.forEach(({ name, state }, i) => {
    if (state?.terminated && runs.has(name) && !allowed(name, state.terminated.exitCode))
      errors.push(forbiddenField(`${path}[${i}].state`, 'may not be transitioned to non-terminated state'));
  });
}
