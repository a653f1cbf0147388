import type { SecureContextOptions, TLSSocket } from 'node:tls';
import type { Client } from '../../client/client.ts';
import { distrustOf } from '../../client/transport/distrust.ts';
import { judgeByClock } from '../../pki/judge-by-clock.ts';
import type { Clock } from '../../std/clock.ts';
import { type Component, deferred } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import type { KeyPair } from '../certificates/certificate-store.ts';
import { createAccessFilter } from './access-filter.ts';
import type { ApiRequest, Outcome } from './api-exchange.ts';
import { type ApiListener, openApiListener } from './api-listener.ts';
import type { KubeletView } from './kubelet-view.ts';
import { countRequests } from './request-metrics.ts';
import { createRouter } from './route-table.ts';
import { debuggingRoutes, disabledRoutes, readingRoutes } from './routes.ts';
import { tlsSettings } from './tls-settings.ts';

export interface KubeletServerOptions {
  readonly address: string;
  /** 0 takes a free one. */
  readonly port: number;
  readonly view: KubeletView;
  readonly client: Client;
  /** The contents of `authentication.x509.clientCAFile`. */
  readonly clientCaPem?: string;
  /** Undefined while none is issued: handshakes fail until `useCertificate`. */
  readonly certificate?: KeyPair;
  /** Makes what serves TLS with the first connection, for a server that may never be asked. Default: at once. */
  readonly whenAsked?: boolean;
  readonly clock: Clock;
  readonly logger: Logger;
}

export interface KubeletServer extends Component {
  /** 0 before it listens. */
  readonly port: number;
  /** New connections get this certificate; running ones go on. */
  useCertificate(pair: KeyPair): void;
  /** From now on only these authorities vouch for callers, on connections that exist too. Streams that are under way go on. */
  useClientCa(pem: string): void;
}

const UPGRADABLE = /^\/(exec|attach|portForward)\//;

/**
 * The kubelet's secured API (:10250): every path asks who it is and whether he may.
 *
 * @throws CodedError naming the field of a TLS setting that cannot be served
 */
export function createKubeletServer(options: KubeletServerOptions): KubeletServer {
  const { view, clock, logger, client } = options;
  const settings = tlsSettings(view.configuration);
  let { certificate, clientCaPem } = options;
  const refusalOf = createAccessFilter({ view, client, clock, logger });
  const route = createRouter([...readingRoutes(view, clock), ...debuggingRoutes(view, clock)]);
  const serve = countRequests(view.metrics, clock, 'readwrite', async (request) => (await refusalOf(request)) ?? route(request));
  const secure = (): SecureContextOptions => ({
    ...settings,
    ...(certificate && { cert: certificate.certificatePem, key: certificate.privateKeyPem }),
    ...(clientCaPem && { ca: clientCaPem, allowPartialTrustChain: true }),
  });
  const server = component(`kubelet API of ${view.nodeName}`, async () => {
    const listener = await openApiListener({
      address: options.address,
      port: options.port,
      what: 'Failed to listen and serve',
      secure: secure(),
      whenAsked: options.whenAsked,
      requestCertificate: clientCaPem !== undefined,
      believes: (socket) => clientCaPem !== undefined && leadsTo(clientCaPem, socket, clock),
      serve,
      wantsUpgrade: (path) => UPGRADABLE.test(path),
      logger,
    });
    logger.info('Starting to listen', { address: options.address, port: listener.port });
    return listener;
  });
  return {
    ...server.component,
    get port() {
      return server.listener?.port ?? 0;
    },
    useCertificate(pair) {
      certificate = pair;
      server.listener?.useSecure(secure());
    },
    useClientCa(pem) {
      clientCaPem = pem;
      server.listener?.useSecure(secure(), { distrust: true });
    },
  };
}

/** The read-only port (`readOnlyPort`): plain HTTP, nobody is asked who he is, and nothing but pages is served. */
export function createReadOnlyServer(
  options: Pick<KubeletServerOptions, 'address' | 'port' | 'view' | 'clock' | 'logger'>,
): Component & { readonly port: number } {
  const { view, clock, logger } = options;
  const serve: (request: ApiRequest) => Promise<Outcome> = countRequests(
    view.metrics,
    clock,
    'readonly',
    createRouter([...readingRoutes(view, clock), ...disabledRoutes()]),
  );
  const server = component(`read-only API of ${view.nodeName}`, async () => {
    const what = 'Failed to listen and serve';
    const listener = await openApiListener({ address: options.address, port: options.port, what, serve, logger });
    logger.info('Starting to listen read-only', { address: options.address, port: listener.port });
    return listener;
  });
  return {
    ...server.component,
    get port() {
      return server.listener?.port ?? 0;
    },
  };
}

function component(name: string, open: () => Promise<ApiListener>) {
  const done = deferred();
  const server: { listener?: ApiListener; component: Component } = {
    component: {
      name,
      async start(signal) {
        try {
          server.listener = await open();
        } catch (error) {
          done.resolve();
          throw error;
        }
        const stop = () => void server.listener!.close().then(done.resolve, done.reject);
        if (signal.aborted) stop();
        else signal.addEventListener('abort', stop, { once: true });
      },
      done: done.promise,
    },
  };
  return server;
}

/** By the machine's time as TLS and Go have it, by any other clock as that has it. */
function leadsTo(authoritiesPem: string, socket: TLSSocket, clock: Clock): boolean {
  const judge = judgeByClock({ authoritiesPem, usage: 'client auth', clock });
  if (judge) return judge(socket.getPeerCertificate().raw) === undefined;
  return distrustOf(socket, authoritiesPem, 'client auth') === undefined;
}
