import { type FlagDefinition, FlagError, type FlagType, type FlagValues } from '../../std/flags.ts';
import type { FrontProxyConfig } from '../authentication/front-proxy.ts';
import { lastGoodPair } from '../configuration-files/last-good-pair.ts';
import type { AggregationConfig } from './aggregation.ts';

const flag = (name: string, type: FlagType, description: string, defaultValue?: FlagDefinition['default']): FlagDefinition => ({
  name,
  type,
  description,
  ...(defaultValue !== undefined && { default: defaultValue }),
});

export const aggregationFlags: readonly FlagDefinition[] = [
  flag('proxy-client-cert-file', 'string', 'Client certificate by which extension servers know this server as a front proxy.'),
  flag('proxy-client-key-file', 'string', 'Its key.'),
  flag('enable-aggregator-routing', 'bool', 'Whether extension servers are reached at their endpoints’ addresses.', false),
  flag('aggregator-reject-forwarding-redirect', 'bool', 'Whether redirects of extension servers are refused.', true),
  flag('requestheader-client-ca-file', 'string', 'Authorities of front proxies, whose headers say who asks.'),
  flag('requestheader-allowed-names', 'strings', 'Common names of front proxies; empty: all of the authority.'),
  flag('requestheader-username-headers', 'strings', 'Headers with user names.'),
  flag('requestheader-group-headers', 'strings', 'Headers with groups.'),
  flag('requestheader-uid-headers', 'strings', 'Headers with UIDs.'),
  flag('requestheader-extra-headers-prefix', 'strings', 'Prefixes of headers with what else is known of users.'),
];

type ReadFile = (flagName: string, path: string) => string;

/** `--proxy-client-*` and the like. Throws a FlagError. The certificate is read for each connection, so that a new one is used. */
export function readAggregationFlags(values: FlagValues, readFile: ReadFile): AggregationConfig {
  const certificate = values.string('proxy-client-cert-file');
  const key = values.string('proxy-client-key-file');
  if (Boolean(certificate) !== Boolean(key)) {
    const missing = certificate ? '--proxy-client-key-file' : '--proxy-client-cert-file';
    throw new FlagError(missing, `${missing} is missing: --proxy-client-cert-file and --proxy-client-key-file go together`);
  }
  const read = () => ({
    certificatePem: readFile('proxy-client-cert-file', certificate),
    privateKeyPem: readFile('proxy-client-key-file', key),
  });
  return {
    // A file that is missing is told of at once.
    ...(certificate && { proxyClient: lastGoodPair(read) }),
    routeToEndpoints: values.bool('enable-aggregator-routing'),
    rejectRedirects: values.bool('aggregator-reject-forwarding-redirect'),
  };
}

/** `--requestheader-*`; undefined without an authority: then no header is believed. Throws a FlagError. */
export function readFrontProxyFlags(values: FlagValues, readFile: ReadFile): FrontProxyConfig | undefined {
  const path = values.string('requestheader-client-ca-file');
  if (!path) return undefined;
  const usernameHeaders = values.strings('requestheader-username-headers');
  for (const name of ['requestheader-username-headers', 'requestheader-group-headers', 'requestheader-extra-headers-prefix'])
    for (const header of values.strings(name))
      if (header.trim() === '') throw new FlagError(`--${name}`, `--${name}: empty value is not allowed`);
  return {
    caPem: readFile('requestheader-client-ca-file', path),
    allowedNames: values.strings('requestheader-allowed-names'),
    usernameHeaders,
    groupHeaders: values.strings('requestheader-group-headers'),
    uidHeaders: values.strings('requestheader-uid-headers'),
    extraHeaderPrefixes: values.strings('requestheader-extra-headers-prefix'),
  };
}
