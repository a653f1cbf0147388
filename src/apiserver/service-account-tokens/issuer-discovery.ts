import { noSuchMethod } from '../../api/machinery/status-error.ts';
import type { TokenVerifier } from '../../pki/service-account-token.ts';
import type { Handler } from '../contracts.ts';

export interface IssuerDiscoveryOptions {
  readonly issuer: string;
  readonly jwksUri?: string;
  readonly verifier: Pick<TokenVerifier, 'jwks'>;
}

const JWKS_PATH = '/openid/v1/jwks';

/**
 * How others verify our tokens: `/.well-known/openid-configuration` and `/openid/v1/jwks` (pkg/serviceaccount/openidmetadata.go).
 * Empty when the issuer is no https URL, as upstream then serves neither.
 */
export function createIssuerDiscovery({ issuer, jwksUri, verifier }: IssuerDiscoveryOptions): ReadonlyMap<string, Handler> {
  if (!URL.canParse(issuer) || new URL(issuer).protocol !== 'https:') return new Map();
  const configuration = {
    issuer,
    jwks_uri: jwksUri ?? issuer.replace(/\/$/, '') + JWKS_PATH,
    response_types_supported: ['id_token'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: [...new Set(verifier.jwks.keys.map(({ alg }) => alg))].sort(),
  };
  return new Map([
    ['/.well-known/openid-configuration', answer(configuration, 'application/json')],
    [JWKS_PATH, answer(verifier.jwks, 'application/jwk-set+json')],
  ]);
}

function answer(value: object, type: string): Handler {
  const body = Buffer.from(JSON.stringify(value));
  return async ({ request }, response) => {
    if (request.method !== 'GET') throw noSuchMethod();
    response.writeHead(200, {
      'content-type': type,
      'content-length': String(body.length),
      'cache-control': 'public, max-age=3600',
    });
    response.end(body);
  };
}
