import { createAesCbc, createAesGcm, createSecretbox } from './ciphers.ts';
import {
  type EncryptionKey,
  type ProviderConfiguration,
  parseGroupResource,
  type ResourceConfiguration,
} from './encryption-config.ts';
import {
  createPrefixTransformer,
  identityTransformer,
  type PrefixedTransformer,
  type ValueTransformer,
} from './value-transformer.ts';

/** How the values of a kind are stored; undefined for kinds that are stored plain. */
export type TransformerOf = (group: string, resource: string) => ValueTransformer | undefined;

/** Prepares what a configuration that has been checked describes. */
export async function createResourceTransformers(resources: readonly ResourceConfiguration[]): Promise<TransformerOf> {
  const byName = new Map<string, ValueTransformer>();
  for (const { resources: names, providers } of resources) {
    const transformer = createPrefixTransformer(await Promise.all(providers.map(createProvider)));
    for (const name of names) {
      const { resource, group } = parseGroupResource(name);
      byName.set(`${resource}.${group}`, transformer);
    }
  }
  return (group, resource) => byName.get(`${resource}.${group}`) ?? byName.get(`*.${group}`) ?? byName.get('*.*');
}

async function createProvider({ aescbc, aesgcm, secretbox }: ProviderConfiguration): Promise<PrefixedTransformer> {
  if (aescbc?.keys) return keyed('k8s:enc:aescbc:v1:', aescbc.keys, createAesCbc);
  if (aesgcm?.keys) return keyed('k8s:enc:aesgcm:v1:', aesgcm.keys, createAesGcm);
  if (secretbox?.keys) return keyed('k8s:enc:secretbox:v1:', secretbox.keys, createSecretbox);
  return { prefix: Buffer.alloc(0), transformer: identityTransformer };
}

/** The first key writes, all read: `k8s:enc:aescbc:v1:key1:…`. */
async function keyed(
  prefix: string,
  keys: readonly EncryptionKey[],
  create: (key: Buffer) => ValueTransformer | Promise<ValueTransformer>,
): Promise<PrefixedTransformer> {
  const forms = await Promise.all(
    keys.map(async ({ name, secret }) => ({
      prefix: Buffer.from(`${name}:`),
      transformer: await create(Buffer.from(secret, 'base64')),
    })),
  );
  const transformer = createPrefixTransformer(
    forms,
    `no matching key was found for the provided ${prefix.split(':')[2]} transformer`,
  );
  return { prefix: Buffer.from(prefix), transformer };
}
