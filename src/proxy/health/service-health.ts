import { type Page, type PageServer, servePages } from '../../client/serving/http-page.ts';
import type { Logger } from '../../std/logger.ts';
import type { ProxyPlan } from '../plan/proxy-plan.ts';

export interface CheckedService {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  readonly localEndpoints: number;
}

/**
 * The Services whose load balancers ask each node whether it has endpoints that are ready. An endpoint with several ports counts once, and
 * one with addresses of both families too. Pure.
 *
 * @param plans one for each family
 */
export function checkedServices(plans: readonly Pick<ProxyPlan, 'ports'>[]): CheckedService[] {
  const services = new Map<string, CheckedService>();
  for (const { ports } of plans) {
    const ready = new Map<string, Set<string>>();
    for (const { port, local } of ports) {
      if (!port.healthCheckNodePort) continue;
      const { namespace, name } = port;
      const key = `${namespace}/${name}`;
      const ips = ready.get(key) ?? new Set();
      ready.set(key, ips);
      for (const endpoint of local) if (endpoint.ready) ips.add(endpoint.ip);
      const localEndpoints = Math.max(ips.size, services.get(key)?.localEndpoints ?? 0);
      services.set(key, { namespace, name, port: port.healthCheckNodePort, localEndpoints });
    }
  }
  return [...services.values()];
}

export interface ServiceHealthOptions {
  readonly nodeName: string;
  readonly isHealthy: () => boolean;
  readonly logger: Logger;
  /** A port could not be opened: told once until it is, though it is tried again each time. */
  onFailure(service: CheckedService, message: string): void;
}

interface Entry {
  service: CheckedService;
  /** One for each address; none while they cannot be opened. */
  servers: readonly PageServer[];
  told: boolean;
}

/** The servers at `healthCheckNodePort` of each Service, on the addresses that node ports have. */
export class ServiceHealthServers {
  readonly #options: ServiceHealthOptions;
  readonly #entries = new Map<string, Entry>();

  constructor(options: ServiceHealthOptions) {
    this.#options = options;
  }

  /** Opens, changes and closes servers so that there are just these. Never rejects. */
  async update(services: readonly CheckedService[], addresses: 'all' | readonly string[] = 'all'): Promise<void> {
    const wanted = new Map(
      services.map((service) => [`${service.namespace}/${service.name} ${service.port} ${String(addresses)}`, service]),
    );
    for (const [key, { servers }] of this.#entries) {
      if (wanted.has(key)) continue;
      this.#entries.delete(key);
      for (const server of servers) await server.close();
    }
    for (const [key, service] of wanted) {
      const entry = this.#entries.get(key) ?? { service, servers: [], told: false };
      this.#entries.set(key, entry);
      entry.service = service;
      if (entry.servers.length === 0) await this.#open(entry, addresses);
    }
  }

  async close(): Promise<void> {
    await this.update([]);
  }

  async #open(entry: Entry, addresses: 'all' | readonly string[]): Promise<void> {
    const { namespace, name, port } = entry.service;
    const opened: PageServer[] = [];
    try {
      for (const host of addresses === 'all' ? [undefined] : addresses)
        opened.push(await servePages({ ...(host !== undefined && { host }), port }, () => this.#page(entry.service)));
      entry.servers = opened;
      entry.told = false;
    } catch (error) {
      for (const server of opened) await server.close();
      if (entry.told) return;
      entry.told = true;
      const { logger, nodeName, onFailure } = this.#options;
      logger.error('Failed to start healthcheck', { service: `${namespace}/${name}`, port, error });
      const why = (error as Error).message;
      onFailure(entry.service, `node ${nodeName} failed to start healthcheck "${namespace}/${name}" on port ${port}: ${why}`);
    }
  }

  #page({ namespace, name, localEndpoints }: CheckedService): Page {
    const serviceProxyHealthy = this.#options.isHealthy();
    return {
      status: localEndpoints > 0 && serviceProxyHealthy ? 200 : 503,
      type: 'application/json',
      headers: { 'X-Load-Balancing-Endpoint-Weight': String(localEndpoints) },
      body: `${JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy }, null, '\t')}`,
    };
  }
}
