import type { Transport } from '../../client/transport/transport.ts';

const LIST = 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,application/json';
const ONE = 'application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,application/json';

/**
 * Asks for objects' metadata alone wherever objects are read
 * (https://kubernetes.io/docs/reference/using-api/api-concepts/#metadata-only-fetches): owners are all that is looked at, and specs of
 * a whole cluster are many. Servers that cannot do it answer with whole objects.
 */
export function withMetadataOnly(transport: Transport): Transport {
  return {
    request(request) {
      if (request.method !== 'GET' || isDiscovery(request.path)) return transport.request(request);
      const query = request.path.indexOf('?');
      const isWatch = query >= 0 && /[?&]watch=(1|true)\b/.test(request.path.slice(query));
      const accept = isWatch || isOneObject(request.path) ? ONE : LIST;
      return transport.request({ ...request, headers: { ...request.headers, accept } });
    },
    close: (options) => transport.close(options),
  };
}

function isDiscovery(path: string): boolean {
  return /^\/(api|apis)(\/[^/?]+){0,2}\/?(\?|$)/.test(path) && !/^\/api\/[^/?]+\/[^/?]+/.test(path);
}

/** `/api/v1/[namespaces/x/]pods/name`, and not `/api/v1/namespaces/x/pods`. */
function isOneObject(path: string): boolean {
  const parts = path.split('?')[0]!.split('/').filter(Boolean);
  const rest = parts.slice(parts[0] === 'api' ? 2 : 3);
  const inNamespace = rest[0] === 'namespaces' && rest.length > 2 ? rest.slice(2) : rest;
  return inNamespace.length === 2;
}
