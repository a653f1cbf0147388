import { defineKind } from '../../machinery/define-kind.ts';

export const subjectAccessReviewKind = defineKind({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SubjectAccessReview',
  resource: 'subjectaccessreviews',
  namespaced: false,
  storage: 'review',
});
