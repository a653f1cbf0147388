import type { SpokenProgram } from '../../host/spoken-program.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { quote } from '../../std/shell-word.ts';
import type { Transport } from '../transport/transport.ts';

/** Emptied by a reboot, with which who held it is gone. */
const LOCK_FILE = '/run/muster-deploy.lock';
const ANSWER_MS = 60_000;
const LONGEST_ANSWER = 4096;
/** How often the holder says that it is there. */
const BEAT_MS = 5_000;
/** A host lets go of a holder that it does not hear from. Ours hear of a dead link after as long: the same command can begin then. */
const SILENCE_S = 40;
const LAPSED = 'lapsed';

/**
 * Holds a lock (flock(2)) on a host for as long as its standard input is open, which ends with the process at the other end of the
 * connection, and lines come from it: of a dead link the host hears nothing for hours, and nobody has to break the lock. Says `locked`, or
 * `held` with what its holder wrote; `lapsed` when it has let go of a silent one.
 */
export const lockScript = (holder: string, file = LOCK_FILE, silenceS = SILENCE_S): string => `
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 077
command -v flock >/dev/null || { printf 'failed\\tthere is no flock: install the package util-linux\\n'; exit 1; }
command -v timeout >/dev/null || { printf 'failed\\tthere is no timeout: install the package coreutils\\n'; exit 1; }
exec 9<>${quote(file)} 8<>${quote(`${file}.turn`)} || { printf 'failed\\tcannot open %s\\n' ${quote(file)}; exit 1; }
# One at a time: who is refused reads the name of who holds it, and not that of who held it before.
flock 8
if flock -n 9; then
  printf '%s\\n' ${quote(holder)} > ${quote(file)}
  exec 8>&-
  printf 'locked\\n'
  while :; do timeout ${silenceS} sh -c 'read -r beat' 9>&- || { ended=$?; break; }; done
  # 1: there is nothing more to read.
  [ "$ended" -eq 1 ] || printf '${LAPSED}\\n'
else
  printf 'held\\t%s\\n' "$(head -n 1 ${quote(file)})"
fi
`;

export interface LockOptions {
  /** Of the hosts that are locked: all masters, so that whoever reaches one of them sees it. */
  readonly transports: ReadonlyMap<string, Transport>;
  /** Who locks, for others to read. */
  readonly holder: string;
  /** There has to be a host that can be reached: what nothing locks is not begun. */
  readonly isRequired?: boolean;
  readonly clock: Clock;
  readonly signal: AbortSignal;
}

/** Held until it is disposed of. */
export interface ClusterLock extends AsyncDisposable {
  /** The same way to a host, for as long as the lock is held. @throws (its calls) CodedError LOCK_LOST when a host has let go of it */
  guard(transport: Transport): Transport;
}

/**
 * Sees to it that only one command changes a cluster at a time. Hosts that cannot be reached are passed over: commands find out by themselves.
 *
 * @throws CodedError CLUSTER_LOCKED naming who holds it; LOCK_FAILED; HOSTS_UNREACHABLE where one is required; the abort reason
 */
export async function lockCluster({ transports, holder, isRequired = false, clock, signal }: LockOptions): Promise<ClusterLock> {
  const programs: SpokenProgram[] = [];
  const released = new AbortController();
  const release = async () => {
    released.abort();
    for (const { stream } of programs) stream.destroy();
    await Promise.all(programs.map(({ ended }) => ended));
  };
  const lapsed: string[] = [];
  const held = new Set<string>();
  const lockOne = async ([host, transport]: readonly [string, Transport]): Promise<void> => {
    const program = await transport.speak(lockScript(holder));
    programs.push(program);
    program.stream.on('data', (chunk: Buffer) => {
      if (chunk.toString().split('\n').includes(LAPSED)) lapsed.push(host);
    });
    requireLocked(host, await firstLine(program, clock, signal));
    held.add(host);
    void program.ended.then(() => held.delete(host));
  };
  const away = new Map<string, unknown>();
  const lockAll = async (hosts: readonly (readonly [string, Transport])[]): Promise<void> => {
    const results = await Promise.allSettled(hosts.map(lockOne));
    signal.throwIfAborted();
    for (const [i, result] of results.entries()) {
      if (result.status === 'fulfilled') continue;
      if (!isUnreachable(result.reason)) throw result.reason;
      away.set(hosts[i]![0], result.reason);
    }
  };
  const open = [...transports].sort(([a], [b]) => (a < b ? -1 : 1));
  try {
    // Hosts that do not answer take their time, which is waited for once.
    const answers = await Promise.allSettled(open.map(([, transport]) => transport.run(':', { signal })));
    signal.throwIfAborted();
    const reached = open.filter(([host], i) => {
      const answer = answers[i]!;
      if (answer.status === 'rejected' && isUnreachable(answer.reason)) away.set(host, answer.reason);
      return !away.has(host);
    });
    // Everybody begins with the same host: of several who come at once the one who gets it gets the others, too.
    while (held.size === 0 && reached.length > 0) await lockAll(reached.splice(0, 1));
    await lockAll(reached);
    if (isRequired && held.size === 0) throw noneReached(away);
  } catch (error) {
    await release();
    throw error;
  }
  void beat(programs, clock, released.signal);
  const isEmpty = held.size === 0;
  return {
    guard: (transport) => guarded(transport, lapsed, () => !isEmpty && held.size === 0),
    [Symbol.asyncDispose]: release,
  };
}

/** @throws CodedError unless this is what a host says that has locked */
function requireLocked(host: string, answer: string): void {
  const [what, ...more] = answer.split('\t');
  const says = more.join(' ');
  if (what === 'locked') return;
  if (what === 'held')
    throw new CodedError(`another command is changing this cluster: ${says || 'it does not say which'} (told by ${host})`, {
      code: 'CLUSTER_LOCKED',
      retryable: true,
    });
  throw new CodedError(`${host} cannot be locked: ${says || JSON.stringify(answer.slice(0, 200))}`, { code: 'LOCK_FAILED' });
}

const isUnreachable = (error: unknown): boolean => error instanceof CodedError && error.code === 'HOST_UNREACHABLE';

function noneReached(away: ReadonlyMap<string, unknown>): CodedError {
  const why = [...away].map(([host, reason]) => `${host}: ${(reason as Error).message}`);
  return new CodedError(`nothing was done: no master can be reached: ${why.join('; ')}`, {
    code: 'HOSTS_UNREACHABLE',
    retryable: true,
  });
}

/** Tells hosts every few seconds that their holder is there. What cannot be told is heard of by who works on the host. */
async function beat(programs: readonly SpokenProgram[], clock: Clock, released: AbortSignal): Promise<void> {
  for (;;) {
    await clock.sleep(BEAT_MS, released).catch(() => undefined); // released
    if (released.aborted) return;
    for (const { stream } of programs) if (stream.writable) stream.write('\n');
  }
}

/** Who was stopped for so long that a host let go may not go on: another command may have begun meanwhile. */
function guarded(transport: Transport, lapsed: readonly string[], hasEnded: () => boolean): Transport {
  const requireHeld = () => {
    if (lapsed.length === 0) {
      if (!hasEnded()) return;
      throw new CodedError(
        "the connections that held this command's lock have ended: another may have begun; the same command goes on from here",
        { code: 'LOCK_LOST', retryable: true },
      );
    }
    throw new CodedError(
      `this command was not heard of for ${SILENCE_S} s, and ${lapsed.join(', ')} let go of its lock: another may have begun; the same command goes on from here`,
      { code: 'LOCK_LOST', retryable: true },
    );
  };
  return {
    ...transport,
    async run(script, options) {
      requireHeld();
      return transport.run(script, options);
    },
    async speak(script) {
      requireHeld();
      return transport.speak(script);
    },
  };
}

/** What a program says first; empty when it ends before. */
async function firstLine({ stream, ended }: SpokenProgram, clock: Clock, signal: AbortSignal): Promise<string> {
  let said = '';
  const heard = new Promise<string>((resolve) => {
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(0, LONGEST_ANSWER);
      if (said.includes('\n')) resolve(said.slice(0, said.indexOf('\n')));
    });
    void ended.then(({ stderr }) => resolve(`failed\t${stderr.trim().replaceAll('\n', ' | ')}`));
  });
  const late = new AbortController();
  try {
    return await Promise.race([
      heard,
      clock.sleep(ANSWER_MS, AbortSignal.any([signal, late.signal])).then(() => 'failed\tit does not answer'),
    ]);
  } finally {
    late.abort();
  }
}
