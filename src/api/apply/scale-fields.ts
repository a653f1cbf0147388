/** Who owns the replicas, seen from the scale of an object and from the object itself (apimachinery/pkg/util/managedfields/scalehandler.go). */
import { difference, type FieldSet, intersection, isEmptySet, LEAF, union } from './field-set.ts';
import { type Manager, type Managers, managerId } from './managed-fields.ts';
import { fieldElement } from './path-element.ts';

const SCALE_VERSION = 'autoscaling/v1';

const pathSet = (path: readonly string[]): FieldSet =>
  path.reduceRight<FieldSet>((inner, name) => ({ [fieldElement(name)]: inner }), LEAF);

const IN_SCALE = pathSet(['spec', 'replicas']);

const inScale = (manager: Manager): Manager => ({ ...manager, apiVersion: SCALE_VERSION, fields: IN_SCALE });

/**
 * The managers of an object's scale: those that own its replicas.
 *
 * @param path of the replicas in the object
 */
export function managersOfScale(managers: Managers, path: readonly string[]): Managers {
  const inParent = pathSet(path);
  return byId([...managers.values()].filter(({ fields }) => !isEmptySet(intersection(fields, inParent))).map(inScale));
}

/**
 * The managers of the object, after a write has changed those of its scale.
 *
 * @param apiVersion the object's, in which new owners are noted
 */
export function managersAfterScale(managers: Managers, scale: Managers, path: readonly string[], apiVersion: string): Managers {
  const inParent = pathSet(path);
  const owners = new Map([...scale].filter(([, { fields }]) => !isEmptySet(intersection(fields, IN_SCALE))));
  const kept = [...managers.values()].map((manager): Manager => {
    const change = owners.delete(managerId(inScale(manager))) ? union : difference;
    return { ...manager, fields: change(manager.fields, inParent) };
  });
  const added = [...owners.values()].map((manager): Manager => ({ ...manager, apiVersion, fields: inParent }));
  return byId([...kept, ...added].filter(({ fields }) => !isEmptySet(fields)));
}

const byId = (managers: readonly Manager[]): Managers => new Map(managers.map((manager) => [managerId(manager), manager]));
