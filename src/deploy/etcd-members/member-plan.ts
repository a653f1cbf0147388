import type { Member, MemberStatus } from './member-client.ts';

/** A member as its host and the cluster see it. */
export interface SeenMember extends Member {
  /** Undefined: it does not answer. */
  readonly status: MemberStatus | undefined;
}

/** Whether a member votes and answers. */
export const serves = ({ status, isLearner }: SeenMember) => status !== undefined && status.leader !== '0' && !isLearner;
/** How many of so many voters have to agree. */
export const majority = (voters: number) => Math.floor(voters / 2) + 1;

/** Why one of the members may not be taken out; empty when a majority of those that stay serves. */
export function checkRemoval(members: readonly SeenMember[], member: SeenMember): string[] {
  const name = member.name || member.id;
  const voters = members.filter(({ isLearner }) => !isLearner);
  const staying = voters.filter((one) => one !== member);
  if (!member.isLearner && staying.length === 0) return [`${name} is the only member of etcd`];
  const good = staying.filter(serves);
  // Now, too: the removal itself has to be agreed on.
  const agreeing = voters.filter(serves).length;
  if (agreeing < majority(voters.length)) return [`etcd has no majority now: ${agreeing} of ${voters.length} members serve`];
  return good.length >= majority(staying.length)
    ? []
    : [
        `without ${name} ${good.length} of ${staying.length} members of etcd would serve, and ${majority(staying.length)} are needed`,
      ];
}

/**
 * In which order members are defragmented: each serves nobody meanwhile, so one at a time, and who leads as the last. One that does not
 * serve, or learns, ends it beforehand.
 */
export function planDefragmentation(members: readonly SeenMember[]): {
  readonly order: readonly SeenMember[];
  readonly problems: readonly string[];
} {
  const ill = members.filter((member) => !serves(member));
  const leads = ({ id, status }: SeenMember) => Number(status?.leader === id);
  return {
    order: [...members].sort((a, b) => leads(a) - leads(b)),
    problems: ill.map(({ name, id, isLearner }) => `member ${name || id} ${isLearner ? 'is still learning' : 'does not serve'}`),
  };
}
