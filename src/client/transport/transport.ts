/**
 * How a client reaches an API server: over HTTPS or, in one process, directly. Wrappers (retry, rate limit, recording,
 * fault injection) take a transport and return one.
 */

export interface TransportRequest {
  readonly method: string;
  /** Path and query: `/api/v1/nodes?watch=1`. */
  readonly path: string;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  /** Sent once for each value; not by the in-process transport, which asks as one user. */
  readonly repeatedHeaders?: Readonly<Record<string, readonly string[]>>;
  readonly body?: Uint8Array | string;
  /** Aborting ends the request, or the answer's body when it has begun. */
  readonly signal?: AbortSignal;
}

export interface TransportResponse {
  readonly status: number;
  /** Lower-case names. Several values of one header are joined by `, `. */
  readonly headers: Readonly<Record<string, string>>;
  /** Chunks as they arrive; to be read or returned once. */
  readonly body: AsyncIterable<Uint8Array>;
}

export interface Transport {
  /** Rejects only when there is no answer: no connection, refused certificate, aborted. */
  request(request: TransportRequest): Promise<TransportResponse>;
  /** Ends idle and running connections. New requests connect again with the credentials then valid, unless `final`. */
  close(options?: { final?: boolean }): Promise<void>;
}
