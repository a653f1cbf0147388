import { CodedError } from '../std/coded-error.ts';
import type { Logger } from '../std/logger.ts';

type Look = (why: 'change' | 'period', signal: AbortSignal) => Promise<void>;

export interface ReportedLooksOptions {
  readonly logger: Logger;
  /** One look. A CodedError NODE_NOT_READY is no failure: it waits for what it says. */
  readonly sync: Look;
  /** Logs that all is well: for a look after none or after one that failed. */
  tellUp(): void;
}

export interface ReportedLooks {
  /** Whether the last look ended well. */
  readonly isHealthy: boolean;
  /** Warns once of what is wrong with a topic until it is another thing; the empty text: nothing is. */
  sayOnce(topic: string, text: string): void;
  /** For `createAgentLife`. */
  readonly look: Look;
}

/** The looks of an agent that makes a network of pods, with words for how they ended. */
export function createReportedLooks({ logger, sync, tellUp }: ReportedLooksOptions): ReportedLooks {
  const told = new Map<string, string>();
  let isHealthy = false;
  const sayOnce = (topic: string, text: string) => {
    if (text !== '' && told.get(topic) !== text) logger.warn(text);
    told.set(topic, text);
  };
  return {
    get isHealthy() {
      return isHealthy;
    },
    sayOnce,
    async look(why, signal) {
      try {
        await sync(why, signal);
        if (!isHealthy) tellUp();
        isHealthy = true;
        told.delete('waiting');
      } catch (error) {
        if (signal.aborted) return;
        isHealthy = false;
        if (error instanceof CodedError && error.code === 'NODE_NOT_READY') sayOnce('waiting', `waiting: ${error.message}`);
        else logger.error('Failed to set up the network of pods; it is tried again soon', { error });
        throw error;
      }
    },
  };
}
