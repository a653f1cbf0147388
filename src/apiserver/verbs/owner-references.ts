import type { DynamicObject, OwnerReference } from '../../api/machinery/object.ts';
import { exactJsonText } from '../../std/exact-json.ts';

/**
 * Takes owners out that are named twice, in place, and warns of them (apiserver/pkg/endpoints/handlers/rest.go). Owners of one uid that
 * differ in something else stay.
 */
export function dropRepeatedOwners({ metadata }: DynamicObject, warnings: string[], afterAdmission: boolean): void {
  const owners = metadata.ownerReferences;
  if (!owners || owners.length < 2) return;
  // Looked up, not searched for: there is room for a hundred thousand that have one uid.
  const known = new Set<string>();
  const repeated: string[] = [];
  const kept = owners.filter((owner) => {
    const identity = identityOf(owner);
    if (!known.has(identity)) {
      known.add(identity);
      return true;
    }
    repeated.push(owner.uid);
    return false;
  });
  if (!repeated.length) return;
  metadata.ownerReferences = kept;
  warnings.push(
    `.metadata.ownerReferences contains duplicate entries${afterAdmission ? ' after mutating admission happens' : ''}; API server dedups owner references in 1.20+, and may reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: ${repeated.join(', ')}`,
  );
}

/** The same for references that say the same, in whatever order. */
const identityOf = (owner: OwnerReference): string =>
  exactJsonText(
    Object.entries(owner)
      .filter(([, value]) => value !== undefined)
      .sort(([a], [b]) => (a < b ? -1 : 1)),
  );
