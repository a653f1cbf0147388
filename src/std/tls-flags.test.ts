import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { type FlagDefinition, parseFlags } from './flags.ts';
import { readTlsLimits } from './tls-flags.ts';

const flags: FlagDefinition[] = [
  { name: 'tls-min-version', type: 'string', description: '' },
  { name: 'tls-cipher-suites', type: 'strings', description: '' },
];
const limitsOf = (...args: string[]) => readTlsLimits(parseFlags('test', flags, args).values);

test('versions and suites go by Go’s names, and OpenSSL takes them', () => {
  assert.deepEqual(limitsOf(), {});
  const limits = limitsOf(
    '--tls-min-version=VersionTLS13',
    '--tls-cipher-suites=TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,TLS_AES_128_GCM_SHA256',
  );
  assert.deepEqual(limits, {
    tlsMinVersion: 'TLSv1.3',
    tlsCiphers: 'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384',
  });
  createSecureContext({ ciphers: limits.tlsCiphers, minVersion: limits.tlsMinVersion });
});

test('what is no version and no suite is refused by its flag', () => {
  for (const version of ['VersionTLS11', 'constructor', '__proto__'])
    assert.throws(() => limitsOf(`--tls-min-version=${version}`), {
      message: `--tls-min-version=${version}: use VersionTLS12 or VersionTLS13`,
    });
  assert.throws(() => limitsOf('--tls-cipher-suites=TLS_RSA_WITH_RC4_128_SHA'), {
    message: '--tls-cipher-suites: Cipher suite TLS_RSA_WITH_RC4_128_SHA is too weak to be offered',
  });
  assert.throws(() => limitsOf('--tls-cipher-suites=ALL'), /^\S*Error: --tls-cipher-suites: Cipher suite ALL not supported/);
});
