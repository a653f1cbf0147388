import { isIP } from 'node:net';
import { checkServerIdentity, type PeerCertificate } from 'node:tls';
import { parseCertificateDer } from '../../pki/certificate.ts';

/**
 * Why a certificate is not for a server of this name or address, as Go finds and says it (crypto/x509, VerifyHostname); undefined when it is.
 * Common names count for nothing, as Go has it since 1.15; `*` stands for one whole label, the first.
 */
export function nameComplaint(name: string, certificate: PeerCertificate): Error | undefined {
  const { dnsNames, ipAddresses } = parseCertificateDer(certificate.raw);
  const isAddress = isIP(name) !== 0;
  const hasNames = certificate.subjectaltname !== undefined;
  if (isAddress ? hasNames && !checkServerIdentity(name, certificate) : dnsNames.some((pattern) => matches(pattern, name)))
    return undefined;
  const text = isAddress
    ? addressText(name, ipAddresses)
    : nameText(name, dnsNames, !hasNames && isHostName(certificate.subject?.CN));
  return Object.assign(new Error(text), { code: 'ERR_TLS_CERT_ALTNAME_INVALID' });
}

function addressText(address: string, addresses: readonly string[]): string {
  if (addresses.length === 0) return `cannot validate certificate for ${address} because it doesn't contain any IP SANs`;
  return `certificate is valid for ${addresses.join(', ')}, not ${address}`;
}

function nameText(name: string, names: readonly string[], onlyCommon: boolean): string {
  if (onlyCommon) return 'certificate relies on legacy Common Name field, use SANs instead';
  if (names.length === 0) return `certificate is not valid for any names, but wanted to match ${name}`;
  return `certificate is valid for ${names.join(', ')}, not ${name}`;
}

const LABEL = /^[a-z0-9_][a-z0-9_-]*$/;
const isHostName = (text: unknown) => typeof text === 'string' && text.toLowerCase().split('.').every(isLabel);
const isLabel = (label: string) => LABEL.test(label);

function matches(pattern: string, name: string): boolean {
  const wanted = pattern.toLowerCase().split('.');
  const labels = name.toLowerCase().replace(/\.$/, '').split('.');
  const wellFormed = wanted.every((label, i) => (i === 0 && label === '*') || isLabel(label)) && labels.every(isLabel);
  // What is no host name matches itself.
  if (!wellFormed) return pattern !== '' && pattern.toLowerCase() === name.toLowerCase();
  return wanted.length === labels.length && wanted.every((label, i) => (i === 0 && label === '*') || label === labels[i]);
}
