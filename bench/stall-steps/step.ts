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

/** An object of the core group, as a body. */
export const object = (kind: string, name: string, fields: object, metadata: object = {}): string =>
  JSON.stringify({ apiVersion: 'v1', kind, metadata: { name, ...metadata }, ...fields });

/** Sends a request that must succeed. */
export async function ok(send: Send, ...args: Parameters<Send>): Promise<Answer> {
  const answer = await send(...args);
  if (answer.status >= 300) throw new Error(answer.body.toString('utf8', 0, 500));
  return answer;
}
