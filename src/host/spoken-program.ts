import { spawn } from 'node:child_process';
import { Duplex } from 'node:stream';

/** A program that one speaks with while it runs. */
export interface SpokenProgram {
  /** Written to is its standard input, read from its standard output. Destroying it kills the program. */
  readonly stream: Duplex;
  /** Resolves when it has ended, with what it said on standard error, the last 4 KiB of it. */
  readonly ended: Promise<{ readonly exitCode: number | null; readonly stderr: string }>;
}

const LONGEST_ERROR = 4096;

/** Starts it. One that cannot be started ends with status null and says why. */
export type SpeakWithProgram = (program: string, args: readonly string[]) => SpokenProgram;

export const speakWithProgram: SpeakWithProgram = (program, args) => {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-LONGEST_ERROR);
  });
  // Not in the types: a pair of streams becomes one.
  const stream = Duplex.from({ writable: child.stdin, readable: child.stdout } as unknown as Duplex);
  // Who speaks with it hears of its end by `ended`.
  stream.on('error', () => undefined);
  stream.once('close', () => child.kill());
  const ended = new Promise<{ exitCode: number | null; stderr: string }>((resolve) => {
    child.once('error', (error) => resolve({ exitCode: null, stderr: error.message }));
    child.once('close', (exitCode) => resolve({ exitCode, stderr }));
  });
  return { stream, ended };
};
