import { createServer } from 'node:http';
import { type Component, deferred } from '../../std/lifecycle.ts';
import type { KubeletView } from './kubelet-view.ts';
import { listen, stopListening } from './listening.ts';
import { healthAnswer } from './routes.ts';

export interface HealthzServer extends Component {
  /** 0 before it listens. */
  readonly port: number;
}

/** Health over plain HTTP for the machine itself, by default on 127.0.0.1:10248. It asks for no credentials and shows nothing else. */
export function createHealthzServer(options: {
  address: string;
  port: number;
  view: Pick<KubeletView, 'unhealthy'>;
}): HealthzServer {
  const done = deferred();
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://kubelet').pathname;
    const known = ['/healthz', '/healthz/ping', '/healthz/log', '/healthz/syncloop'].includes(path);
    const answer = known ? healthAnswer(options.view) : { status: 404, contentType: 'text/plain', body: '404 page not found\n' };
    response.writeHead(answer.status, { 'content-type': answer.contentType, 'x-content-type-options': 'nosniff' });
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
      const stop = () => stopListening(server).then(done.resolve, done.reject);
      if (signal.aborted) await stop();
      else signal.addEventListener('abort', () => void stop(), { once: true });
    },
    done: done.promise,
  };
}
