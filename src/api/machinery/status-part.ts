import type { PartSubresource } from './kind.ts';
import type { DynamicObject } from './object.ts';

/** Everything but the status stays; metadata may change along with it (labels, annotations), as upstream allows for most kinds. */
function mergeStatus(existing: DynamicObject, requested: DynamicObject): DynamicObject {
  const { status: _, ...rest } = existing;
  const merged: DynamicObject = { ...rest, metadata: requested.metadata };
  if (requested['status'] !== undefined) merged['status'] = requested['status'];
  return merged;
}

/** The `status` subresource. `options` adds checks, or another merge for kinds that protect more than their spec. */
export function statusPart(options: Partial<PartSubresource> = {}): PartSubresource {
  return { name: 'status', verbs: ['get', 'patch', 'update'], merge: mergeStatus, ...options };
}

type KeptField = 'annotations' | 'finalizers' | 'labels' | 'ownerReferences';

/** The same, with some of the metadata's fields left as they were. */
export function mergeStatusKeeping(...fields: KeptField[]): PartSubresource['merge'] {
  return (existing, requested) => {
    const metadata = { ...requested.metadata };
    for (const field of fields) {
      delete metadata[field];
      if (existing.metadata[field] !== undefined) Object.assign(metadata, { [field]: existing.metadata[field] });
    }
    return mergeStatus(existing, { ...requested, metadata });
  };
}

/** For kinds whose status says nothing but the status: who may write it may not, by the way, name an owner or hold up the deletion. */
export const mergeStatusAlone: PartSubresource['merge'] = mergeStatusKeeping(
  'annotations',
  'finalizers',
  'labels',
  'ownerReferences',
);
