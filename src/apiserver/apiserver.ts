import { CodedError } from '../std/coded-error.ts';
import type { ApiServer, ApiServerConfig } from './configuration.ts';

export type { ApiServer, ApiServerConfig, CertificatePair, KubeletAccess } from './configuration.ts';

/** Opens the API on a port and resolves when `/readyz` is ok. */
export async function startApiServer(_config: ApiServerConfig): Promise<ApiServer> {
  throw new CodedError('the API server is not composed yet', { code: 'NOT_COMPOSED' });
}
