import { readFileSync } from 'node:fs';
import type { Clock } from '../../std/clock.ts';

/** client-go reads token files again this often (transport/token_source.go). */
const TOKEN_FILE_PERIOD_MS = 60_000;

/** A bearer token that something else keeps fresh in a file. */
export interface TokenFile {
  /** The token; the last one that could be read when the file cannot be now; undefined when it never could. */
  read(): string | undefined;
}

export function createTokenFile(path: string, clock: Pick<Clock, 'now'>): TokenFile {
  let token: string | undefined;
  let nextReadMs = Number.NEGATIVE_INFINITY;
  return {
    read() {
      if (clock.now() < nextReadMs) return token;
      try {
        token = readFileSync(path, 'utf8').trim() || token;
        nextReadMs = clock.now() + TOKEN_FILE_PERIOD_MS;
      } catch {
        // The old token may still be good, and the server says so when it is not; tried again with the next request.
      }
      return token;
    },
  };
}
