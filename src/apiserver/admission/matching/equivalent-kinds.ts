/** One object can be had in several versions, and under several groups: rules that name one of them mean all. */
import { cloneJson } from '../../../api/machinery/clone.ts';
import { apiVersionOf, type KindDefinition } from '../../../api/machinery/kind.ts';
import type { DynamicObject } from '../../../api/machinery/object.ts';
import type { KindRegistry } from '../../kinds/kind-registry.ts';

const storedId = ({ storedAs, group, kind, resource }: KindDefinition) =>
  storedAs ? `${storedAs.group}/${storedAs.kind}/${resource}` : `${group}/${kind}/${resource}`;

/** The kinds whose objects are the same, the given one first. */
export function equivalentKinds(kinds: KindRegistry, kind: KindDefinition): readonly KindDefinition[] {
  const id = storedId(kind);
  const others = kinds
    .all()
    .filter((other) => other !== kind && other.storagePath === kind.storagePath && storedId(other) === id);
  return [kind, ...others.filter(({ group, version }) => group !== kind.group || version !== kind.version)];
}

/** The object as one of another of its kinds. What is not of `from` (a subresource's own kind) stays as it is. */
export async function convertBetween(object: DynamicObject, from: KindDefinition, to: KindDefinition): Promise<DynamicObject> {
  if (from === to || object.kind !== from.kind || object.apiVersion !== apiVersionOf(from)) return object;
  if (to.ownSchema) return convertCustom(object, to);
  const stored = from.storedAs ? from.storedAs.toStored(object) : object;
  return to.storedAs ? to.storedAs.fromStored(stored) : stored;
}

/** Nothing is stored here: no version's defaults are filled in, and what a version does not know may come back from it. */
async function convertCustom(object: DynamicObject, to: KindDefinition): Promise<DynamicObject> {
  const apiVersion = apiVersionOf(to);
  const copy = cloneJson(object);
  const remote = to.storedAs?.remote;
  return remote ? (await remote.convert([copy], apiVersion))[0]! : { ...copy, apiVersion };
}
