/** How webhooks are named in configurations: by URL or by Service (apiserver/pkg/util/webhook/validation.go). */
import { X509Certificate } from 'node:crypto';
import { type GoUrl, parseGoUrl } from '../../std/go-url.ts';
import { addErrors, invalidField, requiredField } from './field-error.ts';
import { checkDnsSubdomain } from './names.ts';
import { decodePem } from './pem.ts';
import type { FieldError } from './status-error.ts';

export interface WebhookService {
  readonly namespace?: string;
  readonly name?: string;
  readonly path?: string;
  readonly port?: number;
}

/** Complaints about the address of a webhook. */
export function validateWebhookUrl(path: string, url: string): FieldError[] {
  const form = '; desired format: https://host[/path]';
  let parsed: GoUrl;
  try {
    parsed = parseGoUrl(url);
  } catch (error) {
    return [requiredField(path, `url must be a valid URL: ${(error as Error).message}${form}`)];
  }
  const { scheme, host, user, fragment, query } = parsed;
  const errors: FieldError[] = [];
  if (scheme !== 'https') errors.push(invalidField(path, scheme, `'https' is the only allowed URL scheme${form}`));
  if (host === '') errors.push(invalidField(path, host, `host must be specified${form}`));
  if (user !== undefined) errors.push(invalidField(path, user, 'user information is not permitted in the URL'));
  if (fragment) errors.push(invalidField(path, fragment, 'fragments are not permitted in the URL'));
  if (query) errors.push(invalidField(path, query, 'query parameters are not permitted in the URL'));
  return errors;
}

export function validateWebhookService(path: string, service: WebhookService): FieldError[] {
  const errors: FieldError[] = [];
  // Upstream hands the one over for the other: who leaves out a namespace is told of a name.
  if (!service.namespace) errors.push(requiredField(`${path}.name`));
  if (!service.name) errors.push(requiredField(`${path}.namespace`));
  const { port = 443 } = service;
  if (!Number.isInteger(port) || port < 1 || port > 65535)
    errors.push(invalidField(`${path}.port`, port, 'port is not valid: must be between 1 and 65535, inclusive'));
  if (service.path !== undefined) addErrors(errors, validateUrlPath(`${path}.path`, service.path));
  return errors;
}

function validateUrlPath(path: string, urlPath: string): FieldError[] {
  if (urlPath === '/' || urlPath === '') return [];
  if (urlPath === '//') return [invalidField(path, urlPath, 'segment[0] may not be empty')];
  const errors = urlPath.startsWith('/') ? [] : [invalidField(path, urlPath, "must start with a '/'")];
  // Upstream leaves out the first byte, whatever it is.
  const inner = urlPath.slice(1).replace(/\/$/, '');
  inner.split('/').forEach((segment, i) => {
    if (segment === '') errors.push(invalidField(path, urlPath, `segment[${i}] may not be empty`));
    else
      for (const complaint of checkDnsSubdomain(segment)) errors.push(invalidField(path, urlPath, `segment[${i}]: ${complaint}`));
  });
  return errors;
}

/** `caBundle` is base64, as in objects. */
export function validateCaBundle(path: string, caBundle: string): FieldError[] {
  const text = Buffer.from(caBundle, 'base64').toString('latin1');
  const refuse = (why: string) => [invalidField(path, caBundle, `unable to load root certificates: ${why}`)];
  const certificates = decodePem(text).filter(({ type }) => type === 'CERTIFICATE');
  if (!certificates.length) return refuse('unable to parse bytes as PEM block');
  try {
    for (const { der } of certificates) new X509Certificate(der);
    return [];
  } catch {
    return refuse('x509: malformed certificate');
  }
}
