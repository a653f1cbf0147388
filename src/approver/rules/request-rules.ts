/** What a request must look like, whoever it is from. */
import { Oid } from '../../pki/der/object-identifiers.ts';
import type { RequestFacts } from '../request-facts.ts';
import { broken, holds, quote, type Rule, unproven } from '../rule.ts';

const form: Rule = {
  code: 'APV-201',
  name: 'RequestWellFormed',
  sentence: 'The request is one PEM block CERTIFICATE REQUEST of strict DER, and nothing after it.',
  remedy: 'delete the request; a kubelet makes another one by itself: kubectl delete csr CSR',
  check({ parsed }) {
    if (!parsed.ok)
      return isAboutKey(parsed.message) ? holds('one certificate request') : broken(parsed.message, 'one certificate request');
    // RFC 7468 has none; those of RFC 1421 say that what follows is encrypted, which some readers believe.
    return parsed.request.pemHeaders.length === 0
      ? holds('one certificate request')
      : broken(`headers ${quote(parsed.request.pemHeaders)} in its PEM block`, 'one certificate request');
  },
};

/** The reader of requests looks at the key as well, and begins with these words when it refuses it. */
const isAboutKey = (message: string) => message.startsWith('public key');

const strongKey: Rule = {
  code: 'APV-203',
  name: 'KeyAllowed',
  sentence: 'The key is RSA of 2048 bits or more, ECDSA on P-256, P-384 or P-521, or Ed25519.',
  remedy: 'let the kubelet make its own key: remove the key that was put in its pki directory',
  check: ({ parsed }) =>
    parsed.ok || !isAboutKey(parsed.message)
      ? holds('an allowed key')
      : broken(parsed.message, 'RSA of 2048 bits or more, P-256, P-384, P-521 or Ed25519'),
};

const signature: Rule = {
  code: 'APV-202',
  name: 'SignatureVerifies',
  sentence: 'The request is signed by the key that it names.',
  remedy: 'delete the request: who sent it does not hold the key',
  check({ parsed }) {
    // What keeps it from being read is told by the rules for that.
    if (!parsed.ok) return unproven('the request cannot be read');
    return parsed.signatureHolds ? holds('verified') : broken('the signature does not verify', 'a signature by the key itself');
  },
};

const ownKey: Rule = {
  code: 'APV-204',
  name: 'KeyNotShared',
  sentence: 'No other user has asked for a certificate with the same key.',
  remedy: 'two machines were cloned with their keys: remove the pki directory of one kubelet and let it join anew',
  check: ({ keyUsedBy }) =>
    keyUsedBy === undefined ? holds('a key of its own') : broken(`the key of ${quote(keyUsedBy)}`, 'a key of its own'),
};

const extensions: Rule = {
  code: 'APV-205',
  name: 'NoExtensionButNames',
  sentence: 'No extension is asked for but the alternative names.',
  remedy: 'delete the request: no kubelet asks for other extensions',
  check({ parsed }) {
    const others = parsed.ok ? parsed.request.extensionOids.filter((oid) => oid !== Oid.subjectAltName) : [];
    return others.length === 0
      ? holds('alternative names at most')
      : broken(`extensions ${quote(others)}`, 'alternative names at most');
  },
};

const USAGES = { serving: 'server auth', client: 'client auth' } as const;

const usages: Rule = {
  code: 'APV-206',
  name: 'UsagesAsSigned',
  sentence: "The usages are digital signature and the signer's own, with or without key encipherment.",
  remedy: 'delete the request: no kubelet asks for other usages',
  check({ csr, purpose }) {
    const given = new Set<string>(csr.spec.usages ?? []);
    const needed = ['digital signature', USAGES[purpose]];
    const allowed = [...needed, 'key encipherment'];
    return needed.every((usage) => given.has(usage)) && [...given].every((usage) => allowed.includes(usage))
      ? holds([...given].join(', '))
      : broken(`usages ${quote([...given])}`, needed.join(' and '));
  },
};

const lifetime: Rule = {
  code: 'APV-207',
  name: 'LifetimeWithinBounds',
  sentence: 'The lifetime that is asked for lies within bounds.',
  remedy: 'change what the kubelet asks for, or --min-lifetime and --max-lifetime of the approver',
  check({ csr, limits }) {
    const seconds = csr.spec.expirationSeconds;
    if (seconds === undefined || seconds === null) return holds("the signer's own");
    const ms = seconds * 1000;
    const wanted = `${limits.minLifetimeMs / 1000} s to ${limits.maxLifetimeMs / 1000} s`;
    return ms >= limits.minLifetimeMs && ms <= limits.maxLifetimeMs ? holds(`${seconds} s`) : broken(`${seconds} s`, wanted);
  },
};

const newest: Rule = {
  code: 'APV-501',
  name: 'Superseded',
  putsAside: true,
  sentence: 'It is the newest undecided request of its node.',
  remedy: 'nothing: the kubelet only waits for its newest request',
  check: ({ newerRequest }) =>
    newerRequest === undefined ? holds('the newest') : unproven(`${newerRequest} is newer`, 'the newest request of the node'),
};

const FLOOD_RETRY_MS = 60_000;

const flood: Rule = {
  code: 'APV-502',
  name: 'TooManyPending',
  putsAside: true,
  sentence: 'The node has not more undecided requests than one node may have.',
  remedy: 'look why the node asks again and again (its clock, its disk), and delete the old requests',
  check: ({ pendingOfNode, limits }: RequestFacts) =>
    pendingOfNode <= limits.maxPendingPerNode
      ? holds(`${pendingOfNode} undecided`)
      : unproven(`${pendingOfNode} undecided`, `at most ${limits.maxPendingPerNode}`, FLOOD_RETRY_MS),
};

export const REQUEST_RULES: readonly Rule[] = [form, signature, strongKey, ownKey, extensions, usages, lifetime];
export const OPERATION_RULES: readonly Rule[] = [newest, flood];
