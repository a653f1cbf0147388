import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { Keyspace } from '../store-access/keyspace.ts';

/** Which kind's values lie under a key, as an EncryptionConfiguration names it: by the group in which it is stored. */
export function kindOfKeys(
  keyspace: Keyspace,
  kinds: readonly KindDefinition[],
): (key: string) => { readonly group: string; readonly resource: string } | undefined {
  const byPath = new Map<string, { readonly group: string; readonly resource: string }>();
  for (const { storage, storedAs, storagePath, group, resource } of kinds)
    if (storage === 'stored' && !storedAs) byPath.set(storagePath, { group, resource });
  return (key) => {
    const place = keyspace.parse(key);
    if (!place) return undefined;
    const known = byPath.get(place.storagePath);
    if (known) return known;
    // Objects of a CustomResourceDefinition that is about to be served lie under its group and plural.
    const [group, resource] = place.storagePath.split('/');
    return group && resource ? { group, resource } : undefined;
  };
}
