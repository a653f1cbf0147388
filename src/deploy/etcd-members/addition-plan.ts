import { checkRemoval, majority, type SeenMember, serves } from './member-plan.ts';

/** The host that is to have a member. */
export interface Candidate {
  readonly name: string;
  readonly peerUrl: string;
  /** There is data of a member on it. */
  readonly hasData: boolean;
}

/**
 * `remove`: the member that it was, of which the data is gone; `clear`: what runs and lies there of one; `add`: as one that learns and does
 * not vote; `start`: etcd there; `promote`: it votes from then on.
 */
export type AdditionStep = 'remove' | 'clear' | 'add' | 'start' | 'promote';

export interface AdditionPlan {
  /** What is yet to be done; empty when the host has a member that serves. */
  readonly steps: readonly AdditionStep[];
  /** Each of them ends it before anything is touched. */
  readonly problems: readonly string[];
}

/** The first that lets members learn before they vote. */
const LEAST_VERSION = [3, 4] as const;

/** The member of a host. One that has not begun yet has no name. */
export const memberFor = (
  members: readonly SeenMember[],
  { name, peerUrl }: Pick<Candidate, 'name' | 'peerUrl'>,
): SeenMember | undefined =>
  members.find(({ peerUrls }) => peerUrls.includes(peerUrl)) ?? members.find((member) => member.name === name);

/** What has to be done for a host to be a member, given what the members say and what lies there. Goes on where it was ended. */
export function planMember(members: readonly SeenMember[], candidate: Candidate): AdditionPlan {
  const { name, peerUrl, hasData } = candidate;
  const own = memberFor(members, candidate);
  const refused = (...problems: string[]): AdditionPlan => ({ steps: [], problems });
  if (own && own.name !== '' && own.name !== name) return refused(`${peerUrl} is the address of member ${own.name} of etcd`);
  if (own && !own.peerUrls.includes(peerUrl))
    return refused(`member ${name} of etcd has the address ${own.peerUrls.join(', ')}, and the inventory says ${peerUrl}`);
  if (!own && hasData)
    return refused(`${name} has data of a member of etcd, which it is not: "muster deploy etcd remove ${name}" deletes it`);
  const steps = stepsOf(own, hasData);
  const problems = steps.length === 0 ? [] : problemsOf(members, own, name, steps);
  return problems.length > 0 ? refused(...problems) : { steps, problems };
}

/** The plans for several hosts, each with the members as they are when those before it have become ones. */
export function planMembers(members: readonly SeenMember[], candidates: readonly Candidate[]): AdditionPlan[] {
  let then = members;
  return candidates.map((candidate) => {
    const plan = planMember(then, candidate);
    const own = memberFor(then, candidate);
    const { name, peerUrl } = candidate;
    const id = own?.id ?? `of ${name}`;
    const sample = then.find(serves)?.status;
    const status = sample && { ...sample, id };
    then = [...then.filter((member) => member !== own), { id, name, peerUrls: [peerUrl], isLearner: false, status }];
    return plan;
  });
}

function stepsOf(own: SeenMember | undefined, hasData: boolean): AdditionStep[] {
  if (!own) return ['add', 'start', 'promote'];
  const hasBegun = own.name !== '';
  if (hasBegun && !hasData) return ['remove', 'clear', 'add', 'start', 'promote'];
  if (own.isLearner) return ['start', 'promote'];
  return serves(own) ? [] : ['start'];
}

function problemsOf(
  members: readonly SeenMember[],
  own: SeenMember | undefined,
  name: string,
  steps: readonly AdditionStep[],
): string[] {
  const voters = members.filter(({ isLearner }) => !isLearner);
  const agreeing = voters.filter(serves).length;
  if (agreeing < majority(voters.length)) return [`etcd has no majority now: ${agreeing} of ${voters.length} members serve`];
  const others = voters.filter((member) => member !== own);
  const votersThen = others.length + 1;
  // It is not known of the new one yet that it will serve.
  const servingThen = others.filter(serves).length + 1;
  const learner = members.find((member) => member.isLearner && member !== own);
  const old = others.find(({ status }) => status !== undefined && isOlder(status.version));
  return [
    ...(own && steps.includes('remove') ? checkRemoval(members, own) : []),
    ...(servingThen < majority(votersThen)
      ? [`with ${name} ${servingThen} of ${votersThen} members of etcd would serve, and ${majority(votersThen)} are needed`]
      : []),
    ...(learner && steps.includes('add')
      ? [`member ${learner.name || learner.id} of etcd is still learning: it comes first`]
      : []),
    ...(old ? [`member ${old.name} is etcd ${old.status?.version}; ${LEAST_VERSION.join('.')} or later is needed`] : []),
  ];
}

function isOlder(version: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return major < LEAST_VERSION[0] || (major === LEAST_VERSION[0] && minor < LEAST_VERSION[1]);
}

/** What a member that joins is told of the others: exactly those that etcd knows, itself among them. */
export const beginningAmong = (members: readonly SeenMember[], { name, peerUrl }: Candidate): string =>
  members
    .flatMap((member) => member.peerUrls.map((url) => `${member.peerUrls.includes(peerUrl) ? name : member.name}=${url}`))
    .join(',');
