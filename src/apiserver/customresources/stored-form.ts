import { cloneJson } from '../../api/machinery/clone.ts';
import { apiVersionOf, type RemoteConversion, type StoredForm } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { CustomSchema } from './custom-schema.ts';

/** What all versions of a definition share: there may be thousands. */
export interface DefinedVersions {
  /** The version that objects are stored in. */
  readonly stored: string;
  readonly schemas: ReadonlyMap<string, CustomSchema>;
  readonly byApiVersion: ReadonlyMap<string, CustomSchema>;
  readonly remote: RemoteConversion | undefined;
  /** The newest one that is served and not deprecated. */
  readonly newest: string | undefined;
}

const versionOf = ({ apiVersion }: DynamicObject) => apiVersion.slice(apiVersion.indexOf('/') + 1);

/**
 * How a version of a definition is read from the store and written to it (apiextensions-apiserver/pkg/apiserver/customresource_handler.go):
 *
 *     store ─► pruned and defaulted by the version that it lies there in ─► converted ─► pruned by the version that is asked for
 *     written ─► converted ─► pruned by the version that is stored ─► store
 *
 * @param named one version of it
 */
export function storedFormOf(
  named: { readonly group: string; readonly version: string; readonly kind: string },
  { stored, schemas, byApiVersion, remote }: DefinedVersions,
): StoredForm {
  const own = schemas.get(named.version)!;
  const apiVersion = apiVersionOf(named);
  const storedApiVersion = apiVersionOf({ ...named, version: stored });
  return {
    group: named.group,
    version: stored,
    kind: named.kind,
    readStored: (object) => {
      schemas.get(versionOf(object))?.readStored(object);
      return object;
    },
    fromStored: (object) => {
      const changed = schemas.get(versionOf(object))?.readStored(object) ?? false;
      if (object.apiVersion === apiVersion) return changed ? { ...object } : object;
      const converted = { ...object, apiVersion };
      own.readConverted(converted);
      return converted;
    },
    // Other versions' records change what they are given of it.
    toStored: (object) => {
      if (schemas.size === 1) return object;
      const copy = cloneJson(object);
      if (remote || named.version === stored) return copy;
      copy.apiVersion = storedApiVersion;
      schemas.get(stored)!.readConverted(copy);
      return copy;
    },
    ...(remote && { remote: pruning(remote, schemas) }),
    versions: byApiVersion,
  };
}

/** What others converted has no more in it than its new version knows. */
function pruning(remote: RemoteConversion, schemas: ReadonlyMap<string, CustomSchema>): RemoteConversion {
  return {
    async convert(objects, apiVersion) {
      const made = await remote.convert(objects, apiVersion);
      for (const object of made) schemas.get(versionOf(object))?.readConverted(object);
      return made;
    },
  };
}
