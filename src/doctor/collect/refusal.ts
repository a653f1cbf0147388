import { StatusError } from '../../api/machinery/status-error.ts';

/**
 * The kubelet's own words in an answer that the API server passed on. A 401 is always the kubelet's: to the API server we are known, or
 * nothing else could have been read. Its 403 is plain text that names user, verb and subresource, where the API server sends a Status;
 * clients keep such text as a cause.
 */
export function refusalBy(error: unknown): string | undefined {
  if (!(error instanceof StatusError)) return undefined;
  if (error.code === 401) return 'Unauthorized';
  if (error.code !== 403) return undefined;
  const texts = [error.message, ...(error.status.details?.causes ?? []).map(({ message }) => message ?? '')];
  return texts.flatMap((text) => /Forbidden \(user=[^)]*\)/.exec(text) ?? [])[0];
}

/** What the API server says when it could not speak with a kubelet; undefined for other answers. */
export function unreachedBy(error: unknown): string | undefined {
  return error instanceof StatusError ? /error trying to reach service: (.*)/.exec(error.message)?.[1] : undefined;
}
