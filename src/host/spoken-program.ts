import { type ChildProcessWithoutNullStreams, spawn } from 'node:child_process';
import { Duplex } from 'node:stream';

/** A program that one speaks with while it runs. */
export interface SpokenProgram {
  /**
   * Written to is its standard input, read from its standard output. Destroying it kills the program. Of one that has ended all can be read
   * that it said, and what is written to it is lost.
   */
  readonly stream: Duplex;
  /** Resolves when it has ended, with what it said on standard error, the last 4 KiB of it. */
  readonly ended: Promise<{ readonly exitCode: number | null; readonly stderr: string }>;
}

const LONGEST_ERROR = 4096;

/** Starts it. One that cannot be started ends with status null and says why. */
export type SpeakWithProgram = (program: string, args: readonly string[]) => SpokenProgram;

/** A program's standard input and output as one. Its input breaks with its end, and its output may then have yet to be read. */
class ProgramStream extends Duplex {
  readonly #child: ChildProcessWithoutNullStreams;

  constructor(child: ChildProcessWithoutNullStreams) {
    super();
    this.#child = child;
    // A program that has ended reads no more, which is no failure of who reads what it said.
    child.stdin.on('error', () => undefined);
    child.stdout
      .on('data', (chunk: Buffer) => {
        if (!this.push(chunk)) child.stdout.pause();
      })
      .on('error', (error) => this.destroy(error))
      .once('end', () => this.push(null));
    child.once('error', (error) => this.destroy(error));
  }

  override _read(): void {
    this.#child.stdout.resume();
  }

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.#child.stdin.write(chunk, () => done());
  }

  override _final(done: (error?: Error | null) => void): void {
    this.#child.stdin.end(() => done());
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#child.kill();
    this.#child.stdin.destroy();
    this.#child.stdout.destroy();
    done(error);
  }
}

export const speakWithProgram: SpeakWithProgram = (program, args) => {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'pipe'] });
  let stderr = '';
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr = (stderr + text).slice(-LONGEST_ERROR);
  });
  const stream = new ProgramStream(child);
  // Who speaks with it hears of its end by `ended`.
  stream.on('error', () => undefined);
  const ended = new Promise<{ exitCode: number | null; stderr: string }>((resolve) => {
    child.once('error', (error) => resolve({ exitCode: null, stderr: error.message }));
    child.once('close', (exitCode) => resolve({ exitCode, stderr }));
  });
  return { stream, ended };
};
