import { bindingKind, bindPod, validateBinding, whyNotBound } from '../../api/core/v1/binding.ts';
import type { V1Binding, V1Pod } from '../../api/gen/types.ts';
import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject, ObjectMeta } from '../../api/machinery/object.ts';
import { badRequest, conflict, unnamedFailure } from '../../api/machinery/status-error.ts';
import type { Clock } from '../../std/clock.ts';
import type { ActionHandler, Admission, RequestContext } from '../contracts.ts';
import { parseWriteQuery } from '../request/query-options.ts';
import type { Change, ObjectStore } from '../store-access/object-store.ts';
import { placeInNamespace } from '../verbs/prepare-create.ts';
import { preconditionFailed } from '../verbs/prepare-update.ts';
import type { CachedObject } from '../watch-cache/cached-object.ts';
import { actionAttributes } from './admit-action.ts';
import { DONE } from './done.ts';

export interface BindingDeps {
  readonly pod: KindDefinition;
  readonly objects: ObjectStore;
  readonly admission: () => Admission;
  readonly clock: Clock;
}

/** `pods/binding` and, for old schedulers, `bindings`, which name the pod in the body alone. */
export function createBindingHandlers(deps: BindingDeps): ActionHandler[] {
  return [
    {
      group: '',
      resource: 'pods',
      subresource: 'binding',
      handle: (context, body) => bind(deps, deps.pod, context, body!, context.info.name),
    },
    {
      group: '',
      resource: 'bindings',
      subresource: '',
      handle: (context, body) => bind(deps, bindingKind, context, body!, body!.metadata.name ?? ''),
    },
  ];
}

/** @throws StatusError 400, 404, 409, and 500 for a bad target, as upstream */
async function bind(
  { pod, objects, admission, clock }: BindingDeps,
  kind: KindDefinition,
  context: RequestContext,
  body: DynamicObject,
  name: string,
): Promise<typeof DONE> {
  const { dryRun } = parseWriteQuery(context.request.query, 'CreateOptions');
  const { namespace } = context.info;
  placeInNamespace(bindingKind, body, namespace);
  await admission().admit(actionAttributes(context, kind, { object: body, dryRun }));
  const binding = body as DynamicObject & V1Binding;
  if ((binding.metadata.name ?? '') !== name) throw badRequest('name in URL does not match name in Binding object');
  const errors = validateBinding(binding);
  if (errors.length) {
    const texts = errors.map(({ field, message }) => `${field}: ${message}`);
    throw unnamedFailure(texts.length === 1 ? texts[0]! : `[${texts.join(', ')}]`);
  }
  await admission().validate(actionAttributes(context, kind, { object: body, dryRun }));
  if (!name) throw badRequest('Name parameter required.');
  await objects.change({ kind: pod, namespace, name }, (existing): Change => {
    checkBindable(pod, existing, binding.metadata);
    const object = existing.decode();
    bindPod(object as V1Pod, binding, clock.now());
    return dryRun ? { type: 'none' } : { type: 'put', object };
  });
  return DONE;
}

function checkBindable(pod: KindDefinition, { key, object }: CachedObject, { uid, resourceVersion }: ObjectMeta): void {
  const { metadata } = object;
  const name = metadata.name!;
  if (uid && uid !== metadata.uid) throw preconditionFailed(pod, name, key, 'UID', uid, metadata.uid);
  if (resourceVersion && resourceVersion !== metadata.resourceVersion)
    throw preconditionFailed(pod, name, key, 'ResourceVersion', resourceVersion, metadata.resourceVersion);
  const why = whyNotBound(object as V1Pod);
  if (why) throw conflict({ group: '', resource: 'pods/binding' }, name, why);
}
