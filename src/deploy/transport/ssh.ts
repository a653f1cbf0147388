import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';
import type { SshSettings } from '../../api/config/v1/inventory.ts';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import { asRoot, quote, type Transport } from './transport.ts';

export interface SshTransportOptions {
  /** The host's name in ssh's configuration, or its address. */
  readonly destination: string;
  readonly settings: SshSettings;
  /** Where the connection's socket is made; of this process alone, and short: a socket's path has at most 104 characters. */
  readonly socket: string;
  readonly run: RunProgram;
}

const TIMEOUT_MS = 600_000;
const CONNECT_TIMEOUT_MS = 120_000;
const CONNECT_ATTEMPTS = 3;
/** ssh's own failures end with it, and so may a script's. */
const SSH_FAILED = 255;

/**
 * Acts on a host by the system's OpenSSH client, so that the user's configuration, agent, jump hosts and known hosts count. One connection
 * serves all that is done (ControlMaster); it ends a minute after its last use.
 */
export function createSshTransport({ destination, settings, socket, run }: SshTransportOptions): Transport {
  const target = settings.user ? `${settings.user}@${destination}` : destination;
  const args = sshArguments(settings, socket);
  const explain = (error: unknown): unknown =>
    isUnreachable(error)
      ? new CodedError(`cannot reach ${target}: ${error.stderr.trim().split('\n').at(-1) || error.message}`, {
          code: 'HOST_UNREACHABLE',
          retryable: true,
          cause: error,
        })
      : error;
  /** The connection, made once and tried again: nothing has been done by then. */
  let connected: Promise<void> | undefined;
  const connect = async (signal: AbortSignal | undefined): Promise<void> => {
    for (let attempt = 1; ; attempt++) {
      try {
        await run('ssh', [...args, '--', destination, 'exit 0'], { timeoutMs: CONNECT_TIMEOUT_MS, ...(signal && { signal }) });
        return;
      } catch (error) {
        if (attempt === CONNECT_ATTEMPTS || !isUnreachable(error)) throw error;
      }
    }
  };
  return {
    target,
    async run(script, { input, signal, timeoutMs = TIMEOUT_MS } = {}) {
      // The login shell may be any; all of them take a word in single quotes for sh.
      const command = `exec sh -c ${quote(asRoot(script))}`;
      try {
        connected ??= connect(signal);
        await connected;
        return await run('ssh', [...args, '--', destination, command], {
          timeoutMs,
          ...(input && { input }),
          ...(signal && { signal }),
        });
      } catch (error) {
        throw explain(error);
      }
    },
    connect(address, port) {
      const child = spawn(
        'ssh',
        [...args, '-W', `${address.includes(':') ? `[${address}]` : address}:${port}`, '--', destination],
        {
          stdio: ['pipe', 'pipe', 'ignore'],
        },
      );
      // Not in the types: a pair of streams becomes one.
      const stream = Duplex.from({ writable: child.stdin, readable: child.stdout } as unknown as Duplex);
      child.once('error', (error) => stream.destroy(error));
      stream.once('close', () => child.kill());
      return stream;
    },
    async [Symbol.asyncDispose]() {
      try {
        await run('ssh', [...args, '-O', 'exit', '--', destination], { timeoutMs: 10_000 });
      } catch (error) {
        // There may be no connection, or none any more; one that stays ends by itself.
        if (!(error instanceof ProgramError)) throw error;
      }
    },
  };
}

const isUnreachable = (error: unknown): error is ProgramError =>
  error instanceof ProgramError && (error.exitCode === SSH_FAILED || error.code === 'PROGRAM_MISSING');

function sshArguments(settings: SshSettings, socket: string): string[] {
  // ssh takes the first that it is told.
  const options = [
    'BatchMode=yes',
    'ControlMaster=auto',
    `ControlPath=${socket}`,
    'ControlPersist=60',
    ...(settings.options ?? []),
    'ConnectTimeout=30',
    'ServerAliveInterval=10',
    'ServerAliveCountMax=3',
  ];
  return [
    '-T',
    ...(settings.configFile ? ['-F', settings.configFile] : []),
    ...(settings.identityFile ? ['-i', settings.identityFile] : []),
    ...(settings.port ? ['-p', String(settings.port)] : []),
    ...(settings.user ? ['-l', settings.user] : []),
    ...options.flatMap((option) => ['-o', option]),
  ];
}
