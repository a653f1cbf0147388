import type { SshSettings } from '../../api/config/v1/inventory.ts';
import { ProgramError, type RunProgram } from '../../host/run-program.ts';
import type { SpeakWithProgram, SpokenProgram } from '../../host/spoken-program.ts';
import { CodedError } from '../../std/coded-error.ts';
import { quote } from '../../std/shell-word.ts';
import { asRoot, type Transport } from './transport.ts';

export interface SshTransportOptions {
  /** The host's name in ssh's configuration, or its address. */
  readonly destination: string;
  readonly settings: SshSettings;
  /** Where the connection's socket is made; of this process alone, and short: a socket's path has at most 104 characters. */
  readonly socket: string;
  readonly run: RunProgram;
  readonly speak: SpeakWithProgram;
  /** How long connecting and logging in may take. Default a minute and a half. */
  readonly loginMs?: number;
}

const TIMEOUT_MS = 600_000;
/** ssh's own limit is for the connection: a login shell that waits for a file server would be waited for without an end. */
const LOGIN_MS = 90_000;
const CONNECT_ATTEMPTS = 3;
/** ssh's own failures end with it, and so may a script's. */
const SSH_FAILED = 255;
const READY = 'muster-connected';

/**
 * Acts on a host by the system's OpenSSH client, so that the user's configuration, agent, jump hosts and known hosts count. One connection
 * serves all that is done (ControlMaster). It hangs on a pipe of this process, so that it ends with the process however that ends.
 */
export function createSshTransport(options: SshTransportOptions): Transport {
  const { destination, settings, socket, run, speak, loginMs = LOGIN_MS } = options;
  const target = settings.user ? `${settings.user}@${destination}` : destination;
  const args = sshArguments(settings, socket);
  let connection: Promise<SpokenProgram> | undefined;

  const connect = async (): Promise<SpokenProgram> => {
    for (let attempt = 1; ; attempt++) {
      const program = speak('ssh', [...args, '-o', 'ControlMaster=yes', '--', destination, `echo ${READY}; exec cat >/dev/null`]);
      const { how, said } = await loggedIn(program, loginMs);
      if (how === 'ready') return program;
      if (how === 'hangs') {
        program.stream.destroy();
        throw unreachable(target, `whoever logs in there gets no shell within ${loginMs / 1000} s`);
      }
      const { stderr } = await program.ended;
      // Nothing has been done by then, so it may be tried again.
      if (attempt === CONNECT_ATTEMPTS) throw unreachable(target, whyOf(stderr) || lastLine(said) || LET_OUT);
    }
  };
  return {
    target,
    async run(script, { input, signal, timeoutMs = TIMEOUT_MS } = {}) {
      connection ??= connect();
      await connection;
      // The login shell may be any; all of them take a word in single quotes for sh.
      const command = `exec sh -c ${quote(asRoot(script))}`;
      try {
        return await run('ssh', [...args, '--', destination, command], {
          timeoutMs,
          ...(input && { input }),
          ...(signal && { signal }),
        });
      } catch (error) {
        if (error instanceof ProgramError && error.exitCode === SSH_FAILED)
          throw unreachable(target, brokenOff(error.stderr), error);
        throw error;
      }
    },
    async speak(script) {
      connection ??= connect();
      await connection;
      return speak('ssh', [...args, '--', destination, `exec sh -c ${quote(asRoot(script))}`]);
    },
    connect: (address, port) =>
      speak('ssh', [...args, '-W', `${address.includes(':') ? `[${address}]` : address}:${port}`, '--', destination]).stream,
    async [Symbol.asyncDispose]() {
      const program = await connection?.catch(() => undefined); // whoever waited for it has been told
      program?.stream.destroy();
      await program?.ended;
    },
  };
}

interface Login {
  /** Whether the host has answered; `ended` when ssh has instead. */
  readonly how: 'ready' | 'ended' | 'hangs';
  /** What it printed. */
  readonly said: string;
}

function loggedIn({ stream, ended }: SpokenProgram, loginMs: number): Promise<Login> {
  return new Promise((resolve) => {
    let said = '';
    const timer = setTimeout(() => resolve({ how: 'hangs', said }), loginMs);
    const settle = (how: 'ready' | 'ended') => {
      clearTimeout(timer);
      resolve({ how, said });
    };
    // What a login prints may come before.
    stream.on('data', (chunk: Buffer) => {
      said = (said + chunk.toString()).slice(-4096);
      if (said.includes(READY)) settle('ready');
    });
    void ended.then(() => settle('ended'));
  });
}

function unreachable(target: string, why: string, cause?: unknown): CodedError {
  return new CodedError(`cannot reach ${target}: ${why}`, { code: 'HOST_UNREACHABLE', retryable: true, cause });
}

/** As of one whose account has expired; ssh says nothing of it where its LogLevel is low. */
const LET_OUT =
  'whoever logs in there is let out at once and told nothing: has the account expired, or no shell? The log of its sshd says it';

/** What is heard last may be the script's own words, and not why the link died. */
function brokenOff(stderr: string): string {
  const last = lastLine(stderr);
  return `the connection broke off${last && `; the last that was heard: ${last}`}`;
}

const lastLine = (text: string): string => text.trim().split(/\r?\n/).at(-1) ?? '';

/** ssh's last line; of a host's key that is not the known one it says before that which line knows another. */
function whyOf(stderr: string): string {
  const lines = stderr.trim().split(/\r?\n/);
  const last = lines.at(-1) ?? '';
  if (!last.startsWith('Host key verification failed')) return last;
  const known = lines.map((line) => /^Offending .*key.* in (.+:\d+)$/.exec(line)?.[1]).find((place) => place !== undefined);
  return known === undefined
    ? [...lines.slice(-2, -1), last].join(' ')
    : `${last} Its key is not that of ${known}: somebody else may answer. Only if the host was made anew, take that line out`;
}

/** ssh takes the first that it is told: what the inventory says, but for what the connection itself rests on. */
function sshArguments(settings: SshSettings, socket: string): string[] {
  const options = [
    'BatchMode=yes',
    `ControlPath=${socket}`,
    'ControlPersist=no',
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
