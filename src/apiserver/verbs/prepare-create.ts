import { requiredField } from '../../api/machinery/field-error.ts';
import type { KindDefinition, WriteContext } from '../../api/machinery/kind.ts';
import { generateName } from '../../api/machinery/names.ts';
import { type DynamicObject, formatTime } from '../../api/machinery/object.ts';
import { badRequest, invalid } from '../../api/machinery/status-error.ts';

export const NAMESPACE_MISMATCH = 'the namespace of the provided object does not match the namespace sent on the request';

/** Puts the request's namespace into the object, in place; throws 400 when it names another one. */
export function placeInNamespace(kind: KindDefinition, object: DynamicObject, namespace: string): void {
  if (!kind.namespaced) {
    delete object.metadata.namespace;
    return;
  }
  object.metadata.namespace ||= namespace;
  if (object.metadata.namespace !== namespace) throw badRequest(NAMESPACE_MISMATCH);
}

/** Throws for what a creator may not leave out or give, before anything else is done with the object. */
export function checkCreatable(kind: KindDefinition, object: DynamicObject): void {
  const { metadata } = object;
  if (metadata.resourceVersion) throw badRequest('resourceVersion should not be set on objects to be created');
  if (!metadata.name && !metadata.generateName)
    throw invalid(kind, '', [requiredField('metadata.name', 'name or generateName is required')]);
}

/** Makes an object new, in place: what the server decides is set, what it has not to say is dropped (registry/rest/create.go). */
export function prepareCreate(
  kind: KindDefinition,
  object: DynamicObject,
  context: WriteContext,
  made: { readonly uid: string; readonly random: () => number },
): void {
  const { metadata } = object;
  delete metadata.deletionTimestamp;
  delete metadata.deletionGracePeriodSeconds;
  delete metadata.selfLink;
  metadata.uid = made.uid;
  metadata.creationTimestamp = formatTime(context.nowMs);
  if (kind.hasGeneration) metadata.generation = 1;
  // Kinds without one keep what they are given.
  else if (!metadata.generation) delete metadata.generation;
  if (!metadata.name) metadata.name = generateName(metadata.generateName!, made.random);
  // Last: a Job's selector is made of its uid.
  kind.prepareForCreate?.(object, context);
}
