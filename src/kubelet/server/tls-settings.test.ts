import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { completeConfiguration } from '../configuration/defaults.ts';
import type { KubeletConfiguration } from '../configuration/kubelet-configuration.ts';
import { tlsSettings } from './tls-settings.ts';

const settingsOf = (settings: Partial<KubeletConfiguration>) => tlsSettings({ ...completeConfiguration(), ...settings });

test('nothing said is TLS 1.2 and later with what OpenSSL thinks right', () => {
  assert.deepEqual(settingsOf({}), { minVersion: 'TLSv1.2' });
  assert.deepEqual(settingsOf({ tlsMinVersion: 'VersionTLS13' }), { minVersion: 'TLSv1.3' });
});

test('suites go by Go’s names, and those of TLS 1.3 stay', () => {
  const { ciphers } = settingsOf({
    tlsCipherSuites: ['TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256', 'TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305', 'TLS_AES_128_GCM_SHA256'],
  });
  assert.equal(
    ciphers,
    'TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:TLS_CHACHA20_POLY1305_SHA256:ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-CHACHA20-POLY1305',
  );
});

test('what is not known is refused by name', () => {
  assert.throws(
    () => settingsOf({ tlsCipherSuites: ['TLS_MADE_UP'] }),
    /Cipher suite TLS_MADE_UP not supported.*tlsCipherSuites/,
  );
  assert.throws(() => settingsOf({ tlsCipherSuites: ['TLS_RSA_WITH_RC4_128_SHA'] }), /TLS_RSA_WITH_RC4_128_SHA is too weak/);
  assert.throws(() => settingsOf({ tlsMinVersion: 'VersionSSL30' }), /unknown tls version "VersionSSL30"/);
  assert.throws(() => settingsOf({ tlsCurvePreferences: ['P-256'] }), /unsupported curve "P-256" \(tlsCurvePreferences\)/);
});

test('OpenSSL takes every combination that is let through', () => {
  for (const tlsMinVersion of ['VersionTLS10', 'VersionTLS11', 'VersionTLS12', 'VersionTLS13'])
    for (const tlsCipherSuites of [undefined, ['TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384', 'TLS_RSA_WITH_AES_128_CBC_SHA']])
      createSecureContext(
        settingsOf({
          tlsMinVersion,
          ...(tlsCipherSuites && { tlsCipherSuites }),
          tlsCurvePreferences: ['X25519MLKEM768', 'X25519', 'CurveP256', 'CurveP384', 'CurveP521'],
        }),
      );
});
