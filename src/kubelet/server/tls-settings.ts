import type { SecureVersion } from 'node:tls';
import { CodedError } from '../../std/coded-error.ts';
import { cipherList, DEFAULT_CIPHERS } from '../../std/go-tls.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';

/** What OpenSSL is told of `tlsMinVersion`, `tlsCipherSuites` and `tlsCurvePreferences`. */
export interface TlsSettings {
  readonly minVersion: SecureVersion;
  readonly ciphers?: string;
  readonly ecdhCurve?: string;
}

const VERSIONS: Readonly<Record<string, SecureVersion>> = {
  VersionTLS10: 'TLSv1',
  VersionTLS11: 'TLSv1.1',
  VersionTLS12: 'TLSv1.2',
  VersionTLS13: 'TLSv1.3',
};

const CURVES: ReadonlyMap<string, string> = new Map([
  ['CurveP256', 'P-256'],
  ['CurveP384', 'P-384'],
  ['CurveP521', 'P-521'],
  ['X25519', 'X25519'],
  ['X25519MLKEM768', 'X25519MLKEM768'],
]);

/** @throws CodedError naming the value and its field, for what Go does not know or OpenSSL does not have */
export function tlsSettings(configuration: KubeletConfiguration): TlsSettings {
  const minVersion = VERSIONS[configuration.tlsMinVersion || 'VersionTLS12'];
  if (!minVersion)
    throw refusal(`unknown tls version ${JSON.stringify(configuration.tlsMinVersion)} (tlsMinVersion, --tls-min-version)`);
  const chosen = readSuites(configuration.tlsCipherSuites ?? []);
  const curves = ((configuration['tlsCurvePreferences'] as readonly string[] | undefined) ?? []).map((name) => {
    const curve = CURVES.get(name);
    if (curve) return curve;
    throw refusal(`unsupported curve ${JSON.stringify(name)} (tlsCurvePreferences)`);
  });
  // OpenSSL has the old versions only at its lowest level.
  const isOld = minVersion === 'TLSv1' || minVersion === 'TLSv1.1';
  const ciphers = isOld ? `${chosen ?? DEFAULT_CIPHERS}:@SECLEVEL=0` : chosen;
  return {
    minVersion,
    ...(ciphers !== undefined && { ciphers }),
    ...(curves.length > 0 && { ecdhCurve: curves.join(':') }),
  };
}

function readSuites(names: readonly string[]): string | undefined {
  try {
    return cipherList(names);
  } catch (error) {
    throw refusal(`${(error as Error).message} (tlsCipherSuites, --tls-cipher-suites)`);
  }
}

function refusal(message: string): CodedError {
  return new CodedError(message, { code: 'KUBELET_CONFIGURATION_INVALID' });
}
