import { stat } from 'node:fs/promises';

/** Where container runtimes listen by default. */
const USUAL_SOCKETS = [
  '/run/containerd/containerd.sock',
  '/run/crio/crio.sock',
  '/var/run/crio/crio.sock',
  '/run/cri-dockerd.sock',
  '/var/run/cri-dockerd.sock',
];

/**
 * The runtime's address as a `unix://` URL: the given one (`--container-runtime-endpoint`; a bare path is taken too), else the first of the
 * usual sockets that is there.
 *
 * @throws Error that names what was wrong, or where was looked
 */
export async function findRuntimeEndpoint(
  given: string | undefined,
  sockets: readonly string[] = USUAL_SOCKETS,
): Promise<string> {
  if (given) return endpointUrl(given);
  for (const path of sockets) {
    const stats = await stat(path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'ENOENT' && error.code !== 'ENOTDIR') throw error;
    });
    if (stats?.isSocket()) return `unix://${path}`;
  }
  throw new Error(
    `no container runtime was found at ${sockets.join(', ')}: start one, or name it by --container-runtime-endpoint`,
  );
}

function endpointUrl(endpoint: string): string {
  if (endpoint.startsWith('/')) return `unix://${endpoint}`;
  const protocol = /^([a-z]+):\/\//.exec(endpoint)?.[1];
  if (protocol === undefined)
    throw new Error(`container runtime endpoint ${JSON.stringify(endpoint)} is neither a path nor a URL`);
  if (protocol === 'tcp' || protocol === 'npipe')
    throw new Error(`only support unix socket endpoint, not ${JSON.stringify(endpoint)}`);
  if (protocol !== 'unix') throw new Error(`protocol ${JSON.stringify(protocol)} not supported`);
  const path = endpoint.slice('unix://'.length);
  if (!path.startsWith('/')) throw new Error(`container runtime endpoint ${JSON.stringify(endpoint)} has no absolute path`);
  return `unix://${path}`;
}
