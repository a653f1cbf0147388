import type { SpokenProgram } from '../../host/spoken-program.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { quote, type Transport } from '../transport/transport.ts';

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
exec 9<>${quote(file)} || { printf 'failed\\tcannot open %s\\n' ${quote(file)}; exit 1; }
if flock -n 9; then
  printf '%s\\n' ${quote(holder)} > ${quote(file)}
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
 * @throws CodedError CLUSTER_LOCKED naming who holds it; LOCK_FAILED; the abort reason
 */
export async function lockCluster({ transports, holder, clock, signal }: LockOptions): Promise<ClusterLock> {
  const programs: SpokenProgram[] = [];
  const released = new AbortController();
  const release = async () => {
    released.abort();
    for (const { stream } of programs) stream.destroy();
    await Promise.all(programs.map(({ ended }) => ended));
  };
  const lapsed: string[] = [];
  const answers = await Promise.allSettled(
    [...transports].map(async ([host, transport]) => {
      const program = await transport.speak(lockScript(holder));
      programs.push(program);
      program.stream.on('data', (chunk: Buffer) => {
        if (chunk.toString().split('\n').includes(LAPSED)) lapsed.push(host);
      });
      return { host, answer: await firstLine(program, clock, signal) };
    }),
  );
  try {
    signal.throwIfAborted();
    for (const result of answers) {
      if (result.status === 'rejected') {
        if (result.reason instanceof CodedError && result.reason.code === 'HOST_UNREACHABLE') continue;
        throw result.reason;
      }
      const { host, answer } = result.value;
      const [what, ...more] = answer.split('\t');
      const says = more.join(' ');
      if (what === 'locked') continue;
      if (what === 'held')
        throw new CodedError(`another command is changing this cluster: ${says || 'it does not say which'} (told by ${host})`, {
          code: 'CLUSTER_LOCKED',
          retryable: true,
        });
      throw new CodedError(`${host} cannot be locked: ${says || JSON.stringify(answer.slice(0, 200))}`, { code: 'LOCK_FAILED' });
    }
  } catch (error) {
    await release();
    throw error;
  }
  void beat(programs, clock, released.signal);
  return { guard: (transport) => guarded(transport, lapsed), [Symbol.asyncDispose]: release };
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
function guarded(transport: Transport, lapsed: readonly string[]): Transport {
  const requireHeld = () => {
    if (lapsed.length === 0) return;
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
