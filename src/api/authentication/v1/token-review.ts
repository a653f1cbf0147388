import { defineKind } from '../../machinery/define-kind.ts';

export const tokenReviewKind = defineKind({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenReview',
  resource: 'tokenreviews',
  namespaced: false,
  storage: 'review',
});
