import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { KUBE_APISERVER_CLIENT_KUBELET, KUBELET_SERVING } from '../api/certificates/v1/signer-conditions.ts';
import type { V1CertificateSigningRequest } from '../api/gen/types.ts';

type Fields = Readonly<Record<string, unknown>>;
type Condition = NonNullable<NonNullable<V1CertificateSigningRequest['status']>['conditions']>[number];

/** A request, as far as the log tells it. */
interface PastRequest {
  readonly name: string;
  readonly madeAt: string;
  readonly spec: V1CertificateSigningRequest['spec'];
  conditions: readonly Condition[];
  certificate: string | undefined;
}

/** Of one log the newest so many; older ones are counted. */
const MOST_REQUESTS = 20_000;
/** The API server's own limit of an event is far below. */
const LONGEST_LINE = 16 << 20;

/**
 * Kubelets' certificate requests out of audit logs of the API server (audit.k8s.io/v1, a line an event), with what became of them:
 * requests are deleted an hour after they were approved, the log keeps them. The content of a request is in the log at the levels
 * Request and RequestResponse; at Metadata it is not, and only the number of such requests is known.
 */
export class PastRequests {
  readonly #byName = new Map<string, PastRequest>();
  #withoutContent = 0;
  #unreadable = 0;
  #tooOld = 0;

  /** Takes one line. What is no event of a certificate request is passed over; what is no event at all is counted. */
  add(line: string): void {
    // Most lines are of other resources, and parsing is what costs.
    if (line === '' || (line.startsWith('{') && !line.includes('certificatesigningrequests'))) return;
    const event = parseEvent(line);
    if (!event) {
      this.#unreadable++;
      return;
    }
    const reference = fields(event['objectRef']);
    if (reference['resource'] !== 'certificatesigningrequests' || event['stage'] !== 'ResponseComplete') return;
    const code = fields(event['responseStatus'])['code'];
    if (typeof code === 'number' && code >= 300) return;
    if (/[?&]dryRun=All/.test(text(event['requestURI']))) return;
    if (event['verb'] === 'create' && !reference['subresource']) this.#noteMade(event, reference);
    else if (event['verb'] === 'update' || event['verb'] === 'patch') this.#noteDecided(event, text(reference['name']));
  }

  /** The requests, oldest first, without those that the cluster still has. */
  list(present: ReadonlySet<string>): V1CertificateSigningRequest[] {
    return [...this.#byName.values()]
      .filter(({ name }) => !present.has(name))
      .map(({ name, madeAt, spec, conditions, certificate }) => ({
        metadata: { name, creationTimestamp: madeAt },
        spec,
        status: { conditions: [...conditions], ...(certificate && { certificate }) },
      }));
  }

  /** What could not be told, a sentence each. */
  gaps(): string[] {
    const gaps: string[] = [];
    if (this.#withoutContent > 0)
      gaps.push(
        `${this.#withoutContent} requests are in the log without their content: give certificatesigningrequests the level RequestResponse in the audit policy`,
      );
    if (this.#tooOld > 0) gaps.push(`${this.#tooOld} older requests were left out`);
    if (this.#unreadable > 0) gaps.push(`${this.#unreadable} lines are no audit events`);
    return gaps;
  }

  #noteMade(event: Fields, reference: Fields): void {
    const answered = fields(event['responseObject']);
    const asked = fields(event['requestObject']);
    const spec = fields(answered['spec'] ?? asked['spec']);
    if (typeof spec['request'] !== 'string') {
      this.#withoutContent++;
      return;
    }
    const signerName = text(spec['signerName']);
    if (signerName !== KUBELET_SERVING && signerName !== KUBE_APISERVER_CLIENT_KUBELET) return;
    const user = fields(event['impersonatedUser'] ?? event['user']);
    const metadata = fields(answered['metadata'] ?? asked['metadata']);
    const name = text(metadata['name']) || text(reference['name']) || `${text(metadata['generateName'])}…${this.#byName.size}`;
    this.#byName.delete(name);
    this.#byName.set(name, {
      name,
      madeAt: text(metadata['creationTimestamp']) || text(event['requestReceivedTimestamp']),
      spec: {
        request: spec['request'],
        signerName,
        usages: texts(spec['usages']),
        ...(typeof spec['expirationSeconds'] === 'number' && { expirationSeconds: spec['expirationSeconds'] }),
        // Who asks is the API server's word: what a client writes there is replaced.
        username: text(user['username']),
        groups: texts(user['groups']),
        ...(user['extra'] !== undefined && { extra: lists(user['extra']) }),
      },
      conditions: [],
      certificate: undefined,
    });
    if (this.#byName.size <= MOST_REQUESTS) return;
    this.#byName.delete(this.#byName.keys().next().value ?? '');
    this.#tooOld++;
  }

  #noteDecided(event: Fields, name: string): void {
    const known = this.#byName.get(name);
    const status = fields(fields(event['responseObject'] ?? event['requestObject'])['status']);
    if (!known) return;
    const conditions = Array.isArray(status['conditions']) ? status['conditions'].map(fields) : [];
    if (conditions.length > 0)
      known.conditions = conditions.map((condition) => ({ ...condition, type: text(condition['type']) }) as Condition);
    if (typeof status['certificate'] === 'string') known.certificate = status['certificate'];
  }
}

/** Reads whole files, the oldest first. Rejects with the system's error, which names the file. */
export async function readPastRequests(files: readonly string[], signal: AbortSignal): Promise<PastRequests> {
  const past = new PastRequests();
  for (const file of files) {
    const stream = createReadStream(file, { encoding: 'utf8', signal });
    for await (const line of createInterface({ input: stream, crlfDelay: Number.POSITIVE_INFINITY }))
      past.add(line.length > LONGEST_LINE ? 'too long' : line.trim());
  }
  return past;
}

function parseEvent(line: string): Fields | undefined {
  try {
    const event = fields(JSON.parse(line));
    return event['kind'] === 'Event' && text(event['apiVersion']).startsWith('audit.k8s.io/') ? event : undefined;
  } catch {
    return undefined; // counted: the last line of a log that is being written is half of one
  }
}

const fields = (value: unknown): Fields =>
  typeof value === 'object' && value !== null && !Array.isArray(value) ? (value as Fields) : {};
const text = (value: unknown): string => (typeof value === 'string' ? value : '');
const texts = (value: unknown): string[] => (Array.isArray(value) ? value.filter((item) => typeof item === 'string') : []);
const lists = (value: unknown): Record<string, string[]> =>
  Object.fromEntries(Object.entries(fields(value)).map(([key, items]) => [key, texts(items)]));
