import type { V1ContainerStatus, V1Job, V1Pod, V1PodFailurePolicyRule } from '../../api/gen/types.ts';

export type FailureAction = 'Count' | 'FailIndex' | 'FailJob' | 'Ignore';

/** What the first rule that fits says of a failed pod (https://kubernetes.io/docs/concepts/workloads/controllers/job/#pod-failure-policy). */
export function failureActionOf(job: V1Job, pod: V1Pod): { readonly action: FailureAction; readonly message?: string } {
  const rules = job.spec?.podFailurePolicy?.rules ?? [];
  if (pod.status?.phase !== 'Failed') return { action: 'Count' };
  const path = `${pod.metadata?.namespace}/${pod.metadata?.name}`;
  for (const [i, rule] of rules.entries()) {
    const reason = whyFits(rule, pod);
    if (!reason) continue;
    if (rule.action === 'FailJob') return { action: 'FailJob', message: `${reason(path)} matching FailJob rule at index ${i}` };
    return { action: rule.action as FailureAction };
  }
  return { action: 'Count' };
}

function whyFits(rule: V1PodFailurePolicyRule, pod: V1Pod): ((path: string) => string) | undefined {
  if (rule.onExitCodes) {
    const { containerName, operator, values } = rule.onExitCodes;
    const { initContainerStatuses = [], containerStatuses = [] } = pod.status ?? {};
    const ended = [...containerStatuses, ...initContainerStatuses].find((status) => {
      const code = exitCodeOf(status);
      if (code === undefined || code === 0 || (containerName && containerName !== status.name)) return false;
      return values.includes(code) === (operator === 'In');
    });
    return ended && ((path) => `Container ${ended.name} for pod ${path} failed with exit code ${exitCodeOf(ended)}`);
  }
  const found = pod.status?.conditions?.find((condition) =>
    rule.onPodConditions?.some(({ type, status }) => condition.type === type && condition.status === (status ?? 'True')),
  );
  return found && ((path) => `Pod ${path} has condition ${found.type}`);
}

const exitCodeOf = ({ state }: V1ContainerStatus): number | undefined => state?.terminated?.exitCode;
