import type { KindDefinition } from '../../api/machinery/kind.ts';
import { internalError } from '../../api/machinery/status-error.ts';
import { quote } from '../authorization/forbidden.ts';
import type { RequestInfo } from '../contracts.ts';
import type { Keyspace } from '../store-access/keyspace.ts';
import type { StoredForms } from './encrypting-store.ts';

/** Throws upstream's 500 when what a request is about was encrypted with a key that this server does not have. */
export function checkReadable(forms: StoredForms, keyspace: Keyspace, kind: KindDefinition, info: RequestInfo): void {
  if (kind.storage !== 'stored' || info.verb === 'create') return;
  let key = keyspace.objectKey(kind, info.namespace, info.name);
  let problem = info.name ? forms.problemOf(key) : undefined;
  if (!info.name) {
    const found = forms.problemUnder(keyspace.collectionPrefix(kind, info.namespace));
    key = found?.key ?? '';
    problem = found?.problem;
  }
  if (problem !== undefined) throw internalError(`unable to transform key ${quote(key)}: ${problem}`);
}
