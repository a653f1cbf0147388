import { typeOfKind } from '../../api/apply/built-in-type.ts';
import type { KindVersions } from '../../api/apply/kind-versions.ts';
import { cloneJson } from '../../api/machinery/clone.ts';
import { decodeObject } from '../../api/machinery/decode.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { KindRegistry } from './kind-registry.ts';

/**
 * The versions of a kind, for the managed fields of its objects. A version that is not served now, and those that a webhook converts,
 * have the fields of the kind itself: what is owned in them is compared as it is. A custom resource's version that its definition does
 * not have any more is none.
 */
export function kindVersions(kinds: Pick<KindRegistry, 'byKind'>, kind: KindDefinition): KindVersions {
  if (kind.ownSchema) return customVersions(kind);
  const versionOf = (apiVersion: string): KindDefinition => {
    const slash = apiVersion.indexOf('/');
    const found = kinds.byKind(apiVersion.slice(0, Math.max(slash, 0)), apiVersion.slice(slash + 1), kind.kind);
    return found?.storagePath === kind.storagePath ? found : kind;
  };
  return {
    typeOf: (apiVersion) => typeOfKind(versionOf(apiVersion)),
    convert(object, apiVersion) {
      const from = versionOf(object.apiVersion);
      const to = versionOf(apiVersion);
      if (from === to) return object;
      // Complete: what is converted may have been pruned.
      const whole = decodeObject(from, cloneJson(object)).object;
      const stored = from.storedAs ? from.storedAs.toStored(whole) : whole;
      return to.storedAs ? to.storedAs.fromStored(stored) : stored;
    },
  };
}

function customVersions(kind: KindDefinition): KindVersions {
  const { versions, remote } = kind.storedAs ?? {};
  const asItIs = remote || !versions;
  return {
    typeOf: (apiVersion) =>
      versions && !versions.has(apiVersion) ? undefined : asItIs ? typeOfKind(kind) : versions.get(apiVersion)!.applyType(),
    convert(object, apiVersion): DynamicObject {
      if (asItIs || object.apiVersion === apiVersion) return object;
      const converted = { ...cloneJson(object), apiVersion };
      versions.get(apiVersion)!.readConverted(converted);
      return converted;
    },
  };
}
