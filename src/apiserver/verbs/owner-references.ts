import type { DynamicObject } from '../../api/machinery/object.ts';
import { jsonEqual } from '../store-access/json-equal.ts';

/**
 * Takes owners out that are named twice, in place, and warns of them (apiserver/pkg/endpoints/handlers/rest.go). Owners of one uid that
 * differ in something else stay.
 */
export function dropRepeatedOwners({ metadata }: DynamicObject, warnings: string[], afterAdmission: boolean): void {
  const owners = metadata.ownerReferences;
  if (!owners || owners.length < 2) return;
  const byUid = new Map<string, (typeof owners)[number][]>();
  const repeated: string[] = [];
  const kept = owners.filter((owner) => {
    const same = byUid.get(owner.uid) ?? [];
    byUid.set(owner.uid, same);
    if (same.some((other) => jsonEqual(other, owner))) {
      repeated.push(owner.uid);
      return false;
    }
    same.push(owner);
    return true;
  });
  if (!repeated.length) return;
  metadata.ownerReferences = kept;
  warnings.push(
    `.metadata.ownerReferences contains duplicate entries${afterAdmission ? ' after mutating admission happens' : ''}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${repeated.join(', ')}`,
  );
}
