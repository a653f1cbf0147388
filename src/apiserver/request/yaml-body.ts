import { Worker } from 'node:worker_threads';
import { badRequest, internalError, StatusError } from '../../api/machinery/status-error.ts';
import { parseExactJson } from '../../std/exact-json.ts';
import { workerModule } from '../../std/own-files.ts';
import { Slots } from '../../std/slots.ts';
import type { YamlDocument } from './parse-yaml.ts';
import { checkYamlDepth } from './yaml-depth.ts';
import type { YamlAnswer } from './yaml-worker.ts';

export type { YamlDocument } from './parse-yaml.ts';

/** YAML takes a hundred times as long to read as JSON: from this size on a thread of its own does it. */
const THREAD_FROM_BYTES = 32 * 1024;
/** Threads at a time; further documents wait. Of the whole process, as its memory and processors are. */
const MOST_THREADS = 2;
const LONGEST_MS = 20_000;
const MOST_MEMORY_MB = 512;

/** How go-yaml sums up what it would not take. */
export const yamlProblems = (problems: readonly string[]) =>
  `yaml: unmarshal errors:\n${problems.map((p) => `  ${p}`).join('\n')}`;

/**
 * Reads YAML as upstream's reader does; nothing else has to wait for a long document.
 *
 * @param newThread begins the thread that reads a long one
 * @throws StatusError 400 for what is no YAML, is more than one document, nests too deep, has maps or lists for keys, or grows by its aliases; 500 where there can be no thread
 */
export async function readYaml(bytes: Buffer, newThread = createThread): Promise<YamlDocument> {
  try {
    const text = bytes.toString('utf8');
    await checkYamlDepth(text);
    if (bytes.length >= THREAD_FROM_BYTES) return await threads.run(() => readInThread(text, newThread));
    const { parseYamlText } = await import('./parse-yaml.ts');
    return parseYamlText(text);
  } catch (error) {
    if (error instanceof StatusError) throw error;
    throw badRequest(`error converting YAML to JSON: yaml: ${(error as Error).message}`);
  }
}

const createThread = (text: string): Worker =>
  new Worker(workerModule('apiserver/request/yaml-worker'), {
    workerData: text,
    resourceLimits: { maxOldGenerationSizeMb: MOST_MEMORY_MB },
  });

/** What the thread makes of the document it answers; whatever else ends it, but for want of memory, is none of the document's doing. */
const threadFailure = (error: NodeJS.ErrnoException): Error =>
  error.code === 'ERR_WORKER_OUT_OF_MEMORY' ? error : internalError(`cannot read YAML in a thread: ${error.message}`);

function beginThread(text: string, newThread: typeof createThread): Worker {
  try {
    return newThread(text);
  } catch (error) {
    throw threadFailure(error as Error);
  }
}

async function readInThread(text: string, newThread: typeof createThread): Promise<YamlDocument> {
  const worker = beginThread(text, newThread);
  worker.unref();
  let timer: NodeJS.Timeout | undefined;
  try {
    const answer = await new Promise<YamlAnswer>((resolve, reject) => {
      worker.once('message', resolve);
      worker.once('error', (error: Error) => reject(threadFailure(error)));
      timer = setTimeout(() => reject(new Error('the document takes too long to read')), LONGEST_MS);
    });
    if ('error' in answer) throw new Error(answer.error);
    return { value: parseExactJson(answer.json), repeated: answer.repeated };
  } finally {
    clearTimeout(timer);
    await worker.terminate();
  }
}

const threads = new Slots(MOST_THREADS);
