import type { KindDefinition } from '../../api/machinery/kind.ts';
import type { DynamicObject } from '../../api/machinery/object.ts';
import type { Admission, AdmissionAttributes, RequestContext } from '../contracts.ts';
import { givenWriteOptions } from '../request/query-options.ts';

/** What admission is asked of an action on `kind`; `object` is the action's own, such as a Binding. */
export function actionAttributes(
  { info, user, request, warnings, audit, deadlineMs }: RequestContext,
  kind: KindDefinition,
  { object, oldObject, dryRun }: { object: DynamicObject; oldObject?: DynamicObject; dryRun: boolean },
): AdmissionAttributes {
  return {
    operation: oldObject ? 'UPDATE' : 'CREATE',
    kind,
    subresource: info.subresource,
    namespace: info.namespace,
    name: info.name || (object.metadata?.name ?? ''),
    object,
    oldObject,
    user,
    dryRun,
    options: givenWriteOptions(request.query),
    warnings,
    ...(audit && { audit }),
    ...(deadlineMs !== undefined && { deadlineMs }),
  };
}

/** @throws StatusError of the plugin that refuses */
export async function admitAction(admission: Admission, attributes: AdmissionAttributes): Promise<void> {
  await admission.admit(attributes);
  await admission.validate(attributes);
}
