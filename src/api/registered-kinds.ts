import { allKinds } from './all-kinds.ts';
import { apiVersionOf } from './machinery/kind.ts';
import { betaKinds } from './older/beta-kinds.ts';
import { olderKinds } from './older/older-kinds.ts';

/** Of every group and version (meta/v1 AddToGroupVersion). */
const EVERYWHERE = ['CreateOptions', 'DeleteOptions', 'GetOptions', 'ListOptions', 'PatchOptions', 'UpdateOptions', 'WatchEvent'];
const OF_CORE = ['APIGroup', 'APIGroupList', 'APIResourceList', 'APIVersions', 'Status'];

let registered: ReadonlySet<string> | undefined;

/** Whether upstream knows the kind in that version, whatever is served: one that it does not know it cannot even read. */
export function isRegisteredKind(apiVersion: string, kind: string): boolean {
  registered ??= new Set(listAll());
  return registered.has(`${apiVersion} ${kind}`);
}

function* listAll(): Generator<string> {
  for (const kind of [...allKinds, ...betaKinds, ...olderKinds]) {
    const apiVersion = apiVersionOf(kind);
    const bodies = kind.actions.map((action) => `${apiVersionOf({ group: '', version: 'v1', ...action })} ${action.kind}`);
    yield* [`${apiVersion} ${kind.kind}`, `${apiVersion} ${kind.kind}List`, ...bodies];
    for (const each of EVERYWHERE) yield `${apiVersion} ${each}`;
  }
  for (const kind of OF_CORE) yield `v1 ${kind}`;
}
