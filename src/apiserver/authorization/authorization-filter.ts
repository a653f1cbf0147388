import type { AuthorizationAttributes, Authorizer, Filter, RequestContext } from '../contracts.ts';
import { forbiddenTo } from './forbidden.ts';

const SELECTING = new Set(['list', 'watch', 'deletecollection']);

/** What a decision about a request is made on. */
export function attributesOf({ info, user, request }: RequestContext): AuthorizationAttributes {
  const selecting = info.isResourceRequest && SELECTING.has(info.verb);
  const fieldSelector = selecting ? request.query.get('fieldSelector') : undefined;
  const labelSelector = selecting ? request.query.get('labelSelector') : undefined;
  return { ...info, user, ...(fieldSelector && { fieldSelector }), ...(labelSelector && { labelSelector }) };
}

/** Lets only allowed requests pass; rejects others with upstream's 403. */
export function createAuthorizationFilter(authorizer: Authorizer): Filter {
  return (next) => async (context, response) => {
    const attributes = attributesOf(context);
    const { decision, reason } = await authorizer.authorize(attributes);
    context.audit?.addAuditAnnotation('authorization.k8s.io/decision', decision === 'allow' ? 'allow' : 'forbid');
    context.audit?.addAuditAnnotation('authorization.k8s.io/reason', reason);
    if (decision !== 'allow') throw forbiddenTo(attributes, reason);
    await next(context, response);
  };
}
