import type { ResourceKind } from '../api/machinery/kind.ts';
import type { DynamicObject, KubeObject } from '../api/machinery/object.ts';
import type { Client, ResourceClient } from './client.ts';
import { type ObjectReader, plainReader } from './object-reader.ts';
import { type Caller, createCaller } from './request.ts';
import { createResourceClient } from './resource-client.ts';
import type { Transport } from './transport/transport.ts';

export interface ClientOptions {
  transport: Transport;
  /** `muster/v0.1.0` by default. */
  userAgent?: string;
  /** After which a request other than a watch is given up. Default: none but the server's. */
  requestTimeoutMs?: number;
  /** What makes objects of lists and watches. Default: whole objects, the caller's own. */
  reader?: ObjectReader;
}

/** A client of any API server that `transport` reaches. */
export function createClient(options: ClientOptions): Client {
  const caller: Caller = createCaller(options);
  return {
    transport: options.transport,
    resource<T extends KubeObject = DynamicObject>(kind: ResourceKind, namespace?: string): ResourceClient<T> {
      return createResourceClient<T>(caller, kind, { namespace, reader: options.reader ?? plainReader });
    },
    async raw({ method = 'GET', path, body, signal, accept = 'application/json, */*' }) {
      const asked = { verb: method.toLowerCase(), resource: path.split('?')[0]! };
      return caller.send({ method, path, body, signal, accept, asked });
    },
    withUserAgent: (userAgent) => createClient({ ...options, userAgent }),
  };
}
