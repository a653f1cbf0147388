/** Questions about access and identity in their beta versions, in which the groups of a subject are called `group`. */
import { tokenReviewKind } from '../authentication/v1/token-review.ts';
import { localSubjectAccessReviewKind } from '../authorization/v1/local-subject-access-review.ts';
import { selfSubjectAccessReviewKind } from '../authorization/v1/self-subject-access-review.ts';
import { selfSubjectRulesReviewKind } from '../authorization/v1/self-subject-rules-review.ts';
import { subjectAccessReviewKind } from '../authorization/v1/subject-access-review.ts';
import type { KindDefinition } from '../machinery/kind.ts';
import type { DynamicObject } from '../machinery/object.ts';
import { deprecationWarning } from './deprecation.ts';
import { type OlderVersion, servedAs } from './served-as.ts';

function beta(today: KindDefinition, schema: string, more: Partial<OlderVersion> = {}): KindDefinition {
  const lifecycle = { deprecated: 19, removed: 22, replacement: `${today.group}/v1` };
  return servedAs(today, {
    group: today.group,
    version: 'v1beta1',
    schema,
    deprecation: deprecationWarning(`${today.group}/v1beta1`, today.kind, lifecycle),
    ...more,
  });
}

function renameInSpec(object: DynamicObject, from: string, to: string): DynamicObject {
  const { [from]: groups, ...spec } = (object['spec'] ?? {}) as Record<string, unknown>;
  return { ...object, spec: { ...spec, ...(groups !== undefined && { [to]: groups }) } };
}

const NAMES_SUBJECT: Partial<OlderVersion> = {
  conversion: {
    toToday: (object) => renameInSpec(object, 'group', 'groups'),
    fromToday: (object) => renameInSpec(object, 'groups', 'group'),
  },
};

export const olderReviews: readonly KindDefinition[] = [
  beta(tokenReviewKind, 'AuthenticationV1beta1TokenReview'),
  beta(subjectAccessReviewKind, 'AuthorizationV1beta1SubjectAccessReview', NAMES_SUBJECT),
  beta(localSubjectAccessReviewKind, 'AuthorizationV1beta1LocalSubjectAccessReview', NAMES_SUBJECT),
  beta(selfSubjectAccessReviewKind, 'AuthorizationV1beta1SelfSubjectAccessReview'),
  beta(selfSubjectRulesReviewKind, 'AuthorizationV1beta1SelfSubjectRulesReview'),
];
