import { forbiddenTo } from '../authorization/forbidden.ts';
import type { Authorizer, RequestContext } from '../contracts.ts';

/** A request was let in for an update; that it creates is a right of its own. Throws 403. */
export async function requireCreate(authorizer: Authorizer, { info, user }: RequestContext): Promise<void> {
  const attributes = { ...info, user, verb: 'create' };
  const { decision, reason } = await authorizer.authorize(attributes);
  if (decision !== 'allow') throw forbiddenTo(attributes, reason);
}
