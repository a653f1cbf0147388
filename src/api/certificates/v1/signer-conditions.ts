import type { V1CertificateSigningRequest } from '../../gen/types.ts';
import { formatTime } from '../../machinery/object.ts';

export const KUBE_APISERVER_CLIENT = 'kubernetes.io/kube-apiserver-client';
export const KUBE_APISERVER_CLIENT_KUBELET = 'kubernetes.io/kube-apiserver-client-kubelet';
export const KUBELET_SERVING = 'kubernetes.io/kubelet-serving';
export const LEGACY_UNKNOWN = 'kubernetes.io/legacy-unknown';

export type CsrConditionType = 'Approved' | 'Denied' | 'Failed';

/** Whether a condition of that type is there. Approved and Denied can only be True; a Failed one may say so or not. */
export function hasCondition(csr: V1CertificateSigningRequest, type: CsrConditionType): boolean {
  return csr.status?.conditions?.some((c) => c.type === type && c.status !== 'False') ?? false;
}

export function isIssued(csr: V1CertificateSigningRequest): boolean {
  return Boolean(csr.status?.certificate);
}

/** A copy with the condition added, for the `approval` or `status` subresource. */
export function withCondition(
  csr: V1CertificateSigningRequest,
  condition: { type: CsrConditionType; reason: string; message: string; nowMs: number },
): V1CertificateSigningRequest {
  const { nowMs, ...rest } = condition;
  const now = formatTime(nowMs);
  const added = { ...rest, status: 'True', lastUpdateTime: now, lastTransitionTime: now };
  return { ...csr, status: { ...csr.status, conditions: [...(csr.status?.conditions ?? []), added] } };
}
