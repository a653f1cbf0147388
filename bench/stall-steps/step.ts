/** What the control plane answered. */
export interface Answer {
  readonly status: number;
  readonly body: Buffer;
}

/** Sends a request and waits for the whole answer, whose body may be dropped as it comes: of many watches at once it is too much to keep. */
export type Send = (
  method: string,
  path: string,
  body?: string | Buffer,
  headers?: Readonly<Record<string, string>>,
  answerBody?: 'kept' | 'dropped',
) => Promise<Answer>;

/** Something to be done while the control plane's turns are looked at. */
export interface StallStep {
  readonly name: string;
  /** What has to be there, outside of what is measured. */
  prepare?(send: Send): Promise<unknown>;
  // biome-ignore lint/suspicious/noConfusingVoidType: a step of many requests has no one answer
  run(send: Send): Promise<Answer | void>;
  /** Answers from this code on are told: 300 by default, more where a refusal is meant. */
  readonly expected?: number;
}

export const type = (subtype: string): Record<string, string> => ({ 'content-type': `application/${subtype}` });

/** The same for many, some at a time. */
export async function forMany(count: number, work: (i: number) => Promise<unknown>, atOnce = 32): Promise<void> {
  let next = 0;
  const worker = async () => {
    while (next < count) await work(next++);
  };
  await Promise.all(Array.from({ length: atOnce }, worker));
}
