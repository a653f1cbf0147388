import { createAesCbc, createAesGcm, createSecretbox } from './ciphers.ts';
import {
  type EncryptionKey,
  type KmsConfiguration,
  kmsTimeoutMs,
  type ProviderConfiguration,
  parseGroupResource,
  type ResourceConfiguration,
} from './encryption-config.ts';
import type { KmsProvider, KmsProviderDeps } from './kms/kms-provider.ts';
import {
  createPrefixTransformer,
  identityTransformer,
  type PrefixedTransformer,
  type ValueTransformer,
} from './value-transformer.ts';

/** How the values of a kind are stored; undefined for kinds that are stored plain. */
export type TransformerOf = (group: string, resource: string) => ValueTransformer | undefined;

/** A configuration, ready to be used. */
export interface ResourceTransformers {
  readonly transformerOf: TransformerOf;
  /** Plugins that are asked; in the order of the file. */
  readonly plugins: readonly KmsProvider[];
}

/** Prepares what a configuration that has been checked describes; asks no plugin yet. */
export async function createResourceTransformers(
  resources: readonly ResourceConfiguration[],
  deps: KmsProviderDeps,
): Promise<ResourceTransformers> {
  const formsOf = new Map<string, PrefixedTransformer[]>();
  const plugins: KmsProvider[] = [];
  const createForm = async (provider: ProviderConfiguration): Promise<PrefixedTransformer> => {
    if (!provider.kms) return createProvider(provider);
    const plugin = await createPlugin(provider.kms, deps);
    plugins.push(plugin);
    return { prefix: Buffer.from(`k8s:enc:kms:v2:${plugin.name}:`), transformer: plugin.transformer };
  };
  for (const { resources: names, providers } of resources) {
    const forms: PrefixedTransformer[] = [];
    for (const provider of providers) forms.push(await createForm(provider));
    for (const name of names) {
      const { resource, group } = parseGroupResource(name);
      const key = `${resource}.${group}`;
      // A resource may stand in several lists: the first provider of the first one writes, those of all read.
      formsOf.set(key, [...(formsOf.get(key) ?? []), ...forms]);
    }
  }
  const byName = new Map<string, ValueTransformer>();
  for (const [key, forms] of formsOf) byName.set(key, createPrefixTransformer(forms));
  return {
    transformerOf: (group, resource) => byName.get(`${resource}.${group}`) ?? byName.get(`*.${group}`) ?? byName.get('*.*'),
    plugins,
  };
}

/** The gRPC library is loaded for those who have a plugin. */
async function createPlugin({ name, endpoint, timeout }: KmsConfiguration, deps: KmsProviderDeps): Promise<KmsProvider> {
  const [{ createKmsProvider }, { createKmsService }] = await Promise.all([
    import('./kms/kms-provider.ts'),
    import('./kms/kms-service.ts'),
  ]);
  const service = createKmsService({ endpoint: endpoint!, timeoutMs: kmsTimeoutMs(timeout) });
  return createKmsProvider(name!, service, deps);
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
