/** For tests: hosts that write down what is done to them. */
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import type { ProgramOutput } from '../../host/run-program.ts';
import type { Transport } from './transport.ts';

export interface TranscriptEntry {
  readonly script: string;
  /** All that the script was given to read. */
  readonly input: Buffer;
}

export interface TranscriptTransport extends Transport {
  readonly entries: readonly TranscriptEntry[];
}

/** @param answer what a script prints; a rejection is its failure */
export function createTranscriptTransport(
  target: string,
  answer: (entry: TranscriptEntry) => string | Promise<string> = () => '',
): TranscriptTransport {
  const entries: TranscriptEntry[] = [];
  return {
    target,
    entries,
    async run(script, { input = [], signal } = {}): Promise<ProgramOutput> {
      signal?.throwIfAborted();
      const entry = { script, input: Buffer.concat([...input]) };
      entries.push(entry);
      return { stdout: await answer(entry), stderr: '' };
    },
    async speak(script) {
      const entry = { script, input: Buffer.alloc(0) };
      entries.push(entry);
      const stream = new PassThrough();
      const closed = once(stream, 'close');
      stream.write(await answer(entry));
      return { stream, ended: closed.then(() => ({ exitCode: 0, stderr: '' })) };
    },
    connect: () => new PassThrough(),
    async [Symbol.asyncDispose]() {},
  };
}
