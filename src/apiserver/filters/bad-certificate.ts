import { unauthorized } from '../../api/machinery/status-error.ts';
import type { Logger } from '../../std/logger.ts';
import type { Filter } from '../contracts.ts';
import type { IncomingRequest } from '../request/incoming-request.ts';

const ANONYMOUS = 'system:anonymous';

/**
 * Stands behind authentication: who shows a certificate that does not verify, and nothing else that counts, is not anonymous but
 * refused (as upstream's x509 authenticator fails rather than passes).
 */
export function createBadCertificateFilter(logger: Logger): Filter {
  return (next) => (context, response) => {
    const { peerCertificateError } = context.request as IncomingRequest;
    if (peerCertificateError !== undefined && context.user.name === ANONYMOUS) {
      const { remoteAddress } = context.request;
      logger.warn('Unable to authenticate the request', { error: `client certificate: ${peerCertificateError}`, remoteAddress });
      throw unauthorized();
    }
    return next(context, response);
  };
}
