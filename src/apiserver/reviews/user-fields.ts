import type { V1UserInfo } from '../../api/gen/types.ts';
import type { UserInfo } from '../contracts.ts';

/** A user as authentication.k8s.io writes it. */
export function toUserFields(user: UserInfo): V1UserInfo {
  return {
    username: user.name,
    ...(user.uid && { uid: user.uid }),
    groups: [...user.groups],
    ...(user.extra && { extra: Object.fromEntries(Object.entries(user.extra).map(([key, values]) => [key, [...values]])) }),
  };
}
