import type { V1ServiceAccount } from '../../gen/types.ts';
import { ageColumn, nameColumn, textColumn } from '../../machinery/columns.ts';
import { defineKind } from '../../machinery/define-kind.ts';
import type { DynamicObject } from '../../machinery/object.ts';

/** Of the references to Secrets only the names count; whatever else they say is dropped. */
function keepNamesOfSecrets(object: DynamicObject): void {
  const account = object as V1ServiceAccount;
  if (account.secrets) account.secrets = account.secrets.map(({ name }) => (name === undefined ? {} : { name }));
}

const ENFORCE_MOUNTABLE = 'kubernetes.io/enforce-mountable-secrets';

function serviceAccountWarnings({ metadata }: DynamicObject, existing?: DynamicObject): string[] {
  const isMarked = (annotations: Record<string, string> = {}) => annotations[ENFORCE_MOUNTABLE] !== undefined;
  if (!isMarked(metadata.annotations) || isMarked(existing?.metadata.annotations)) return [];
  const why = 'deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets';
  return [`metadata.annotations[${ENFORCE_MOUNTABLE}]: ${why}`];
}

export const serviceAccountKind = defineKind({
  group: '',
  version: 'v1',
  kind: 'ServiceAccount',
  resource: 'serviceaccounts',
  namespaced: true,
  shortNames: ['sa'],
  prepareForCreate: keepNamesOfSecrets,
  prepareForUpdate: keepNamesOfSecrets,
  actions: [{ name: 'token', group: 'authentication.k8s.io', version: 'v1', kind: 'TokenRequest', verbs: ['create'] }],
  columns: [
    nameColumn,
    textColumn<V1ServiceAccount>('Secrets', 'How many secrets its pods may mount.', ({ secrets = [] }) => secrets.length),
    ageColumn,
  ],
  warnings: serviceAccountWarnings,
});
