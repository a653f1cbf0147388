import type { KubeList, KubeObject } from '../api/machinery/object.ts';
import { parseInSteps } from '../std/json-in-steps.ts';
import type { Steps } from '../std/pauses.ts';
import type { WatchEvent } from './client.ts';

/** Makes objects of the JSON that lists and watches are answered with. */
export interface ObjectReader {
  /** @throws SyntaxError when the line is no JSON */
  event<T extends KubeObject>(line: string): WatchEvent<T>;
  /** The same of a line that may be long. */
  eventInSteps<T extends KubeObject>(line: string): Steps<WatchEvent<T>>;
  /** @throws SyntaxError when the text is no JSON */
  list<T extends KubeObject>(text: string): KubeList<T>;
  /** The same of a text that may be long. */
  listInSteps<T extends KubeObject>(text: string): Steps<KubeList<T>>;
}

/** Reads all that is there; what it makes is the caller's own. */
export const plainReader: ObjectReader = {
  event: <T extends KubeObject>(line: string) => JSON.parse(line) as WatchEvent<T>,
  *eventInSteps<T extends KubeObject>(line: string) {
    return (yield* parseInSteps(line, { parse: JSON.parse })) as WatchEvent<T>;
  },
  list: <T extends KubeObject>(text: string) => JSON.parse(text) as KubeList<T>,
  *listInSteps<T extends KubeObject>(text: string) {
    return (yield* parseInSteps(text, { parse: JSON.parse })) as KubeList<T>;
  },
};
