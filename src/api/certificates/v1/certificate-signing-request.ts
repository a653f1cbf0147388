import type { V1CertificateSigningRequest } from '../../gen/types.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { PartSubresource, WriteContext } from '../../machinery/kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';
import { statusPart } from '../../machinery/status-part.ts';
import { certificateSigningRequestColumns } from './certificate-signing-request-columns.ts';
import { preserveApproval, withTimes } from './certificate-signing-request-conditions.ts';
import { validateRequest, validateRequestUpdate } from './certificate-signing-request-validation.ts';

const statusOf = (object: DynamicObject) => (object as unknown as V1CertificateSigningRequest).status ?? {};
const conditionsOf = (object: DynamicObject) => statusOf(object).conditions ?? [];

/** Approvers write conditions and nothing else. */
const approvalPart: PartSubresource = {
  name: 'approval',
  verbs: ['get', 'patch', 'update'],
  merge: (existing, requested, { nowMs }) => {
    const { conditions: before = [], ...status } = statusOf(existing);
    const after = withTimes(conditionsOf(requested), before, nowMs);
    return { ...existing, metadata: requested.metadata, status: { ...status, ...(after.length && { conditions: after }) } };
  },
  validate: (updated, existing) => validateRequestUpdate(updated, existing, { approve: true, issue: false }),
};

/** Signers write the certificate and say when they fail; approval is not theirs to change. */
const requestStatusPart = statusPart({
  merge: (existing, requested, { nowMs }) => {
    const conditions = preserveApproval(conditionsOf(requested), conditionsOf(existing));
    return {
      ...existing,
      metadata: requested.metadata,
      status: {
        ...statusOf(requested),
        ...(conditions.length && { conditions: withTimes(conditions, conditionsOf(existing), nowMs) }),
      },
    };
  },
  validate: (updated, existing) => validateRequestUpdate(updated, existing, { approve: false, issue: true }),
});

/** Who asks is what the server knows, never what the request says. */
function recordRequester(object: DynamicObject, { user }: WriteContext): void {
  const request = object as unknown as V1CertificateSigningRequest;
  const { username: _, uid: __, groups: ___, extra: ____, ...asked } = request.spec;
  request.spec = {
    ...asked,
    username: user.name,
    ...(user.uid && { uid: user.uid }),
    ...(user.groups.length && { groups: [...user.groups] }),
    ...(user.extra &&
      Object.keys(user.extra).length && {
        extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])),
      }),
  };
  request.status = {};
}

export const certificateSigningRequestKind = defineKind({
  group: 'certificates.k8s.io',
  version: 'v1',
  kind: 'CertificateSigningRequest',
  resource: 'certificatesigningrequests',
  namespaced: false,
  shortNames: ['csr'],
  nameRule: 'path-segment',
  parts: [approvalPart, requestStatusPart],
  columns: certificateSigningRequestColumns,
  selectableFields: {
    'spec.signerName': (object) => (object as unknown as V1CertificateSigningRequest).spec.signerName,
  },
  prepareForCreate: recordRequester,
  // What was asked for stays as it is.
  prepareForUpdate: (updated, existing) => {
    updated['spec'] = existing['spec'];
    updated['status'] = existing['status'];
  },
  validate: validateRequest,
  validateUpdate: (updated, existing) => validateRequestUpdate(updated, existing, { approve: false, issue: false }),
});
