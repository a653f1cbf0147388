import type { KindDefinition } from '../../api/machinery/kind.ts';
import { type DynamicObject, formatTime } from '../../api/machinery/object.ts';
import { badRequest, conflict } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import type { ActionHandler, Admission, RequestContext } from '../contracts.ts';
import { parseDeleteOptions, parseWriteQuery } from '../request/query-options.ts';
import type { ObjectStore } from '../store-access/object-store.ts';
import type { ObjectWrites } from '../verbs/write-object.ts';

interface PodCondition {
  type: string;
  status: string;
  lastTransitionTime?: string;
}

interface PodLike extends DynamicObject {
  spec?: { nodeName?: string };
  status?: { conditions?: PodCondition[] };
}

export interface PodActionDeps {
  readonly pod: KindDefinition;
  readonly objects: ObjectStore;
  readonly writes: ObjectWrites;
  readonly admission: () => Admission;
  readonly clock: Clock;
}

const SUCCESS = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success' } as const;

/** `pods/binding`, by which a scheduler places a pod, and `pods/eviction`, by which a node is drained. */
export function createPodActionHandlers(deps: PodActionDeps): ActionHandler[] {
  return [
    {
      group: '',
      resource: 'pods',
      subresource: 'binding',
      async handle(context, body) {
        const dryRun = await admitAction(deps, context, body, 'CreateOptions');
        const { namespace, name } = context.info;
        await deps.objects.change({ kind: deps.pod, namespace, name }, (existing) => {
          const object = bind(deps.pod, existing.decode(), body, deps.clock.now());
          return dryRun ? { type: 'none' } : { type: 'put', object };
        });
        return { status: 201, object: { ...SUCCESS, code: 201 } };
      },
    },
    {
      group: '',
      resource: 'pods',
      subresource: 'eviction',
      async handle(context, body) {
        const dryRun = await admitAction(deps, context, body, 'CreateOptions');
        const { namespace, name } = context.info;
        const choices = parseDeleteOptions(context.request.query, body?.['deleteOptions'] as Record<string, unknown> | undefined);
        const scope = {
          kind: deps.pod,
          namespace,
          user: context.user,
          dryRun: dryRun || choices.dryRun,
          warnings: [],
          admit: false,
        };
        await deps.writes.delete(scope, name, choices);
        return { status: 201, object: { ...SUCCESS, code: 201 } };
      },
    },
  ];
}

/** Puts the pod on a node (registry/core/pod/storage, assignPod). Throws 400 and 409. */
export function bind(kind: KindDefinition, pod: PodLike, binding: DynamicObject | undefined, nowMs: number): DynamicObject {
  const target = binding?.['target'] as { kind?: string; name?: string } | undefined;
  const name = pod.metadata.name!;
  if (!target?.name) throw badRequest('target.name: Required value');
  if (target.kind && target.kind !== 'Node')
    throw badRequest(`target.kind: Unsupported value: ${JSON.stringify(target.kind)}: supported values: "Node"`);
  const { uid, resourceVersion, annotations, labels } = binding!.metadata;
  if (uid && uid !== pod.metadata.uid)
    throw conflict(kind, name, `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata.uid}`);
  if (resourceVersion && resourceVersion !== pod.metadata.resourceVersion)
    throw conflict(kind, name, `Precondition failed: ResourceVersion in precondition: ${resourceVersion}`);
  if (pod.metadata.deletionTimestamp) throw conflict(kind, name, `pod ${name} is being deleted, cannot be assigned to a host`);
  if (pod.spec?.nodeName)
    throw conflict(kind, name, `pod ${name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`);
  pod.spec = { ...pod.spec, nodeName: target.name };
  if (annotations) pod.metadata.annotations = { ...pod.metadata.annotations, ...annotations };
  if (labels) pod.metadata.labels = { ...pod.metadata.labels, ...labels };
  const others = (pod.status?.conditions ?? []).filter((c) => c.type !== 'PodScheduled');
  const scheduled = { type: 'PodScheduled', status: 'True', lastTransitionTime: formatTime(nowMs) };
  pod.status = { ...pod.status, conditions: [...others, scheduled] };
  return pod;
}

async function admitAction(
  { pod, admission }: PodActionDeps,
  context: RequestContext,
  body: DynamicObject | undefined,
  optionsKind: string,
): Promise<boolean> {
  const { dryRun } = parseWriteQuery(context.request.query, optionsKind);
  const attributes = {
    operation: 'CREATE',
    kind: pod,
    subresource: context.info.subresource,
    namespace: context.info.namespace,
    name: context.info.name,
    object: body,
    oldObject: undefined,
    user: context.user,
    dryRun,
    warnings: context.warnings,
    ...(context.audit && { audit: context.audit }),
  } as const;
  await admission().admit(attributes);
  await admission().validate(attributes);
  return dryRun;
}
