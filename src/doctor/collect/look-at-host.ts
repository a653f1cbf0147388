import type { RunProgram } from '../../host/run-program.ts';
import type { Clock } from '../../std/clock.ts';
import type { HostObservations } from '../observations.ts';
import { HOST_SCRIPT } from './host-script.ts';
import { readHost } from './read-host.ts';
import { runBySsh, type SshOptions } from './run-by-ssh.ts';

export interface LookOptions {
  readonly run: RunProgram;
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  /** Stands for `/`, for tests. */
  readonly root?: string;
}

const PATIENCE_MS = 60_000;

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
 * The same on another host.
 * @param target `host` or `user@host`, as for ssh
 * @throws CodedError `SSH_FAILED` with what ssh said
 */
export async function lookAtHostBySsh(
  target: string,
  options: SshOptions & { readonly clock?: Pick<Clock, 'now'> },
): Promise<HostObservations> {
  const fromMs = options.clock?.now();
  const { stdout } = await runBySsh(target, HOST_SCRIPT, options);
  const span = fromMs === undefined ? undefined : { fromMs, toMs: options.clock!.now() };
  return readHost(stdout, `${target}:`, span);
}
