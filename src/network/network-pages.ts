import { parseIp } from '../api/machinery/ip.ts';
import { type Page, type PageServer, servePages } from '../client/serving/http-page.ts';
import { FlagError } from '../std/flags.ts';
import { type Component, deferred } from '../std/lifecycle.ts';

export interface NetworkPagesOptions {
  /** Undefined: nothing is served. */
  readonly listen: { readonly host: string; readonly port: number } | undefined;
  isHealthy(): boolean;
  /** The metrics as text. */
  render(): string;
}

/** `127.0.0.1:10262`, `[::1]:10262`; undefined for the empty text. Throws a FlagError that names `flag`. */
export function parseListenAddress(flag: string, text: string): NetworkPagesOptions['listen'] {
  if (text === '') return undefined;
  const [, six, four, port = ''] = /^(?:\[([^\]]+)\]|([^:]+)):(\d{1,5})$/.exec(text) ?? [];
  const host = six ?? four;
  if (host === undefined || !parseIp(host) || Number(port) > 0xffff)
    throw new FlagError(flag, `${flag}: ${JSON.stringify(text)} is not an IP address with a port`);
  return { host, port: Number(port) };
}

/** `/metrics`, and `/healthz`, which is 200 while all is well, over plain HTTP. */
export function createNetworkPages({ listen, isHealthy, render }: NetworkPagesOptions): Component {
  const done = deferred();
  const pageAt = (path: string): Page | undefined => {
    if (path === '/metrics') return { status: 200, type: 'text/plain; version=0.0.4; charset=utf-8', body: render() };
    if (path !== '/healthz') return undefined;
    const healthy = isHealthy();
    return { status: healthy ? 200 : 503, type: 'text/plain; charset=utf-8', body: healthy ? 'ok' : 'rules are not written' };
  };
  return {
    name: 'metrics',
    done: done.promise,
    async start(signal) {
      const server: PageServer | undefined = listen && (await servePages(listen, pageAt));
      const stop = () => void (server?.close() ?? Promise.resolve()).then(() => done.resolve(), done.reject);
      if (signal.aborted) stop();
      else signal.addEventListener('abort', stop, { once: true });
    },
  };
}
