import { FlagError, type FlagValues } from './flags.ts';
import { cipherList } from './go-tls.ts';

/** What a listener offers. */
export interface TlsLimits {
  readonly tlsMinVersion?: 'TLSv1.2' | 'TLSv1.3';
  /** OpenSSL's list of suites. */
  readonly tlsCiphers?: string;
}

const VERSIONS: ReadonlyMap<string, TlsLimits['tlsMinVersion']> = new Map([
  ['', undefined],
  ['VersionTLS12', 'TLSv1.2'],
  ['VersionTLS13', 'TLSv1.3'],
]);

/**
 * `--tls-min-version` and `--tls-cipher-suites`; empty where they say nothing.
 *
 * @throws FlagError naming the flag and what it cannot be
 */
export function readTlsLimits(values: FlagValues): TlsLimits {
  const version = values.string('tls-min-version');
  if (!VERSIONS.has(version))
    throw new FlagError('--tls-min-version', `--tls-min-version=${version}: use VersionTLS12 or VersionTLS13`);
  const tlsMinVersion = VERSIONS.get(version);
  const tlsCiphers = readCipherSuites(values.strings('tls-cipher-suites'));
  return { ...(tlsMinVersion && { tlsMinVersion }), ...(tlsCiphers && { tlsCiphers }) };
}

function readCipherSuites(names: readonly string[]): string | undefined {
  try {
    return cipherList(names);
  } catch (error) {
    throw new FlagError('--tls-cipher-suites', `--tls-cipher-suites: ${(error as Error).message}`);
  }
}
