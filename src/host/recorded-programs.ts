/** For tests: programs that are written down instead of run. */
import { ProgramError, type ProgramOptions, type RunProgram } from './run-program.ts';

export interface RecordedProgram {
  readonly program: string;
  readonly args: readonly string[];
  readonly input?: string;
}

export interface RecordedPrograms {
  readonly run: RunProgram;
  readonly calls: readonly RecordedProgram[];
  /** The calls as lines: `mount -o bind /a /b`. */
  readonly lines: readonly string[];
}

/** What a program would have printed, or how it would have failed; undefined: it succeeds and prints nothing. */
export type RecordedAnswer = { readonly stdout?: string; readonly stderr?: string; readonly exitCode?: number } | undefined;

export function recordedPrograms(answer: (call: RecordedProgram) => RecordedAnswer = () => undefined): RecordedPrograms {
  const calls: RecordedProgram[] = [];
  const run: RunProgram = async (program, args, options: ProgramOptions = {}) => {
    options.signal?.throwIfAborted();
    const call = { program, args, ...(options.input !== undefined && { input: textOf(options.input) }) };
    calls.push(call);
    const { stdout = '', stderr = '', exitCode = 0 } = answer(call) ?? {};
    if (exitCode === 0) return { stdout, stderr };
    const failure = { program, args, exitCode, stdout, stderr };
    throw new ProgramError(`${program} ended with status ${exitCode}: ${stderr}`, 'PROGRAM_FAILED', failure);
  };
  return {
    run,
    calls,
    get lines() {
      return calls.map(({ program, args }) => [program, ...args].join(' '));
    },
  };
}

const textOf = (input: NonNullable<ProgramOptions['input']>): string =>
  typeof input === 'string' ? input : Buffer.concat(input instanceof Uint8Array ? [input] : [...input]).toString();
