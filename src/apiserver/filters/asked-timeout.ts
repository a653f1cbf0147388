import { badRequest } from '../../api/machinery/status-error.ts';
import { parseGoDuration } from '../../std/go-duration.ts';

/**
 * The time that a request gives itself by `?timeout=` (apiserver/pkg/endpoints/filters/request_deadline.go), in milliseconds; 0 and
 * undefined: whatever the server gives.
 *
 * @throws StatusError 400 for what is no duration
 */
export function askedTimeoutMs(query: URLSearchParams): number | undefined {
  const text = query.get('timeout');
  if (!text) return undefined;
  try {
    return Math.max(0, parseGoDuration(text));
  } catch (error) {
    throw badRequest(`invalid timeout specified in the request URL - ${(error as Error).message}`);
  }
}
