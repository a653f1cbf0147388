/** APIs below Kubernetes' own domains say who approved them (apiextensions-apiserver/pkg/apihelpers). */
import { invalidField, requiredField } from '../../machinery/field-error.ts';
import type { FieldError } from '../../machinery/status-error.ts';
import { APPROVED_ANNOTATION, type Definition } from './definition.ts';

export type ApprovalState = 'approved' | 'bypassed' | 'missing' | 'invalid';

/** Whether a group is Kubernetes' own, so that its APIs need approval. */
export function isProtectedGroup(group: string): boolean {
  return group === 'k8s.io' || group.endsWith('.k8s.io') || group === 'kubernetes.io' || group.endsWith('.kubernetes.io');
}

/** What the annotation says, and why. */
export function approvalOf({ metadata }: Pick<Definition, 'metadata'>): {
  readonly state: ApprovalState;
  readonly reason: string;
} {
  const annotation = metadata.annotations?.[APPROVED_ANNOTATION] ?? '';
  if (annotation === '')
    return {
      state: 'missing',
      reason: `protected groups must have approval annotation ${JSON.stringify(APPROVED_ANNOTATION)}, see https://github.com/kubernetes/enhancements/pull/1111`,
    };
  if (annotation.startsWith('unapproved')) return { state: 'bypassed', reason: `not approved: ${JSON.stringify(annotation)}` };
  if (isUrl(annotation)) return { state: 'approved', reason: `approved in ${annotation}` };
  return {
    state: 'invalid',
    reason: `protected groups must have approval annotation ${JSON.stringify(APPROVED_ANNOTATION)} with either a URL or a reason starting with "unapproved", see https://github.com/kubernetes/enhancements/pull/1111`,
  };
}

function isUrl(text: string): boolean {
  try {
    return new URL(text).host !== '';
  } catch {
    return false;
  }
}

/** What stays as it was is let through. */
export function validateApproval(definition: Definition, old?: Definition): FieldError[] {
  if (!isProtectedGroup(definition.spec.group)) return [];
  const { state, reason } = approvalOf(definition);
  if (state === 'approved' || state === 'bypassed' || (old && approvalOf(old).state === state)) return [];
  const path = `metadata.annotations[${APPROVED_ANNOTATION}]`;
  if (state === 'missing') return [requiredField(path, reason)];
  return [invalidField(path, definition.metadata.annotations?.[APPROVED_ANNOTATION], reason)];
}
