import { invalidField } from '../../api/machinery/field-error.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import { selectorFromLabelSelector, selectorFromLabels } from '../../api/machinery/label-selector.ts';
import type { DynamicObject, JsonValue } from '../../api/machinery/object.ts';
import { badRequest, conflict, invalid, MODIFIED } from '../../api/machinery/status-error.ts';
import type { ActionHandler, RequestContext } from '../contracts.ts';
import { BODY_LIMIT_BYTES } from '../request/body.ts';
import { patchFormat } from '../request/negotiation.ts';
import { parseWriteQuery } from '../request/query-options.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import { trackPlainWrites } from '../verbs/field-tracking.ts';
import { applyPatch, parsePatch } from '../verbs/patch.ts';
import { fieldManagerOf } from '../verbs/resource-call.ts';
import type { ObjectWrites } from '../verbs/write-object.ts';

/** autoscaling/v1 Scale: how many replicas a workload has and wants. */
export interface Scale {
  kind: 'Scale';
  apiVersion: 'autoscaling/v1';
  metadata: DynamicObject['metadata'];
  spec: { replicas?: number };
  status: { replicas: number; selector?: string };
}

type Workload = DynamicObject & {
  spec?: { replicas?: number; selector?: object };
  status?: { replicas?: number };
};

const SCALED = [
  ['', 'replicationcontrollers'],
  ['apps', 'deployments'],
  ['apps', 'replicasets'],
  ['apps', 'statefulsets'],
  ['extensions', 'deployments'],
  ['extensions', 'replicasets'],
] as const;

/** The scale of a workload. A replication controller's selector is a map of labels, the others' a LabelSelector. */
export function scaleOf(kind: Pick<KindDefinition, 'resource'>, object: Workload): Scale {
  const { name, namespace, uid, resourceVersion, creationTimestamp } = object.metadata;
  const selector = object.spec?.selector;
  const parsed =
    kind.resource === 'replicationcontrollers'
      ? selectorFromLabels(selector as Record<string, string> | undefined)
      : selectorFromLabelSelector(selector as Parameters<typeof selectorFromLabelSelector>[0]);
  return {
    kind: 'Scale',
    apiVersion: 'autoscaling/v1',
    metadata: { name, namespace, uid, resourceVersion, creationTimestamp },
    spec: { ...(object.spec?.replicas !== undefined && { replicas: object.spec.replicas }) },
    status: { replicas: object.status?.replicas ?? 0, ...(selector && { selector: parsed.toString() }) },
  };
}

/** The `scale` subresource of the kinds that have replicas. */
export function createScaleHandlers(
  kinds: readonly KindDefinition[],
  objects: ObjectStore,
  writes: ObjectWrites,
): ActionHandler[] {
  return SCALED.flatMap(([group, resource]) => {
    const kind = kinds.find((k) => k.group === group && k.resource === resource);
    if (!kind) return [];
    return [
      {
        group,
        resource,
        subresource: 'scale',
        async handle(context, body) {
          const { namespace, name, verb } = context.info;
          if (verb === 'get') {
            const found = await objects.read({ kind, namespace, name });
            return { status: 200, object: scaleOf(kind, found.object as Workload) };
          }
          const change = await readChange(kind, context, body);
          const { dryRun, fieldManager } = parseWriteQuery(context.request.query, 'UpdateOptions');
          const fields = trackPlainWrites(fieldManagerOf(context, fieldManager));
          const { user, warnings, audit } = context;
          const scope = { kind, namespace, user, dryRun, warnings, admit: true, fields, ...(audit && { audit }) };
          const { object } = await writes.update(scope, name, (existing) => {
            const workload = existing.decode() as Workload;
            const wanted = change(scaleOf(kind, workload));
            checkScale(kind, wanted, workload);
            workload.spec = { ...workload.spec, replicas: wanted.spec.replicas ?? 0 };
            return workload;
          });
          return { status: 200, object: scaleOf(kind, object.object as Workload) };
        },
      },
    ];
  });
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

function checkScale(kind: KindDefinition, scale: Scale, workload: DynamicObject): void {
  const name = workload.metadata.name!;
  const { resourceVersion } = scale.metadata ?? {};
  if (resourceVersion && resourceVersion !== workload.metadata.resourceVersion) throw conflict(kind, name, MODIFIED);
  const replicas = scale.spec?.replicas ?? 0;
  if (!Number.isInteger(replicas))
    throw badRequest('Scale in version "v1" cannot be handled as a Scale: spec.replicas is no integer');
  if (replicas < 0)
    throw invalid({ group: 'autoscaling', kind: 'Scale' }, name, [
      invalidField('spec.replicas', replicas, 'must be greater than or equal to 0'),
    ]);
}
