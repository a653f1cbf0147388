import { typeOfKind } from '../../api/apply/built-in-type.ts';
import { ConversionNeeded, type KindVersions, sameInAllVersions } from '../../api/apply/kind-versions.ts';
import { cloneJson } from '../../api/machinery/clone.ts';
import { decodeObject } from '../../api/machinery/decode.ts';
import type { KindDefinition, RemoteConversion } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { exactJsonText } from '../../std/exact-json.ts';
import type { KindRegistry } from './kind-registry.ts';

/**
 * The versions of a kind, for the managed fields of its objects. A version that is not served now has the fields of the kind itself:
 * what is owned in it is compared as it is. A custom resource's version that its definition does not have any more is none.
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
  if (!versions) return sameInAllVersions(typeOfKind(kind));
  const typeOf = (apiVersion: string) => versions.get(apiVersion)?.applyType();
  if (remote) return { typeOf, ...convertedBy(remote) };
  return {
    typeOf,
    convert(object, apiVersion): DynamicObject {
      if (object.apiVersion === apiVersion) return object;
      const converted = { ...cloneJson(object), apiVersion };
      versions.get(apiVersion)!.readConverted(converted);
      return converted;
    },
  };
}

/** What a webhook has converted so far, for as long as one write is planned. */
function convertedBy(remote: RemoteConversion): Pick<KindVersions, 'convert' | 'fetch'> {
  const known = new Map<string, DynamicObject>();
  const nameOf = (object: DynamicObject, apiVersion: string) => `${apiVersion} ${exactJsonText(object)}`;
  return {
    convert(object, apiVersion) {
      if (object.apiVersion === apiVersion) return object;
      const converted = known.get(nameOf(object, apiVersion));
      if (!converted) throw new ConversionNeeded(object, apiVersion);
      return converted;
    },
    async fetch({ object, apiVersion }) {
      const [converted] = await remote.convert([cloneJson(object)], apiVersion);
      known.set(nameOf(object, apiVersion), converted!);
    },
  };
}
