import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import type { HostObservations } from '../observations.ts';
import { HOST_SCRIPT } from './host-script.ts';
import { readHost } from './read-host.ts';

export interface LookOptions {
  readonly run: RunProgram;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  /** Instead of the user's own configuration of ssh. */
  readonly config?: string;
  /** Stands for `/`, for tests. */
  readonly root?: string;
}

const PATIENCE_MS = 30_000;
/** As root where that needs no password; else as far as the user may. */
const AS_ROOT = 'if [ "$(id -u)" != 0 ] && sudo -n true 2>/dev/null; then exec sudo -n sh -s; else exec sh -s; fi';

/** Looks at this host, as root or as far as the user may. Of keys nothing is read but who may read them. */
export async function lookAtHost({ run, signal, root = '', timeoutMs = PATIENCE_MS }: LookOptions): Promise<HostObservations> {
  const { stdout } = await run('sh', ['-s'], {
    input: `ROOT='${root.replaceAll("'", "'\\''")}'\n${HOST_SCRIPT}`,
    signal,
    timeoutMs,
  });
  return readHost(stdout);
}

/**
 * The same on another host by the system's OpenSSH client: the user's configuration, agent and known hosts apply, and no password is asked.
 * @param target `host` or `user@host`, as for ssh
 * @throws CodedError `SSH_FAILED` with what ssh said
 */
export async function lookAtHostBySsh(
  target: string,
  { run, signal, config, timeoutMs = PATIENCE_MS }: LookOptions,
): Promise<HostObservations> {
  try {
    const { stdout } = await run(
      'ssh',
      [...(config ? ['-F', config] : []), '-o', 'BatchMode=yes', '-o', 'ConnectTimeout=10', '--', target, AS_ROOT],
      {
        ...{ input: HOST_SCRIPT, signal, timeoutMs },
      },
    );
    return readHost(stdout, `${target}:`);
  } catch (cause) {
    signal.throwIfAborted();
    if (!(cause instanceof ProgramError)) throw cause;
    const said = cause.stderr.trim().split('\n').at(-1) || cause.message;
    throw new CodedError(`${target} cannot be looked at by ssh: ${said}`, { code: 'SSH_FAILED', cause });
  }
}
