import type { DynamicObject } from '../../api/machinery/object.ts';
import { badRequest } from '../../api/machinery/status-error.ts';
import type { ActionHandler, RequestContext } from '../contracts.ts';

/** Answers a review with the object that was sent and a status: 201, as for anything created. */
export function reviewAction(
  kind: { readonly group: string; readonly resource: string },
  answer: (body: DynamicObject, context: RequestContext) => Promise<Record<string, unknown>>,
): ActionHandler {
  return {
    group: kind.group,
    resource: kind.resource,
    subresource: '',
    admitFirst: true,
    async handle(context, body) {
      if (!body) throw badRequest(`a ${kind.resource} request must have a body`);
      return { status: 201, object: { ...body, status: await answer(body, context) } };
    },
  };
}
