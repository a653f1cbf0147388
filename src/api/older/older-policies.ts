/** PodDisruptionBudgets, roles and certificate requests as their beta versions had them. */

import { certificateSigningRequestKind } from '../certificates/v1/certificate-signing-request.ts';
import type { RbacV1Subject, V1CertificateSigningRequest, V1LabelSelector, V1RoleBinding } from '../gen/types.ts';
import type { KindDefinition } from '../machinery/kind.ts';
import { isEmptySelector } from '../machinery/label-selector-validation.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { podDisruptionBudgetKind } from '../policy/v1/pod-disruption-budget.ts';
import { clusterRoleKind } from '../rbac/v1/cluster-role.ts';
import { clusterRoleBindingKind } from '../rbac/v1/cluster-role-binding.ts';
import { roleKind } from '../rbac/v1/role.ts';
import { roleBindingKind } from '../rbac/v1/role-binding.ts';
import { deprecationWarning } from './deprecation.ts';
import { guessSignerName } from './guess-signer-name.ts';
import { type Conversion, servedAs } from './served-as.ts';

const EMPTY_MATCH = 'pdb.kubernetes.io/deprecated-v1beta1-empty-selector-match';

type WithSelector = { readonly spec?: { readonly selector?: V1LabelSelector } };

const selectorWith = (operator: string): V1LabelSelector => ({ matchExpressions: [{ key: EMPTY_MATCH, operator }] });

const isSelectorWith = (operator: string, { matchLabels, matchExpressions }: V1LabelSelector) =>
  !Object.keys(matchLabels ?? {}).length &&
  matchExpressions?.length === 1 &&
  matchExpressions[0]!.key === EMPTY_MATCH &&
  matchExpressions[0]!.operator === operator;

function withSelector(object: DynamicObject, change: (selector: V1LabelSelector) => V1LabelSelector): DynamicObject {
  const { spec } = object as WithSelector;
  if (!spec?.selector) return object;
  const selector = change(spec.selector);
  return selector === spec.selector ? object : { ...object, spec: { ...spec, selector } };
}

/** An empty selector selects everything today, and selected nothing then (pkg/apis/policy/v1beta1/conversion.go). */
const emptySelectors: Conversion = {
  toToday: (object) =>
    withSelector(object, (selector) =>
      isEmptySelector(selector) ? selectorWith('Exists') : isSelectorWith('DoesNotExist', selector) ? {} : selector,
    ),
  fromToday: (object) =>
    withSelector(object, (selector) =>
      isEmptySelector(selector) ? selectorWith('DoesNotExist') : isSelectorWith('Exists', selector) ? {} : selector,
    ),
};

const RBAC = 'rbac.authorization.k8s.io';

interface AlphaSubject {
  readonly apiVersion?: string;
  readonly kind: string;
  readonly name: string;
  readonly namespace?: string;
}

/** Subjects named a version where they name a group today, and everybody was a user called `*`. */
const alphaSubjects: Conversion = {
  toToday: (object) => withSubjects<AlphaSubject, RbacV1Subject>(object, subjectOfToday),
  fromToday: (object) => withSubjects<RbacV1Subject, AlphaSubject>(object, alphaSubject),
};

function withSubjects<From, To>(object: DynamicObject, change: (subject: From) => To): DynamicObject {
  const subjects = object['subjects'] as readonly From[] | undefined;
  return subjects ? { ...object, subjects: subjects.map(change) } : object;
}

function subjectOfToday({ apiVersion = '', ...subject }: AlphaSubject): RbacV1Subject {
  const apiGroup = apiVersion.includes('/') ? apiVersion.split('/')[0]! : '';
  const today = { ...subject, ...(apiGroup && { apiGroup }) };
  if (subject.kind !== 'User' || subject.name !== '*') return today;
  return { apiGroup: RBAC, kind: 'Group', name: 'system:authenticated' };
}

function alphaSubject({ apiGroup, ...subject }: RbacV1Subject): AlphaSubject {
  if (subject.kind === 'ServiceAccount') return { apiVersion: 'v1', ...subject };
  return { ...(apiGroup && { apiVersion: apiGroup === RBAC ? `${RBAC}/v1alpha1` : `${apiGroup}/v1` }), ...subject };
}

function setAlphaBindingDefaults(object: DynamicObject): void {
  const { roleRef, subjects = [] } = object as unknown as V1RoleBinding & {
    subjects?: (AlphaSubject & { apiVersion?: string })[];
  };
  if (!roleRef.apiGroup) roleRef.apiGroup = RBAC;
  for (const subject of subjects as { kind: string; apiVersion?: string }[])
    subject.apiVersion ||= subject.kind === 'ServiceAccount' ? 'v1' : `${RBAC}/v1alpha1`;
}

const ROLES: readonly (readonly [KindDefinition, string, boolean])[] = [
  [clusterRoleKind, 'ClusterRole', false],
  [clusterRoleBindingKind, 'ClusterRoleBinding', true],
  [roleKind, 'Role', false],
  [roleBindingKind, 'RoleBinding', true],
];

const outlivedRole = (version: string, kind: string, removed: number) =>
  deprecationWarning(`${RBAC}/${version}`, kind, { deprecated: 17, removed, replacement: `${RBAC}/v1` });

/** Requests did not say who should sign them, nor for what. */
function setRequestDefaults(object: DynamicObject): void {
  const { spec, status } = object as unknown as V1CertificateSigningRequest;
  if (!spec.usages?.length) spec.usages = ['digital signature', 'key encipherment'];
  spec.signerName ||= guessSignerName(spec);
  for (const condition of status?.conditions ?? []) condition.status ||= 'True';
}

export const olderPolicies: readonly KindDefinition[] = [
  servedAs(podDisruptionBudgetKind, {
    group: 'policy',
    version: 'v1beta1',
    schema: 'PolicyV1beta1PodDisruptionBudget',
    conversion: emptySelectors,
    deprecation: deprecationWarning('policy/v1beta1', 'PodDisruptionBudget', {
      deprecated: 21,
      removed: 25,
      replacement: 'policy/v1',
    }),
  }),
  ...ROLES.map(([today, kind]) =>
    servedAs(today, {
      group: RBAC,
      version: 'v1beta1',
      schema: `RbacV1beta1${kind}`,
      deprecation: outlivedRole('v1beta1', kind, 22),
    }),
  ),
  ...ROLES.map(([today, kind, isBinding]) =>
    servedAs(today, {
      group: RBAC,
      version: 'v1alpha1',
      schema: `RbacV1alpha1${kind}`,
      ...(isBinding && { conversion: alphaSubjects, setDefaults: setAlphaBindingDefaults }),
      deprecation: outlivedRole('v1alpha1', kind, 22),
    }),
  ),
  servedAs(certificateSigningRequestKind, {
    group: 'certificates.k8s.io',
    version: 'v1beta1',
    schema: 'CertificatesV1beta1CertificateSigningRequest',
    setDefaults: setRequestDefaults,
    // For whom no signer is known may still be approved by hand, as it was then.
    validate: (object, context, existing) =>
      certificateSigningRequestKind.validate!(object, context, existing).filter(
        ({ message }) => !message.endsWith('the legacy signerName is not allowed via this API version'),
      ),
    deprecation: deprecationWarning('certificates.k8s.io/v1beta1', 'CertificateSigningRequest', {
      deprecated: 19,
      removed: 22,
      replacement: 'certificates.k8s.io/v1',
    }),
  }),
];
