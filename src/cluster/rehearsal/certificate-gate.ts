import type { ApiServer } from '../../apiserver/configuration.ts';
import type { UserInfo } from '../../apiserver/contracts.ts';
import type { Transport } from '../../client/transport/transport.ts';
import { type Certificate, parseCertificates } from '../../pki/certificate.ts';
import type { Clock } from '../../std/clock.ts';
import { CodedError } from '../../std/coded-error.ts';

export interface GateOptions {
  readonly apiServer: Pick<ApiServer, 'transport'>;
  /** The API server's time. */
  readonly clock: Clock;
  /** Whom both sides believe now. When an authority ends, everything that it signed ends with it. */
  readonly authorities: () => readonly Certificate[];
  isAway(): boolean;
  /** A request has gone to the API server. */
  onRequest(): void;
}

interface Presented {
  readonly certificate: Certificate;
  readonly issuer: Certificate | undefined;
}

const holdsAt = ({ notBeforeMs, notAfterMs }: Certificate, ms: number) => ms >= notBeforeMs && ms <= notAfterMs;

const TOKEN_USER: UserInfo = {
  name: 'system:bootstrap:abcdef',
  groups: ['system:bootstrappers', 'system:bootstrappers:kubeadm:default-node-token', 'system:authenticated'],
};

/**
 * Stands where TLS would: both sides judge the other's certificate by their own clock, and the certificate's subject becomes the user. OpenSSL
 * knows only the time of the machine, so real connections cannot be rehearsed.
 */
export class CertificateGate {
  readonly #options: GateOptions;
  readonly #transports = new Map<string, Transport>();
  readonly #parsed = new WeakMap<object, Presented>();
  /** Requests whose answers have not come to their end: watches for certificates, mostly. */
  #open = 0;

  constructor(options: GateOptions) {
    this.#options = options;
  }

  /** Whether a node waits for something. */
  get busy(): boolean {
    return this.#open > 0;
  }

  /** @param pair the certificate in use, asked at each request; undefined for a bootstrap token */
  connect(nodeClock: Clock, pair: () => { readonly certificatePem: string } | undefined, byToken: boolean): Transport {
    return {
      request: async (request) => {
        const { isAway, onRequest, authorities } = this.#options;
        onRequest();
        if (isAway()) throw unreachable('connect ECONNREFUSED', 'ECONNREFUSED');
        const nodeMs = nodeClock.now();
        if (!authorities().some((authority) => holdsAt(authority, nodeMs)))
          throw authorities().every(({ notBeforeMs }) => nodeMs < notBeforeMs)
            ? unreachable("the API server's authority is not yet valid", 'CERT_NOT_YET_VALID')
            : unreachable("the API server's authority has expired", 'CERT_HAS_EXPIRED');
        const user = byToken ? TOKEN_USER : this.#userOf(pair());
        if (!user) return unauthorized();
        this.#open++;
        try {
          const response = await this.#transportOf(user).request(request);
          return { ...response, body: this.#counted(response.body) };
        } catch (error) {
          this.#open--;
          throw error;
        }
      },
      close: () => Promise.resolve(),
    };
  }

  async *#counted(body: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      yield* body;
    } finally {
      this.#open--;
    }
  }

  #userOf(pair: { readonly certificatePem: string } | undefined): UserInfo | undefined {
    if (!pair) return undefined;
    const { clock, authorities } = this.#options;
    let presented = this.#parsed.get(pair);
    if (!presented) {
      const certificate = parseCertificates(pair.certificatePem)[0]!;
      presented = { certificate, issuer: authorities().find((authority) => certificate.isSignedBy(authority)) };
      this.#parsed.set(pair, presented);
    }
    const { certificate, issuer } = presented;
    const now = clock.now();
    if (!issuer || !holdsAt(certificate, now) || !holdsAt(issuer, now)) return undefined;
    return { name: certificate.commonName, groups: [...certificate.organizations, 'system:authenticated'] };
  }

  #transportOf(user: UserInfo): Transport {
    const known = this.#transports.get(user.name);
    if (known) return known;
    const transport = this.#options.apiServer.transport(user);
    this.#transports.set(user.name, transport);
    return transport;
  }
}

const unreachable = (message: string, code: string) => new CodedError(message, { code, retryable: true });

/** As the API server answers a certificate that it does not believe. */
function unauthorized() {
  const status = {
    kind: 'Status',
    apiVersion: 'v1',
    metadata: {},
    status: 'Failure',
    message: 'Unauthorized',
    reason: 'Unauthorized',
    code: 401,
  };
  const body = (async function* () {
    yield Buffer.from(JSON.stringify(status));
  })();
  return { status: 401, headers: { 'content-type': 'application/json' }, body };
}
