import { restartRuleFor } from '../../api/core/v1/restart-rule.ts';
import type { V1Container, V1Pod } from '../../api/gen/types.ts';

type Policy = 'Always' | 'OnFailure' | 'Never';

/** The container's own policy goes before its pod's. An init container of a pod that is always restarted is so until it succeeds. */
function policyOf(pod: V1Pod, container: V1Container): Policy {
  return (container.restartPolicy ?? pod.spec?.restartPolicy ?? 'Always') as Policy;
}

/** Whether a container that ended with `exitCode` is to run again: its rules, then its policy, then the pod's policy. */
export function restartsAfter(pod: V1Pod, container: V1Container, exitCode: number): boolean {
  if (restartRuleFor(container, exitCode)) return true;
  const policy = policyOf(pod, container);
  return policy === 'Always' || (policy === 'OnFailure' && exitCode !== 0);
}

/** Whether the end of this container starts the whole pod anew, in its sandbox. */
export function restartsAll(container: V1Container, exitCode: number): boolean {
  return restartRuleFor(container, exitCode)?.action === 'RestartAllContainers';
}

/** Whether a container that the kubelet itself had to kill is to run again, whatever it ended with. */
export function restartsWhenKilled(pod: V1Pod, container: V1Container): boolean {
  return policyOf(pod, container) !== 'Never' || (container.restartPolicyRules?.length ?? 0) > 0;
}
