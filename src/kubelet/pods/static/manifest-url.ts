import type { Clock, Timer } from '../../../std/clock.ts';
import { type Component, deferred } from '../../../std/lifecycle.ts';
import type { Logger } from '../../../std/logger.ts';
import type { Manifest } from './manifest-files.ts';

export interface ManifestUrlOptions {
  readonly url: string;
  /** `staticPodURLHeader`. */
  readonly headers: Readonly<Record<string, readonly string[]>>;
  /** `httpCheckFrequency`. */
  readonly checkMs: number;
  readonly onChange: (manifests: readonly Manifest[]) => Promise<void>;
  readonly clock: Clock;
  readonly logger: Logger;
}

const TIMEOUT_MS = 10_000;
const LARGEST_BODY = 10 << 20;

/** Asks an URL for manifests again and again. What cannot be read leaves the pods as they are. */
export function createManifestUrl(options: ManifestUrlOptions): Component {
  const { url, checkMs, onChange, clock, logger } = options;
  const done = deferred();
  const end = new AbortController();
  let timer: Timer | undefined;
  let known: string | undefined;
  let looking = Promise.resolve();

  async function look(): Promise<void> {
    try {
      const text = await read(options, end.signal);
      if (text === known) return;
      await onChange([{ origin: url, text }]);
      known = text;
    } catch (error) {
      if (!end.signal.aborted) logger.warn('Failed to read pods from URL', { err: error });
    }
  }

  function lookAgain(): void {
    looking = look().finally(() => {
      if (!end.signal.aborted) timer = clock.setTimer(checkMs, lookAgain);
    });
  }

  return {
    name: 'manifests of an URL',
    async start(signal) {
      signal.addEventListener(
        'abort',
        () => {
          end.abort(signal.reason);
          timer?.cancel();
          looking.then(done.resolve, done.reject);
        },
        { once: true },
      );
      signal.throwIfAborted();
      lookAgain();
      await looking;
    },
    done: done.promise,
  };
}

async function read({ url, headers }: ManifestUrlOptions, signal: AbortSignal): Promise<string> {
  const list = Object.entries(headers).flatMap(([name, values]) => values.map((value): [string, string] => [name, value]));
  const response = await fetch(url, { headers: list, signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]) });
  if (response.status !== 200) throw new Error(`${url}: ${response.status} ${response.statusText}`);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of response.body ?? []) {
    size += chunk.byteLength;
    if (size > LARGEST_BODY) throw new Error(`${url}: more than ${LARGEST_BODY} bytes`);
    chunks.push(chunk);
  }
  if (size === 0) throw new Error(`zero-length data received from ${url}`);
  return Buffer.concat(chunks).toString('utf8');
}
