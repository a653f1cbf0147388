import { createHash } from 'node:crypto';
import { subjectAccessReviewKind } from '../../api/authorization/v1/subject-access-review.ts';
import type { V1SubjectAccessReview } from '../../api/gen/types.ts';
import type { Client } from '../../client/client.ts';
import type { Clock } from '../../std/clock.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import type { RequestUser } from './authentication.ts';
import { ExpiringCache } from './expiring-cache.ts';
import type { NodeAttributes } from './request-attributes.ts';

/** Rejects when the API server could not be asked. */
export type Authorize = (user: RequestUser, attributes: NodeAttributes) => Promise<boolean>;

const CACHE_CAPACITY = 4096;

/** Authorization by SubjectAccessReview on the Node (mode Webhook), answers remembered; or none (AlwaysAllow). */
export function createAuthorization(options: {
  configuration: KubeletConfiguration;
  nodeName: string;
  client: Client;
  clock: Clock;
}): Authorize {
  const { mode, webhook } = options.configuration.authorization;
  if (mode === 'AlwaysAllow') return async () => true;
  const reviews = options.client.resource<V1SubjectAccessReview>(subjectAccessReviewKind);
  const allowedMs = parseGoDuration(webhook.cacheAuthorizedTTL);
  const deniedMs = parseGoDuration(webhook.cacheUnauthorizedTTL);
  const cache = new ExpiringCache<boolean>({
    clock: options.clock,
    capacity: CACHE_CAPACITY,
    ttlMs: (allowed) => (allowed ? allowedMs : deniedMs),
  });

  async function ask(user: RequestUser, verb: string, subresource: string): Promise<boolean> {
    const { status } = await reviews.create<V1SubjectAccessReview>({
      apiVersion: 'authorization.k8s.io/v1',
      kind: 'SubjectAccessReview',
      spec: {
        user: user.name,
        ...(user.uid && { uid: user.uid }),
        groups: [...user.groups],
        ...(user.extra && { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) }),
        resourceAttributes: { verb, version: 'v1', resource: 'nodes', subresource, name: options.nodeName },
      },
    });
    return status?.allowed === true;
  }

  return async (user, { verb, subresources }) => {
    for (const subresource of subresources) {
      const key = createHash('sha256')
        .update(JSON.stringify([user.name, user.uid, user.groups, user.extra, verb, subresource]))
        .digest('base64');
      if (await cache.get(key, () => ask(user, verb, subresource))) return true;
    }
    return false;
  };
}

/** The line that a refused user gets. Where two subresources were asked about it names both, as newer releases of upstream do. */
export function forbiddenMessage(user: RequestUser, { verb, subresources }: NodeAttributes): string {
  const asked = subresources.length === 1 ? `subresource=${subresources[0]}` : `subresource(s)=[${subresources.join(' ')}]`;
  return `Forbidden (user=${user.name}, verb=${verb}, resource=nodes, ${asked})`;
}
