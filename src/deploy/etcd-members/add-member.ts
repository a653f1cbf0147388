import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { EtcdBeginning } from '../desired/etcd.ts';
import { type AdditionPlan, beginningAmong, type Candidate, memberFor } from './addition-plan.ts';
import type { MemberClient } from './member-client.ts';
import { type SeenMember, serves } from './member-plan.ts';
import { untilTaken } from './until-taken.ts';

/** What adding a member does. */
export interface AdditionRun {
  /** The members as they are now. */
  read(): Promise<readonly SeenMember[]>;
  /** A way to a member that serves, and is not the host's own. */
  client(members: readonly SeenMember[]): MemberClient;
  /** Ends etcd on the host, and deletes what lies there. */
  clear(): Promise<void>;
  /** Starts etcd on the host. @param beginning undefined: it has begun already */
  start(beginning: EtcdBeginning | undefined): Promise<void>;
  readonly progress: (line: string) => void;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

const IN_STEP_MS = 600_000;
const POLL_MS = 1_000;

/**
 * Makes a host a member of etcd: it gets all data before its vote counts, so that a majority stays whatever becomes of it. Ended anywhere, the
 * next plan goes on from there.
 *
 * @throws CodedError MEMBER_NOT_IN_STEP when it does not serve after a time; ETCD_FAILED; the abort reason
 */
export async function addMember({ steps }: AdditionPlan, candidate: Candidate, run: AdditionRun): Promise<void> {
  const { progress, clock, signal } = run;
  const { name, peerUrl, hasData } = candidate;
  for (const step of steps) {
    signal.throwIfAborted();
    const members = await run.read();
    const own = memberFor(members, candidate);
    if (step === 'remove' && own) {
      await untilTaken(() => run.client(members).remove(own.id), { clock, signal });
      progress(`${name}: the member that it was is out of etcd`);
    } else if (step === 'clear') await run.clear();
    else if (step === 'add' && !own) {
      await untilTaken(() => run.client(members).addLearner(peerUrl), { clock, signal });
      progress(`${name}: a member of etcd that learns`);
    } else if (step === 'start') {
      const isNew = !hasData || steps.includes('add');
      await run.start(isNew ? { cluster: beginningAmong(members, candidate), state: 'existing' } : undefined);
    } else if (step === 'promote') await promote(candidate, run);
  }
  if (steps.length > 0) await awaitMember(candidate, run, serves);
}

/** Until it has what the others have, and votes. */
async function promote(candidate: Candidate, run: AdditionRun): Promise<void> {
  let why = '';
  await awaitMember(
    candidate,
    run,
    async (own, members) => {
      if (!own.isLearner) return true;
      try {
        await run.client(members).promote(own.id);
      } catch (error) {
        run.signal.throwIfAborted();
        // It is behind the leader still, or has not been connected for long: etcd says which, and looks at it anew each time.
        why = (error as Error).message;
      }
      return false;
    },
    () => why,
  );
  run.progress(`${candidate.name}: a member of etcd that votes`);
}

async function awaitMember(
  candidate: Candidate,
  { read, clock, signal }: AdditionRun,
  isDone: (own: SeenMember, members: readonly SeenMember[]) => boolean | Promise<boolean>,
  why = () => '',
): Promise<void> {
  const endMs = clock.now() + IN_STEP_MS;
  for (;;) {
    const members = await read();
    const own = memberFor(members, candidate);
    if (own && (await isDone(own, members))) return;
    if (clock.now() > endMs)
      throw new CodedError(
        `member ${candidate.name} of etcd ${own ? 'does not serve' : 'is no member any more'}${why() && `: ${why()}`}; the same command goes on from here`,
        { code: 'MEMBER_NOT_IN_STEP', retryable: true },
      );
    await clock.sleep(POLL_MS, signal);
  }
}
