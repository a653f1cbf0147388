import type { DynamicObject } from '../../api/machinery/object.ts';
import { badRequest } from '../../api/machinery/status-error.ts';
import type { ActionHandler, RequestContext } from '../contracts.ts';

/** Answers a review with the object that was sent, or with its kind alone, and a status: 201, as for anything created. */
export function reviewAction(
  kind: { readonly group: string; readonly resource: string; readonly statusAlone?: true },
  answer: (body: DynamicObject, context: RequestContext) => Promise<Record<string, unknown>>,
): ActionHandler {
  return {
    group: kind.group,
    resource: kind.resource,
    subresource: '',
    admitFirst: true,
    async handle(context, body) {
      if (!body) throw badRequest(`a ${kind.resource} request must have a body`);
      const status = await answer(body, context);
      const { apiVersion, kind: name } = body;
      const echoed = kind.statusAlone ? { apiVersion, kind: name, metadata: {}, spec: {} } : body;
      return { status: 201, object: { ...echoed, status } };
    },
  };
}
