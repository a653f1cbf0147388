import { namesOfDottedPath, valueAt } from '../../api/apiextensions/schema/simple-path.ts';
import type { ScaleSubresource } from '../../api/apiextensions/v1/definition.ts';
import { isJsonMap, setField } from '../../api/machinery/clone.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import { badRequest, internalError } from '../../api/machinery/status-error.ts';
import type { ActionHandler } from '../contracts.ts';
import { createScaleHandler, type Scale, type ScaleDeps } from '../subresources/scale.ts';
import { accessorError } from './accessor-error.ts';

/** What patches find where there are no replicas: upstream's number for none, the smallest that it can hold. */
const UNSET = -(2 ** 31);

/** The scale of a custom resource: the fields that its definition says stand for replicas and selector. */
export function createCustomScale(kind: KindDefinition, paths: ScaleSubresource, deps: ScaleDeps): ActionHandler {
  const path = namesOfDottedPath(paths.specReplicasPath);
  const target = {
    kind,
    path,
    read: (object: DynamicObject): Scale => {
      if (valueAt(object, path) === undefined)
        throw internalError(`the spec replicas field ${JSON.stringify(paths.specReplicasPath)} does not exist`);
      return scaleOf(object, paths);
    },
    // What has no replicas yet may be given some, but a write must do so.
    readBefore: (object: DynamicObject): Scale => {
      const scale = scaleOf(object, paths);
      return valueAt(object, path) === undefined ? { ...scale, spec: { replicas: UNSET } } : scale;
    },
    write: (object: DynamicObject, replicas: number) => {
      if (replicas === UNSET)
        throw badRequest(`the spec replicas field ${JSON.stringify(paths.specReplicasPath)} cannot be empty`);
      setAt(object, path, replicas);
    },
  };
  return { group: kind.group, resource: kind.resource, subresource: 'scale', handle: createScaleHandler(() => target, deps) };
}

function scaleOf(object: DynamicObject, paths: ScaleSubresource): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const numberAt = (path: string) => {
    const value = valueAt(object, namesOfDottedPath(path)) ?? 0;
    // Objects may be older than what their definition says now.
    if (!Number.isInteger(value)) throw internalError(accessorError(path, value, 'int64'));
    return value as number;
  };
  const replicas = numberAt(paths.specReplicasPath);
  const selector = paths.labelSelectorPath ? valueAt(object, namesOfDottedPath(paths.labelSelectorPath)) : undefined;
  const metadata = { name, ...(namespace !== undefined && { namespace }), uid, resourceVersion, creationTimestamp };
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata,
    spec: { ...(replicas && { replicas }) },
    status: {
      replicas: numberAt(paths.statusReplicasPath),
      ...(typeof selector === 'string' && selector !== '' && { selector }),
    },
  } as Scale;
}

function setAt(object: Record<string, unknown>, names: readonly string[], value: unknown): void {
  const [first, ...rest] = names;
  if (first === undefined) return;
  if (!rest.length) {
    setField(object, first, value);
    return;
  }
  const inner = Object.hasOwn(object, first) ? object[first] : undefined;
  const map = isJsonMap(inner) ? inner : {};
  setField(object, first, map);
  setAt(map, rest, value);
}
