/** Worker thread of `yaml-body.ts`: reads one document. The value goes back as JSON, which is quicker to hand over than objects. */
import { parentPort, workerData } from 'node:worker_threads';
import { exactJsonText } from '../../std/exact-json.ts';
import { parseYamlText } from './parse-yaml.ts';

/** What the thread answers. */
export type YamlAnswer = { readonly json: string; readonly repeated: readonly string[] } | { readonly error: string };

function answer(): YamlAnswer {
  try {
    const { value, repeated } = parseYamlText(workerData as string);
    return { json: exactJsonText(value) ?? 'null', repeated };
  } catch (error) {
    return { error: (error as Error).message };
  }
}

parentPort?.postMessage(answer());
