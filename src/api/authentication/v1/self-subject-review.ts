import { defineKind } from '../../machinery/define-kind.ts';

export const selfSubjectReviewKind = defineKind({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectReview',
  resource: 'selfsubjectreviews',
  namespaced: false,
  storage: 'review',
});
