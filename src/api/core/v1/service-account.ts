import type { V1ServiceAccount } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';

export const serviceAccountKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  resource: 'serviceaccounts',
  namespaced: true,
  shortNames: ['sa'],
  actions: [{ name: 'token', group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest', verbs: ['create'] }],
  columns: [
    nameColumn,
    textColumn<V1ServiceAccount>('Secrets', 'How many secrets its pods may mount.', ({ secrets = [] }) => secrets.length),
    ageColumn,
  ],
});
