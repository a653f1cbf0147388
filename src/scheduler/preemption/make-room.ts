import type { Nominations } from '../nominations.ts';
import type { PodInfo } from '../pod-info.ts';
import { writeStatus } from '../report-failure.ts';
import { type EvictionContext, evictVictim } from './evict-victim.ts';
import type { Candidate } from './victims.ts';

/** Lets the victims go, and sends pods of a lower priority that waited for room on the node to look elsewhere. */
export async function makeRoom(
  preemptor: PodInfo,
  { node, victims }: Candidate,
  { nominations, ...context }: EvictionContext & { readonly nominations: Nominations },
): Promise<void> {
  await Promise.all(victims.map(({ pod }) => evictVictim(pod, preemptor.pod, node.name, context)));
  for (const other of nominations.below(node.name, preemptor.priority)) {
    nominations.delete(other.uid);
    const patch = { metadata: { uid: other.uid }, status: { nominatedNodeName: null } };
    await writeStatus(context.client, other.pod, patch, context.signal);
  }
}
