import { ProgramError, type ProgramOutput, type RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';

export interface SshOptions {
  readonly run: RunProgram;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  /** Instead of the user's own configuration of ssh. */
  readonly config?: string;
}

const PATIENCE_MS = 60_000;
/** As root where that needs no password; else as far as the user may. */
const AS_ROOT = 'if [ "$(id -u)" != 0 ] && sudo -n true 2>/dev/null; then exec sudo -n sh -s; else exec sh -s; fi';

/**
 * Runs a script on another host by the system's OpenSSH client: the user's configuration, agent and known hosts apply, and no password is
 * asked. The script goes over standard input, so that nothing of it shows in lists of processes.
 * @param target `host` or `user@host`, as for ssh
 * @throws CodedError `SSH_FAILED` with what ssh or the script said
 */
export async function runBySsh(
  target: string,
  script: string,
  { run, signal, config, timeoutMs = PATIENCE_MS }: SshOptions,
): Promise<ProgramOutput> {
  const options = [...(config ? ['-F', config] : []), '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10'];
  try {
    return await run('ssh', [...options, '--', target, AS_ROOT], { input: script, signal, timeoutMs });
  } catch (cause) {
    signal.throwIfAborted();
    if (!(cause instanceof ProgramError)) throw cause;
    const said = cause.stderr.trim().split('\n').at(-1) || cause.message;
    throw new CodedError(`${target} cannot be reached by ssh: ${said}`, { code: 'SSH_FAILED', cause });
  }
}
