import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { Readable } from 'node:stream';
import { CodedError } from '../std/coded-error.ts';

export interface ProgramOptions {
  /** Killed after this time. Default 60 s. */
  readonly timeoutMs?: number;
  /** Aborting kills the program. */
  readonly signal?: AbortSignal;
  /** Pieces are written one after the other, as fast as the program reads. */
  readonly input?: string | Uint8Array | Iterable<Uint8Array>;
  /** Instead of this process's own. */
  readonly environment?: Readonly<Record<string, string>>;
  readonly directory?: string;
  /** Open files that the program has as 3, 4, …; they stay this process's to close. */
  readonly descriptors?: readonly number[];
  /** Of each of the two outputs; killed when it prints more. Default 64 MiB. */
  readonly largestOutputBytes?: number;
}

export interface ProgramOutput {
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs a program of the host to its end and answers what it printed.
 *
 * @throws ProgramError when it cannot be started, ends with another status than 0, prints too much or takes too long; the abort reason
 * when `signal` ended it
 */
export type RunProgram = (program: string, args: readonly string[], options?: ProgramOptions) => Promise<ProgramOutput>;

export interface ProgramFailure {
  readonly program: string;
  readonly args: readonly string[];
  /** Null when a signal ended it or it never ran. */
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Code `PROGRAM_MISSING`, `PROGRAM_TIMEOUT`, `PROGRAM_OUTPUT` or `PROGRAM_FAILED`. The message ends with what the program said. */
export class ProgramError extends CodedError implements ProgramFailure {
  readonly program: string;
  readonly args: readonly string[];
  readonly exitCode: number | null;
  readonly stdout: string;
  readonly stderr: string;

  constructor(message: string, code: string, failure: ProgramFailure, cause?: unknown) {
    super(message, { code, retryable: code !== 'PROGRAM_MISSING', cause });
    this.name = 'ProgramError';
    this.program = failure.program;
    this.args = failure.args;
    this.exitCode = failure.exitCode;
    this.stdout = failure.stdout;
    this.stderr = failure.stderr;
  }
}

const DEFAULT_TIMEOUT_MS = 60_000;
/** Of each of the two outputs; iptables-save of a large node prints a few MB. */
const LARGEST_OUTPUT_BYTES = 64 << 20;
const LONGEST_QUOTE = 2000;

/** The one that really runs them: no shell, standard input closed unless given. */
export const runProgram: RunProgram = (program, args, options = {}) =>
  new Promise((resolve, reject) => {
    const { signal, timeoutMs = DEFAULT_TIMEOUT_MS, largestOutputBytes = LARGEST_OUTPUT_BYTES } = options;
    if (signal?.aborted) {
      reject(signal.reason);
      return;
    }
    const child = spawn(program, args, {
      stdio: ['pipe', 'pipe', 'pipe', ...(options.descriptors ?? [])],
      ...(options.environment && { env: options.environment }),
      ...(options.directory && { cwd: options.directory }),
    }) as ChildProcessWithoutNullStreams; // the first three are pipes, whatever comes behind them
    const outputs: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
    let code = 'PROGRAM_FAILED';
    const end = () => {
      child.kill('SIGKILL');
      // What the program has started may hold its outputs open for as long as it likes.
      child.stdout.destroy();
      child.stderr.destroy();
    };
    const kill = (why: string) => {
      code = why;
      end();
    };
    const timer = setTimeout(() => kill('PROGRAM_TIMEOUT'), timeoutMs);
    const onAbort = () => end();
    signal?.addEventListener('abort', onAbort, { once: true });
    for (const name of ['stdout', 'stderr'] as const) {
      let sizeBytes = 0;
      child[name].on('data', (chunk: Buffer) => {
        sizeBytes += chunk.length;
        if (sizeBytes > largestOutputBytes) kill('PROGRAM_OUTPUT');
        else outputs[name].push(chunk);
      });
    }
    const settle = (exitCode: number | null, endSignal: NodeJS.Signals | null, error?: NodeJS.ErrnoException) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', onAbort);
      const stdout = Buffer.concat(outputs.stdout).toString();
      const stderr = Buffer.concat(outputs.stderr).toString();
      if (signal?.aborted) reject(signal.reason);
      else if (exitCode === 0 && code === 'PROGRAM_FAILED') resolve({ stdout, stderr });
      else {
        const failure = { program, args, exitCode, stdout, stderr };
        if (error?.code === 'ENOENT') code = 'PROGRAM_MISSING';
        reject(
          new ProgramError(describe(failure, code, endSignal, { timeoutMs, largestOutputBytes }, error), code, failure, error),
        );
      }
    };
    child.once('error', (error) => settle(null, null, error));
    child.once('close', (exitCode, endSignal) => settle(exitCode, endSignal));
    // A program that ends without reading its input closes it early; its status tells whether that was well.
    child.stdin.on('error', () => undefined);
    const { input } = options;
    if (input === undefined || typeof input === 'string' || input instanceof Uint8Array) child.stdin.end(input);
    else Readable.from(input).pipe(child.stdin);
  });

function describe(
  { program, exitCode, stdout, stderr }: ProgramFailure,
  code: string,
  endSignal: NodeJS.Signals | null,
  { timeoutMs, largestOutputBytes }: { readonly timeoutMs: number; readonly largestOutputBytes: number },
  error: NodeJS.ErrnoException | undefined,
): string {
  if (code === 'PROGRAM_MISSING') return `${program}: executable file not found in $PATH`;
  if (error) return `${program}: ${error.message}`;
  const said = (stderr.trim() || stdout.trim()).slice(0, LONGEST_QUOTE);
  const how =
    code === 'PROGRAM_TIMEOUT'
      ? `did not end within ${timeoutMs} ms`
      : code === 'PROGRAM_OUTPUT'
        ? `printed more than ${largestOutputBytes} bytes`
        : exitCode === null
          ? `was ended by ${endSignal}`
          : `ended with status ${exitCode}`;
  return `${program} ${how}${said && `: ${said}`}`;
}
