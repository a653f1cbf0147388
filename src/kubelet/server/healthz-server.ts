import { createServer } from '../../std/http.ts';
import { type Component, deferred } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import { type Answer, errorAnswer } from './api-exchange.ts';
import { healthChecks, healthPage } from './health-page.ts';
import type { KubeletView } from './kubelet-view.ts';
import { listen, stopListening } from './listening.ts';

export interface HealthzServer extends Component {
  /** 0 before it listens. */
  readonly port: number;
}

/** Health over plain HTTP for the machine itself, by default on 127.0.0.1:10248. It asks for no credentials and shows nothing else. */
export function createHealthzServer(options: {
  address: string;
  port: number;
  view: Pick<KubeletView, 'unhealthy'>;
  logger: Logger;
}): HealthzServer {
  const done = deferred();
  const checks = healthChecks(options.view);
  const server = createServer((request, response) => {
    let answer: Answer;
    try {
      const { pathname: path, searchParams: query } = new URL(`http://kubelet${request.url ?? '/'}`);
      const known = path === '/healthz' || path.startsWith('/healthz/');
      answer = known ? healthPage(checks, { path, query }) : errorAnswer(404, '404 page not found');
    } catch {
      answer = errorAnswer(400, '400 Bad Request');
    }
    response.writeHead(answer.status, answer.headers);
    response.end(answer.body);
  });
  let port = 0;
  return {
    name: 'healthz',
    get port() {
      return port;
    },
    async start(signal) {
      try {
        port = await listen(server, options.address, options.port, 'Failed to start healthz server');
      } catch (error) {
        done.resolve();
        throw error;
      }
      // A connection that could not be accepted, for want of descriptors, is no reason to end a node for.
      server.on('error', (error) => options.logger.error('The healthz server has failed', { err: error }));
      const stop = () => stopListening(server).then(done.resolve, done.reject);
      if (signal.aborted) await stop();
      else signal.addEventListener('abort', () => void stop(), { once: true });
    },
    done: done.promise,
  };
}
