import { createHash } from 'node:crypto';
import type { Clock } from '../../std/clock.ts';
import type { Authenticator, PeerCertificate, UserInfo } from '../contracts.ts';
import { AuthenticationFailure } from './authentication-failure.ts';

/**
 * The user is the verified client certificate's CN, the groups are its Os (apiserver/pkg/authentication/request/x509,
 * CommonNameUserConversion). TLS checks the chain when the connection opens; the time is checked at every request, since
 * connections outlive certificates.
 */
export function createClientCertificateAuthenticator(clock: Pick<Clock, 'now'>): Authenticator {
  // One certificate serves all requests of its connection.
  const users = new WeakMap<PeerCertificate, UserInfo>();
  return {
    async authenticate({ peerCertificate }) {
      if (!peerCertificate) return undefined;
      if (peerCertificate.notAfterMs < clock.now()) {
        throw new AuthenticationFailure(
          `the client certificate of "${peerCertificate.commonName}" has expired at ${new Date(peerCertificate.notAfterMs).toISOString()}`,
        );
      }
      if (!peerCertificate.commonName) return undefined;
      let user = users.get(peerCertificate);
      if (!user) {
        user = {
          name: peerCertificate.commonName,
          groups: [...peerCertificate.organizations],
          extra: {
            'authentication.kubernetes.io/credential-id': [
              `X509SHA256=${createHash('sha256').update(peerCertificate.raw).digest('hex')}`,
            ],
          },
        };
        users.set(peerCertificate, user);
      }
      return user;
    },
  };
}
