import type { V1APIService } from '../../api/gen/types.ts';
import { createHttpsTransport, type Dial } from '../../client/transport/https.ts';
import type { Transport } from '../../client/transport/transport.ts';
import type { CertificatePair } from '../configuration.ts';

const CONNECT_TIMEOUT_MS = 10_000;
/** Beyond so many those that were used longest ago are closed: mostly addresses that no APIService leads to any more. */
const MOST_CONNECTIONS = 256;

/** Connections to extension servers, one transport for each address and way of trusting it. */
export class ExtensionConnections {
  readonly #client: () => CertificatePair | undefined;
  readonly #dial: Dial | undefined;
  readonly #transports = new Map<string, Transport>();

  /** @param client the certificate by which extension servers know this server for a front proxy */
  constructor(client: () => CertificatePair | undefined, dial?: Dial) {
    this.#client = client;
    this.#dial = dial;
  }

  to(server: string, spec: NonNullable<V1APIService['spec']>): Transport {
    const { service, caBundle, insecureSkipTLSVerify = false } = spec;
    const tlsServerName = `${service?.name}.${service?.namespace}.svc`;
    const id = [server, tlsServerName, insecureSkipTLSVerify, caBundle].join('\n');
    const known = this.#transports.get(id);
    if (known) {
      // The one used last stands last.
      this.#transports.delete(id);
      this.#transports.set(id, known);
      return known;
    }
    const transport = createHttpsTransport({
      server,
      tlsServerName,
      connectTimeoutMs: CONNECT_TIMEOUT_MS,
      ...(this.#dial && { dial: this.#dial }),
      ...(insecureSkipTLSVerify && { insecureSkipTlsVerify: true }),
      ...(caBundle && { caPem: Buffer.from(caBundle, 'base64').toString('utf8') }),
      credentials: () => ({ ...this.#client() }),
    });
    if (this.#transports.size >= MOST_CONNECTIONS) this.#closeOldest();
    this.#transports.set(id, transport);
    return transport;
  }

  async close(): Promise<void> {
    await Promise.all([...this.#transports.values()].map((transport) => transport.close({ final: true })));
    this.#transports.clear();
  }

  #closeOldest(): void {
    const [id, transport] = this.#transports.entries().next().value!;
    this.#transports.delete(id);
    void transport.close({ final: true });
  }
}
