/** Who should sign a request that does not say so (pkg/apis/certificates/v1beta1/defaults.go). */
import type { V1CertificateSigningRequestSpec } from '../gen/types.ts';
import { decodePem } from '../machinery/pem.ts';

const LEGACY_UNKNOWN = 'kubernetes.io/legacy-unknown';

const ORGANIZATION = '55040a';
const COMMON_NAME = '550403';
const ALTERNATIVE_NAMES = Buffer.from('0603551d11', 'hex');

const sameUsages = (usages: readonly string[], ...wanted: string[]) =>
  usages.length === wanted.length && wanted.every((usage) => usages.includes(usage));

/** Kubelets' own requests are known by their subject and usages; all others are signed by whoever feels meant. */
export function guessSignerName({ request, usages = [] }: Pick<V1CertificateSigningRequestSpec, 'request' | 'usages'>): string {
  const block = decodePem(Buffer.from(request ?? '', 'base64').toString('latin1'))[0];
  if (!block) return LEGACY_UNKNOWN;
  const { organizations, commonName } = subjectOf(block.der);
  if (organizations.length !== 1 || organizations[0] !== 'system:nodes' || !commonName.startsWith('system:node:'))
    return LEGACY_UNKNOWN;
  const hasNames = block.der.includes(ALTERNATIVE_NAMES);
  const allows = (usage: string) =>
    sameUsages(usages, 'digital signature', 'key encipherment', usage) || sameUsages(usages, 'digital signature', usage);
  if (hasNames && allows('server auth')) return 'kubernetes.io/kubelet-serving';
  if (!hasNames && allows('client auth')) return 'kubernetes.io/kube-apiserver-client-kubelet';
  return LEGACY_UNKNOWN;
}

interface Element {
  readonly tag: number;
  readonly content: Buffer;
}

/** The DER elements in a piece of bytes, as far as they can be read. */
function elementsOf(der: Buffer): Element[] {
  const elements: Element[] = [];
  for (let at = 0; at + 2 <= der.length; ) {
    let length = der[at + 1]!;
    let start = at + 2;
    if (length & 0x80) {
      const bytes = length & 0x7f;
      if (bytes === 0 || bytes > 4 || start + bytes > der.length) break;
      length = der.readUIntBE(start, bytes);
      start += bytes;
    }
    if (start + length > der.length) break;
    elements.push({ tag: der[at]!, content: der.subarray(start, start + length) });
    at = start + length;
  }
  return elements;
}

/** CertificationRequest → info → version, subject: sets of attributes, each an OID and a text. What is malformed has no subject. */
function subjectOf(der: Buffer): { organizations: string[]; commonName: string } {
  const info = elementsOf(elementsOf(der)[0]?.content ?? Buffer.alloc(0))[0]?.content ?? Buffer.alloc(0);
  const subject = elementsOf(info)[1]?.content ?? Buffer.alloc(0);
  const organizations: string[] = [];
  let commonName = '';
  for (const set of elementsOf(subject))
    for (const attribute of elementsOf(set.content)) {
      const [oid, text] = elementsOf(attribute.content);
      if (!oid || !text) continue;
      const name = oid.content.toString('hex');
      if (name === ORGANIZATION) organizations.push(text.content.toString('utf8'));
      if (name === COMMON_NAME) commonName = text.content.toString('utf8');
    }
  return { organizations, commonName };
}
