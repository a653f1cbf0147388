import { CodedError } from '../../std/coded-error.ts';

/** Host ids for pods' user namespaces: from `first`, `count` of them. */
export interface IdRange {
  readonly first: number;
  readonly count: number;
}

/** Whose ranges in /etc/subuid and /etc/subgid pods get (subuid(5)). */
const USER = 'kubelet';
const LARGEST_ID = 2 ** 32 - 1;

export interface SubIds {
  /** The texts of /etc/subuid and /etc/subgid; empty when they are not there. */
  readonly uids: string;
  readonly gids: string;
  /** Ids of each pod. */
  readonly length: number;
  readonly maxPods: number;
}

/**
 * The range of the user `kubelet`, or without one all that `maxPods` need from `length` on.
 *
 * @throws CodedError SUB_IDS_INVALID in upstream's words (pkg/kubelet/userns): ranges must be the same for both, aligned and large enough
 */
export function idRangeOf({ uids, gids, length, maxPods }: SubIds): IdRange {
  const uid = rangeOf(uids);
  const gid = rangeOf(gids);
  if (!uid && !gid) {
    const count = length * maxPods;
    if (length + count > LARGEST_ID) throw refusal(`user namespaces of ${length} ids are not enough to support ${maxPods} pods`);
    return { first: length, count };
  }
  if (!uid || !gid || uid.first !== gid.first || uid.count !== gid.count)
    throw refusal(
      `user and group ids have different mappings for the user ${JSON.stringify(USER)} in /etc/subuid and /etc/subgid`,
    );
  if (uid.first % length !== 0) throw refusal(`kubelet user assigned ID ${uid.first} is not a multiple of ${length}`);
  // Id 0 of the host in a pod would be root.
  if (uid.first < length) throw refusal(`kubelet user assigned ID ${uid.first} must be greater or equal to ${length}`);
  if (uid.count % length !== 0) throw refusal(`kubelet user assigned IDs length ${uid.count} is not a multiple of ${length}`);
  if (uid.count / length < maxPods) throw refusal(`kubelet user assigned IDs are not enough to support ${maxPods} pods`);
  return uid;
}

function rangeOf(text: string): IdRange | undefined {
  const ranges = text.split('\n').flatMap((line) => {
    const [user, first, count] = line.trim().split(':');
    return user === USER && /^\d+$/.test(first ?? '') && /^\d+$/.test(count ?? '')
      ? [{ first: Number(first), count: Number(count) }]
      : [];
  });
  if (ranges.length > 1) throw refusal(`the user ${JSON.stringify(USER)} has more than one range of subordinate ids`);
  return ranges[0];
}

const refusal = (message: string) => new CodedError(message, { code: 'SUB_IDS_INVALID' });
