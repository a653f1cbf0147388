import { defineKind } from '../../machinery/define-kind.ts';

export const selfSubjectRulesReviewKind = defineKind({
  group: 'authorization.k8s.io',
  version: 'v1',
  kind: 'SelfSubjectRulesReview',
  resource: 'selfsubjectrulesreviews',
  namespaced: false,
  storage: 'review',
});
