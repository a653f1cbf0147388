import type { Client } from '../../client/client.ts';
import { createClient } from '../../client/create-client.ts';
import { withMetadataOnly } from './metadata-only-transport.ts';

/** The same client, reading metadata only. */
export function createMetadataClient(client: Client): Client {
  return createClient({ transport: withMetadataOnly(client.transport) });
}
