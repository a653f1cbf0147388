import type { AuthorizationAttributes, Authorizer, Decision, Filter, RequestContext } from '../contracts.ts';
import { forbiddenTo } from './forbidden.ts';

const SELECTING = new Set(['list', 'watch', 'deletecollection']);

/** What a decision about a request is made on. */
export function attributesOf({ info, user, request }: RequestContext): AuthorizationAttributes {
  const selecting = info.isResourceRequest && SELECTING.has(info.verb);
  const fieldSelector = selecting ? request.query.get('fieldSelector') : undefined;
  const labelSelector = selecting ? request.query.get('labelSelector') : undefined;
  return { ...info, user, ...(fieldSelector && { fieldSelector }), ...(labelSelector && { labelSelector }) };
}

/** Told of each decision about a request, and how long it took; of none when the authorizer failed. */
export interface DecisionObserver {
  decided(decision: 'allow' | 'deny' | 'no-opinion' | undefined, seconds: number): void;
}

/** Lets only allowed requests pass; rejects others with upstream's 403. */
export function createAuthorizationFilter(authorizer: Authorizer, observer?: DecisionObserver): Filter {
  return (next) => async (context, response) => {
    const attributes = attributesOf(context);
    const startMs = performance.now();
    let decided: Decision | undefined;
    try {
      decided = await authorizer.authorize(attributes);
    } finally {
      observer?.decided(decided?.decision, (performance.now() - startMs) / 1000);
    }
    const { decision, reason } = decided;
    context.audit?.addAuditAnnotation('authorization.k8s.io/decision', decision === 'allow' ? 'allow' : 'forbid');
    context.audit?.addAuditAnnotation('authorization.k8s.io/reason', reason);
    if (decision !== 'allow') throw forbiddenTo(attributes, reason);
    await next(context, response);
  };
}
