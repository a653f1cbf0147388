import type { DynamicObject } from '../machinery/object.ts';
import { compareObjects, type Difference } from './compare.ts';
import type { StructureType } from './object-type.ts';

/** How the objects of a kind look in its versions: each manager speaks of the fields of the version that it wrote. */
export interface KindVersions {
  /** Undefined: there is no such version any more, and nobody owns anything in it. */
  typeOf(apiVersion: string): StructureType | undefined;
  /** An object of any of the versions in another one that has a type. Leaves its argument as it is, and may return it. */
  convert(object: DynamicObject, apiVersion: string): DynamicObject;
  /** Where `convert` may throw ConversionNeeded: has it made, for the next time that it is asked for. */
  readonly fetch?: (needed: ConversionNeeded) => Promise<void>;
}

/** Thrown where a plan cannot go on: somebody else has to say first how an object looks in another version. */
export class ConversionNeeded extends Error {
  readonly object: DynamicObject;
  readonly apiVersion: string;
  constructor(object: DynamicObject, apiVersion: string) {
    super(`the object is wanted in ${apiVersion}`);
    this.object = object;
    this.apiVersion = apiVersion;
  }
}

/** Far more than a write has managers' versions. */
const MOST_CONVERSIONS = 100;

/** Runs what looks at versions, again from its beginning after each conversion that was missing. It must change nothing before its end. */
export async function withVersions<T>({ fetch }: KindVersions, run: () => Promise<T>): Promise<T> {
  for (let fetched = 0; ; fetched++) {
    try {
      return await run();
    } catch (error) {
      if (!(error instanceof ConversionNeeded) || !fetch || fetched === MOST_CONVERSIONS) throw error;
      await fetch(error);
    }
  }
}

/** Of what has the same fields in whatever version it is said to be. */
export const sameInAllVersions = (type: StructureType): KindVersions => ({ typeOf: () => type, convert: (object) => object });

/** A write, in the version that it was made in. */
export interface VersionedWrite {
  readonly versions: KindVersions;
  readonly apiVersion: string;
  readonly before: DynamicObject;
  readonly after: DynamicObject;
  /** Top-level fields that it left as they were, in every version. */
  readonly except: readonly string[];
}

/** What a write changed, as the managers of a version see it; undefined where there is no such version. */
export type DifferenceIn = (apiVersion: string) => Difference | undefined;

/** @param found what it changed in its own version. Other versions are looked at when they are first asked for. */
export function differencesIn(write: VersionedWrite, found: Difference): DifferenceIn {
  const { versions, before, after, except } = write;
  const others = new Map<string, Difference | undefined>();
  return (apiVersion) => {
    if (apiVersion === write.apiVersion) return found;
    if (!others.has(apiVersion)) {
      const type = versions.typeOf(apiVersion);
      const inVersion = (object: DynamicObject) => versions.convert(object, apiVersion);
      others.set(apiVersion, type && compareObjects(type, inVersion(before), inVersion(after), except));
    }
    return others.get(apiVersion);
  };
}
