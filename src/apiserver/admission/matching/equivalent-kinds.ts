/** One object can be had in several versions, and under several groups: rules that name one of them mean all. */
import type { KindDefinition } from '../../../api/machinery/kind.ts';
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
  const own = `${from.group ? `${from.group}/` : ''}${from.version}`;
  if (from === to || object.kind !== from.kind || object.apiVersion !== own) return object;
  const stored = from.storedAs ? from.storedAs.toStored(object) : object;
  if (!to.storedAs) return stored;
  const apiVersion = `${to.group ? `${to.group}/` : ''}${to.version}`;
  const remote = to.storedAs.remote ?? from.storedAs?.remote;
  const [made] = remote ? await remote.convert([stored], apiVersion) : [stored];
  return to.storedAs.fromStored(made!);
}
