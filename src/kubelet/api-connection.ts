import type { Client } from '../client/client.ts';
import { createClient } from '../client/create-client.ts';
import type { ObjectReader } from '../client/object-reader.ts';
import { authorityOf } from '../client/transport/authority-file.ts';
import { createHttpsTransport } from '../client/transport/https.ts';
import { withRateLimit } from '../client/transport/rate-limit.ts';
import type { Transport } from '../client/transport/transport.ts';
import type { Clock } from '../std/clock.ts';
import type { KubeletMetrics } from './metrics/kubelet-metrics.ts';

/** Where the API server is and how it proves itself. */
export interface ApiTarget {
  readonly server: string;
  readonly caPem?: string;
  /** Where it was read, to be read again for each connection. */
  readonly caFile?: string;
  readonly tlsServerName?: string;
  readonly insecureSkipTlsVerify?: boolean;
}

/** Who we are to it; asked again for each new connection. */
export interface ApiCredentials {
  readonly certificatePem?: string;
  readonly privateKeyPem?: string;
  readonly token?: string;
}

export interface ApiConnection {
  readonly client: Client;
  /** Ends the present connections, so that the next request makes one with the credentials then valid. */
  reconnect(): Promise<void>;
  close(): Promise<void>;
}

export interface ConnectionOptions {
  readonly userAgent: string;
  /** By whose time the API server's certificate is judged. Default: the machine's. */
  readonly clock?: Clock;
  /** Where requests are counted (`rest_client_requests_total`). */
  readonly metrics?: KubeletMetrics;
  /** Requests a second in the long run, and at once (`kubeAPIQPS`, `kubeAPIBurst`). */
  readonly limit?: { readonly qps: number; readonly burst: number; readonly clock: Clock };
  /** What makes objects of lists and watches. */
  readonly reader?: ObjectReader;
  /** OpenSSL's list of groups for the key exchange. Default its own. */
  readonly keyExchange?: string;
}

export type ConnectToApi = (target: ApiTarget, credentials: () => ApiCredentials, options: ConnectionOptions) => ApiConnection;

/** Over HTTPS, one connection. */
export const connectByHttps: ConnectToApi = (target, credentials, options) => {
  const { userAgent, clock, limit, metrics, reader, keyExchange } = options;
  const { server, tlsServerName, insecureSkipTlsVerify } = target;
  const caPem = authorityOf(target);
  const https = createHttpsTransport({ server, caPem, tlsServerName, insecureSkipTlsVerify, clock, credentials, keyExchange });
  const counted = metrics ? countingAnswers(https, new URL(server).host, metrics) : https;
  const transport = limit ? withRateLimit(counted, limit) : counted;
  return {
    client: createClient({ transport, userAgent, ...(reader && { reader }) }),
    reconnect: () => transport.close(),
    close: () => transport.close({ final: true }),
  };
};

/** As client-go: by status code, `<error>` where no answer came. */
function countingAnswers(transport: Transport, host: string, metrics: KubeletMetrics): Transport {
  const count = (code: string, method: string) => metrics.add('rest_client_requests_total', [code, host, method]);
  return {
    close: (how) => transport.close(how),
    async request(request) {
      try {
        const response = await transport.request(request);
        count(String(response.status), request.method);
        return response;
      } catch (error) {
        count('<error>', request.method);
        throw error;
      }
    },
  };
}
