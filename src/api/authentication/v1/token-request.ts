import { defineKind } from '../../machinery/define-kind.ts';

/** The wish for a token; sent to the ServiceAccount's `token`, and nothing is kept of it. */
export const tokenRequestKind = defineKind({
  group: 'authentication.k8s.io',
  version: 'v1',
  kind: 'TokenRequest',
  resource: 'tokenrequests',
  schema: 'AuthenticationV1TokenRequest',
  namespaced: true,
  storage: 'review',
});
