import type { V1Node, V1Pod } from '../../../api/gen/types.ts';
import { CodedError } from '../../../std/coded-error.ts';
import { isCritical } from '../../pods/critical-pod.ts';
import type { NodeAdmission } from '../../pods/pod-parts.ts';
import { appArmorRefusal } from './apparmor-admission.ts';
import { type Shortage, unfitnessOf } from './pod-fit.ts';
import { podsToPreempt } from './preemption.ts';
import { checkAllowedSysctls, sysctlRefusal } from './sysctl-admission.ts';

export interface NodeAdmissionOptions {
  readonly node: () => V1Node | undefined;
  /** Of the configuration; empty: none. */
  readonly allowedUnsafeSysctls?: readonly string[] | undefined;
  /** Whether the machine can keep pods to AppArmor profiles. */
  readonly hasAppArmor: boolean;
}

/**
 * Whether the node takes a pod, by upstream's checks, reasons and messages.
 *
 * @throws CodedError naming a parameter that cannot be allowed
 */
export function createNodeAdmission({ node, allowedUnsafeSysctls = [], hasAppArmor }: NodeAdmissionOptions): NodeAdmission {
  const mistakes = checkAllowedSysctls(allowedUnsafeSysctls);
  if (mistakes.length > 0)
    throw new CodedError(`invalid allowedUnsafeSysctls (--allowed-unsafe-sysctls): ${mistakes.join(', ')}`, {
      code: 'KUBELET_CONFIGURATION_INVALID',
    });
  return {
    admit(pod, others) {
      const here = node();
      if (!here) return { reason: 'InvalidNodeInfo', message: 'Kubelet cannot get node info.' };
      const impossible =
        osRefusal(pod, here) ??
        groupsRefusal(pod, here) ??
        sysctlRefusal(pod, allowedUnsafeSysctls) ??
        appArmorRefusal(pod, hasAppArmor);
      if (impossible) return impossible;
      const { shortages, predicates } = unfitnessOf(pod, here, others, isStatic(pod));
      const [shortage] = shortages;
      const [failed] = predicates;
      // A critical pod is not refused for want of room: others make it.
      if (shortage && !isCritical(pod)) return shortageRefusal(shortage);
      if (failed) return { reason: failed.name, message: `Predicate ${failed.name} failed: ${failed.reason}` };
      if (!shortage) return undefined;
      try {
        return { ...shortageRefusal(shortage), preempt: podsToPreempt(pod, others, shortages) };
      } catch (error) {
        return {
          reason: 'UnexpectedAdmissionError',
          message: `Unexpected error while attempting to recover from admission failure: preemption: error finding a set of pods to preempt: ${(error as Error).message}`,
        };
      }
    },
  };
}

function shortageRefusal({ resource, requested, used, capacity }: Shortage) {
  return {
    reason: `OutOf${resource}`,
    message: `Node didn't have enough resource: ${resource}, requested: ${requested}, used: ${used}, capacity: ${capacity}`,
  };
}

function osRefusal({ metadata, spec }: V1Pod, node: V1Node) {
  const wanted = metadata?.labels?.['kubernetes.io/os'];
  const label = node.metadata?.labels?.['kubernetes.io/os'] ?? 'linux';
  if (wanted !== undefined && wanted !== label)
    return {
      reason: 'PodOSSelectorNodeLabelDoesNotMatch',
      message: "Failed to admit pod as the `kubernetes.io/os` label doesn't match node label",
    };
  if (spec?.os && spec.os.name !== 'linux')
    return { reason: 'PodOSNotSupported', message: "Failed to admit pod as the OS field doesn't match node OS" };
  return undefined;
}

function groupsRefusal({ spec }: V1Pod, node: V1Node) {
  if (spec?.securityContext?.supplementalGroupsPolicy !== 'Strict' || node.status?.features?.supplementalGroupsPolicy)
    return undefined;
  return {
    reason: 'SupplementalGroupsPolicyNotSupported',
    message: 'SupplementalGroupsPolicy=Strict is not supported in this node',
  };
}

function isStatic({ metadata }: V1Pod): boolean {
  const source = metadata?.annotations?.['kubernetes.io/config.source'];
  return source !== undefined && source !== 'api';
}
