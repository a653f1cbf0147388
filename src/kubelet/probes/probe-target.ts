import type { V1Container } from '../../api/gen/types.ts';

/**
 * The number of a port that a probe or hook names: itself, one of the container's ports by name, or a number written as text.
 *
 * @throws Error in upstream's words
 */
export function resolveContainerPort(port: number | string, container: V1Container): number {
  const named = typeof port === 'string' ? container.ports?.find(({ name }) => name === port)?.containerPort : undefined;
  const number = named ?? (typeof port === 'number' ? port : /^[+-]?\d+$/.test(port) ? Number(port) : undefined);
  if (number === undefined) throw new Error(`strconv.Atoi: parsing ${JSON.stringify(port)}: invalid syntax`);
  if (number <= 0 || number >= 65536) throw new Error(`invalid port number: ${number}`);
  return number;
}

/** `10.0.0.5:80`, `[fd00::5]:80`. */
export function joinHostPort(host: string, port: number): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}

/** A connection's failure as Go's dialer tells it: users and their tools look for these words. */
export function dialFailure(error: unknown, address: string): string {
  const { code, message } = error as NodeJS.ErrnoException;
  const reasons: Readonly<Record<string, string>> = {
    ECONNREFUSED: 'connect: connection refused',
    EHOSTUNREACH: 'connect: no route to host',
    ENETUNREACH: 'connect: network is unreachable',
    ETIMEDOUT: 'connect: connection timed out',
  };
  if (code === 'ECONNRESET') return `read tcp ${address}: read: connection reset by peer`;
  if (code === 'ENOTFOUND' || code === 'EAI_AGAIN')
    return `dial tcp: lookup ${(error as { hostname?: string }).hostname ?? address}: no such host`;
  return `dial tcp ${address}: ${reasons[code ?? ''] ?? message}`;
}
