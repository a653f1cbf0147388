/** Runs admission plugins in tests. */
import type { KindDefinition } from '../../src/api/machinery/kind.ts';
import type { DynamicObject } from '../../src/api/machinery/object.ts';
import type { AdmissionAttributes, AdmissionPlugin, UserInfo } from '../../src/apiserver/contracts.ts';

export const ADMIN: UserInfo = { name: 'admin', groups: ['system:masters', 'system:authenticated'] };

export interface WriteCase extends Partial<Omit<AdmissionAttributes, 'kind' | 'object' | 'oldObject'>> {
  readonly kind: KindDefinition;
  readonly object?: object;
  readonly oldObject?: object;
}

/** A write as admission sees it: a creation unless there is an old object or it is said otherwise. */
export function writeOf({ object, oldObject, ...rest }: WriteCase): AdmissionAttributes {
  const metadata = ((object ?? oldObject) as DynamicObject | undefined)?.metadata;
  return {
    operation: oldObject ? (object ? 'UPDATE' : 'DELETE') : 'CREATE',
    subresource: '',
    namespace: metadata?.namespace ?? '',
    name: metadata?.name ?? '',
    object: object && (structuredClone(object) as DynamicObject),
    oldObject: oldObject && (structuredClone(oldObject) as DynamicObject),
    user: ADMIN,
    dryRun: false,
    warnings: [],
    ...rest,
  };
}

/** Runs one plugin as the chain does; resolves to the object as the plugin left it. */
export async function runPlugin(plugin: AdmissionPlugin, write: WriteCase): Promise<DynamicObject | undefined> {
  const attributes = writeOf(write);
  if (!plugin.handles(attributes)) return attributes.object;
  await plugin.admit?.(attributes);
  await plugin.validate?.(attributes);
  return attributes.object;
}
