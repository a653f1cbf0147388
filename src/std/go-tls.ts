/** TLS by the names that Go has for it, which are those of Kubernetes' flags. */

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

/**
 * OpenSSL's list of the suites with these names; those of TLS 1.3 stay, as Go's do.
 *
 * @returns undefined for none: what OpenSSL thinks right
 * @throws Error naming one that Go does not know or OpenSSL does not have
 */
export function cipherList(names: readonly string[]): string | undefined {
  const chosen = names.map((name) => {
    const suite = SUITES.get(name);
    if (suite) return suite;
    throw new Error(`Cipher suite ${name} ${GONE.test(name) ? 'is too weak to be offered' : "not supported or doesn't exist"}`);
  });
  return chosen.length > 0 ? [...new Set([...TLS13_SUITES, ...chosen])].join(':') : undefined;
}

/** What OpenSSL takes for everything that it offers by itself. */
export const DEFAULT_CIPHERS = [...TLS13_SUITES, 'DEFAULT'].join(':');
