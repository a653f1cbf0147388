import { badRequest } from '../../api/machinery/status-error.ts';

export interface ProxyName {
  readonly scheme: 'http' | 'https';
  readonly name: string;
  /** A number or, for Services, a name; empty when none is given. */
  readonly port: string;
}

/**
 * `name`, `name:port`, `scheme:name:port` or `scheme:name:`, as the path of a proxy names its target
 * (apimachinery/pkg/util/net/util.go, SplitSchemeNamePort). Throws 400.
 */
export function parseProxyName(text: string, what: 'pod' | 'service' | 'node'): ProxyName {
  const parts = text.split(':');
  const [scheme, name, port] = parts.length === 3 ? parts : ['', parts[0], parts[1] ?? ''];
  const known = scheme === '' || scheme === 'http' || scheme === 'https';
  if (parts.length > 3 || !known || !name) throw badRequest(`invalid ${what} request ${JSON.stringify(text)}`);
  return { scheme: scheme === 'https' ? 'https' : 'http', name, port: port! };
}
