import { namesOfDottedPath, valueAt } from '../../api/apiextensions/schema/simple-path.ts';
import type { ScaleSubresource } from '../../api/apiextensions/v1/definition.ts';
import { isJsonMap, setField } from '../../api/machinery/clone.ts';
import { invalidField } from '../../api/machinery/field-error.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject, JsonValue } from '../../api/machinery/object.ts';
import { badRequest, conflict, internalError, invalid, MODIFIED } from '../../api/machinery/status-error.ts';
import type { ActionHandler, RequestContext } from '../contracts.ts';
import { BODY_LIMIT_BYTES } from '../request/body.ts';
import { patchFormat } from '../request/negotiation.ts';
import { parseWriteQuery } from '../request/query-options.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import type { Scale } from '../subresources/scale.ts';
import { trackPlainWrites } from '../verbs/field-tracking.ts';
import { applyPatch, parsePatch } from '../verbs/patch.ts';
import { fieldManagerOf } from '../verbs/resource-call.ts';
import type { ObjectWrites } from '../verbs/write-object.ts';

export interface CustomScaleDeps {
  readonly objects: ObjectStore;
  readonly writes: ObjectWrites;
}

/** The scale of a custom resource: the fields that its definition says stand for replicas and selector. */
export function createCustomScale(
  kind: KindDefinition,
  paths: ScaleSubresource,
  { objects, writes }: CustomScaleDeps,
): ActionHandler {
  return {
    group: kind.group,
    resource: kind.resource,
    subresource: 'scale',
    async handle(context, body) {
      const { name, verb } = context.info;
      const namespace = kind.namespaced ? context.info.namespace : '';
      if (verb === 'get') {
        const found = await objects.read({ kind, namespace, name });
        return { status: 200, object: scaleOf(found.object, paths) };
      }
      const change = await readChange(kind, context, body);
      const { dryRun, fieldManager } = parseWriteQuery(context.request.query, 'UpdateOptions');
      const fields = trackPlainWrites(fieldManagerOf(context, fieldManager));
      const { user, warnings, audit } = context;
      const scope = { kind, namespace, user, dryRun, warnings, admit: true, fields, ...(audit && { audit }) };
      const { object } = await writes.update(scope, name, (existing) => {
        const changed = existing.decode();
        const wanted = change(scaleOf(changed, paths));
        check(kind, wanted, changed);
        setAt(changed, namesOfDottedPath(paths.specReplicasPath), wanted.spec?.replicas ?? 0);
        return changed;
      });
      return { status: 200, object: scaleOf(object.object, paths) };
    },
  };
}

function scaleOf(object: DynamicObject, paths: ScaleSubresource): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const wanted = valueAt(object, namesOfDottedPath(paths.specReplicasPath));
  if (wanted === undefined)
    throw internalError(`the spec replicas field ${JSON.stringify(paths.specReplicasPath)} does not exist`);
  const current = valueAt(object, namesOfDottedPath(paths.statusReplicasPath));
  const selector = paths.labelSelectorPath ? valueAt(object, namesOfDottedPath(paths.labelSelectorPath)) : undefined;
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, ...(namespace !== undefined && { namespace }), uid, resourceVersion, creationTimestamp },
    spec: { replicas: Number(wanted) },
    status: { replicas: Number(current ?? 0), ...(typeof selector === 'string' && selector !== '' && { selector }) },
  };
}

async function readChange(
  kind: KindDefinition,
  { request, info }: RequestContext,
  body: DynamicObject | undefined,
): Promise<(scale: Scale) => Scale> {
  if (info.verb === 'update') {
    if (!body) throw badRequest('the request body is empty');
    return () => body as object as Scale;
  }
  const format = patchFormat(request);
  const patch = parsePatch(format, await request.readBody(BODY_LIMIT_BYTES));
  return (scale) =>
    applyPatch({ ...kind, schema: 'V1Scale' }, format, scale as object as JsonValue, structuredClone(patch)) as Scale;
}

function check(kind: KindDefinition, { metadata, spec }: Scale, object: DynamicObject): void {
  const name = object.metadata.name!;
  if (metadata?.resourceVersion && metadata.resourceVersion !== object.metadata.resourceVersion)
    throw conflict(kind, name, MODIFIED);
  if (metadata?.uid && metadata.uid !== object.metadata.uid)
    throw conflict(
      kind,
      name,
      `Precondition failed: UID in precondition: ${metadata.uid}, UID in object meta: ${object.metadata.uid}`,
    );
  const replicas = spec?.replicas ?? 0;
  if (!Number.isInteger(replicas))
    throw badRequest('Scale in version "v1" cannot be handled as a Scale: spec.replicas is no integer');
  if (replicas < 0)
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, name, [
      invalidField('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ]);
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
