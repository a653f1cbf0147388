import type { SecureVersion } from 'node:tls';
import { CodedError } from '../../std/coded-error.ts';
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

/** As Go, which does not let them be chosen. */
const TLS13_SUITES = ['TLS_AES_128_GCM_SHA256', 'TLS_AES_256_GCM_SHA384', 'TLS_CHACHA20_POLY1305_SHA256'];

/** Go's names (crypto/tls) and OpenSSL's for the same suites. */
const SUITES: ReadonlyMap<string, string> = new Map([
  ['TLS_RSA_WITH_AES_128_CBC_SHA', 'AES128-SHA'],
  ['TLS_RSA_WITH_AES_256_CBC_SHA', 'AES256-SHA'],
  ['TLS_RSA_WITH_AES_128_CBC_SHA256', 'AES128-SHA256'],
  ['TLS_RSA_WITH_AES_128_GCM_SHA256', 'AES128-GCM-SHA256'],
  ['TLS_RSA_WITH_AES_256_GCM_SHA384', 'AES256-GCM-SHA384'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA', 'ECDHE-ECDSA-AES128-SHA'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA', 'ECDHE-ECDSA-AES256-SHA'],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA', 'ECDHE-RSA-AES128-SHA'],
  ['TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA', 'ECDHE-RSA-AES256-SHA'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA256', 'ECDHE-ECDSA-AES128-SHA256'],
  ['TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA256', 'ECDHE-RSA-AES128-SHA256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256', 'ECDHE-ECDSA-AES128-GCM-SHA256'],
  ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'ECDHE-ECDSA-AES256-GCM-SHA384'],
  ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'ECDHE-RSA-AES128-GCM-SHA256'],
  ['TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384', 'ECDHE-RSA-AES256-GCM-SHA384'],
  ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-ECDSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ['TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256', 'ECDHE-RSA-CHACHA20-POLY1305'],
  ...TLS13_SUITES.map((name) => [name, name] as const),
]);

/** Suites that Go knows and OpenSSL no longer has. */
const GONE = /^TLS_(RSA|ECDHE_RSA|ECDHE_ECDSA)_WITH_(RC4_128_SHA|3DES_EDE_CBC_SHA)$/;

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
  const chosen = (configuration.tlsCipherSuites ?? []).map((name) => {
    const suite = SUITES.get(name);
    if (suite) return suite;
    const why = GONE.test(name) ? 'is too weak to be offered' : "not supported or doesn't exist";
    throw refusal(`Cipher suite ${name} ${why} (tlsCipherSuites, --tls-cipher-suites)`);
  });
  const curves = ((configuration['tlsCurvePreferences'] as readonly string[] | undefined) ?? []).map((name) => {
    const curve = CURVES.get(name);
    if (curve) return curve;
    throw refusal(`unsupported curve ${JSON.stringify(name)} (tlsCurvePreferences)`);
  });
  // OpenSSL has the old versions only at its lowest level.
  const old = minVersion === 'TLSv1' || minVersion === 'TLSv1.1' ? ['@SECLEVEL=0'] : [];
  const suites =
    chosen.length > 0 ? [...new Set([...TLS13_SUITES, ...chosen])] : old.length > 0 ? [...TLS13_SUITES, 'DEFAULT'] : [];
  return {
    minVersion,
    ...(suites.length > 0 && { ciphers: [...suites, ...old].join(':') }),
    ...(curves.length > 0 && { ecdhCurve: curves.join(':') }),
  };
}

function refusal(message: string): CodedError {
  return new CodedError(message, { code: 'KUBELET_CONFIGURATION_INVALID' });
}
