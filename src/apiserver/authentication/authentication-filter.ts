import { unauthorized } from '../../api/machinery/status-error.ts';
import type { Logger } from '../../std/logger.ts';
import type { Authenticator, Filter, ServerRequest, UserInfo } from '../contracts.ts';
import { AuthenticationFailure } from './authentication-failure.ts';

const SPACE_BEFORE_TOKEN = /^\s*bearer {2}/i;
const SPACE_WARNING = 'the provided Authorization header contains extra space before the bearer token, and is ignored';

/** Finds out who asks and puts it into the context; rejects with 401 when nobody knows. Why is logged, never sent. */
export function createAuthenticationFilter(authenticator: Authenticator, logger: Logger): Filter {
  return (next) => async (context, response) => {
    const { request, warnings } = context;
    if (SPACE_BEFORE_TOKEN.test(request.headers['authorization'] ?? '')) warnings.push(SPACE_WARNING);
    context.user = await identify(authenticator, request, logger);
    await next(context, response);
  };
}

async function identify(authenticator: Authenticator, request: ServerRequest, logger: Logger): Promise<UserInfo> {
  let reason = 'no credentials';
  try {
    const user = await authenticator.authenticate(request);
    if (user) return user;
  } catch (error) {
    if (!(error instanceof AuthenticationFailure)) throw error;
    reason = error.message;
  }
  logger.debug(1, 'Unable to authenticate the request', { reason, remoteAddress: request.remoteAddress });
  throw unauthorized();
}
