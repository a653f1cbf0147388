import type { SpokenProgram } from '../../host/spoken-program.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';
import { quote, type Transport } from '../transport/transport.ts';

/** Emptied by a reboot, with which who held it is gone. */
const LOCK_FILE = '/run/muster-deploy.lock';
const ANSWER_MS = 60_000;
const LONGEST_ANSWER = 4096;

/**
 * Holds a lock (flock(2)) on a host for as long as its standard input is open, which ends with the process at the other end of the
 * connection, or with the connection: nobody has to break it. Says `locked`, or `held` with what its holder wrote.
 */
export const lockScript = (holder: string, file = LOCK_FILE): string => `
PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin
umask 077
command -v flock >/dev/null || { printf 'failed\\tthere is no flock: install the package util-linux\\n'; exit 1; }
exec 9<>${quote(file)} || { printf 'failed\\tcannot open %s\\n' ${quote(file)}; exit 1; }
if flock -n 9; then
  printf '%s\\n' ${quote(holder)} > ${quote(file)}
  printf 'locked\\n'
  cat >/dev/null 9>&-
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

/**
 * Sees to it that only one command changes a cluster at a time. Hosts that cannot be reached are passed over: commands find out by themselves.
 *
 * @throws CodedError CLUSTER_LOCKED naming who holds it; LOCK_FAILED; the abort reason
 */
export async function lockCluster({ transports, holder, clock, signal }: LockOptions): Promise<AsyncDisposable> {
  const programs: SpokenProgram[] = [];
  const release = async () => {
    for (const { stream } of programs) stream.destroy();
    await Promise.all(programs.map(({ ended }) => ended));
  };
  const answers = await Promise.allSettled(
    [...transports].map(async ([host, transport]) => {
      const program = await transport.speak(lockScript(holder));
      programs.push(program);
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
  return { [Symbol.asyncDispose]: release };
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
