import { defineKind } from '../../machinery/define-kind.ts';

export const selfSubjectAccessReviewKind = defineKind({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectAccessReview',
  resource: 'selfsubjectaccessreviews',
  namespaced: false,
  storage: 'review',
});
