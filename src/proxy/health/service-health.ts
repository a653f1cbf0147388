import { type Page, type PageServer, servePages } from '../../client/serving/http-page.ts';
import type { Logger } from '../../std/logger.ts';
import type { PlannedPort } from '../plan/proxy-plan.ts';

export interface CheckedService {
  readonly namespace: string;
  readonly name: string;
  readonly port: number;
  readonly localEndpoints: number;
}

/** The Services whose load balancers ask each node whether it has endpoints. An endpoint with several ports counts once. Pure. */
export function checkedServices(ports: readonly PlannedPort[]): CheckedService[] {
  const services = new Map<string, { service: Omit<CheckedService, 'localEndpoints'>; ips: Set<string> }>();
  for (const { port, local } of ports) {
    if (!port.healthCheckNodePort) continue;
    const { namespace, name } = port;
    const key = `${namespace}/${name}`;
    const known = services.get(key) ?? { service: { namespace, name, port: port.healthCheckNodePort }, ips: new Set() };
    services.set(key, known);
    for (const { ip } of local) known.ips.add(ip);
  }
  return [...services.values()].map(({ service, ips }) => ({ ...service, localEndpoints: ips.size }));
}

export interface ServiceHealthOptions {
  readonly isHealthy: () => boolean;
  readonly logger: Logger;
  /** A port could not be opened: told once for each Service. */
  onFailure(service: CheckedService, message: string): void;
}

/** The servers at `healthCheckNodePort`, one a Service. */
export class ServiceHealthServers {
  readonly #options: ServiceHealthOptions;
  readonly #servers = new Map<string, { service: CheckedService; server: PageServer | undefined }>();

  constructor(options: ServiceHealthOptions) {
    this.#options = options;
  }

  /** Opens, changes and closes servers so that there are just these. Never rejects. */
  async update(services: readonly CheckedService[]): Promise<void> {
    const wanted = new Map(services.map((service) => [`${service.namespace}/${service.name} ${service.port}`, service]));
    for (const [key, { server }] of this.#servers) {
      if (wanted.has(key)) continue;
      this.#servers.delete(key);
      await server?.close();
    }
    for (const [key, service] of wanted) {
      const known = this.#servers.get(key);
      if (known) known.service = service;
      else await this.#open(key, service);
    }
  }

  async close(): Promise<void> {
    await this.update([]);
  }

  async #open(key: string, service: CheckedService): Promise<void> {
    const entry: { service: CheckedService; server: PageServer | undefined } = { service, server: undefined };
    this.#servers.set(key, entry);
    try {
      entry.server = await servePages({ port: service.port }, () => this.#page(entry.service));
    } catch (error) {
      const message = `node ${(error as Error).message}`;
      this.#options.logger.error('Failed to start healthcheck', { service: key, port: service.port, error });
      this.#options.onFailure(
        service,
        `failed to start healthcheck "${service.namespace}/${service.name}" on port ${service.port}: ${message}`,
      );
    }
  }

  #page({ namespace, name, localEndpoints }: CheckedService): Page {
    const serviceProxyHealthy = this.#options.isHealthy();
    return {
      status: localEndpoints > 0 && serviceProxyHealthy ? 200 : 503,
      type: 'application/json',
      headers: { 'X-Load-Balancing-Endpoint-Weight': String(localEndpoints) },
      body: `${JSON.stringify({ service: { namespace, name }, localEndpoints, serviceProxyHealthy }, null, '\t')}\n`,
    };
  }
}
