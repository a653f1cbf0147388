import { defineKind } from '../../machinery/define-kind.ts';

export const localSubjectAccessReviewKind = defineKind({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'LocalSubjectAccessReview',
  resource: 'localsubjectaccessreviews',
  namespaced: true,
  storage: 'review',
});
