import { join } from 'node:path';
import { parseDuration } from '../../api/machinery/duration.ts';
import type { RunProgram } from '../../host/run-program.ts';
import type { Clock } from '../../std/clock.ts';
import type { Logger } from '../../std/logger.ts';
import { type CredentialProvider, providesFor } from './credential-provider-config.ts';
import { hashOf, type TrackedCredentials } from './pull-credentials.ts';
import { RegistryIndex } from './registry-match.ts';

/** Credentials of the node itself, from programs that know how to get them. */
export interface CredentialProviders {
  /** Those for an image, in the order in which to try them. A program that fails is logged and has none. */
  credentialsFor(image: string, repository: string, signal: AbortSignal): Promise<TrackedCredentials[]>;
}

export interface CredentialProvidersOptions {
  readonly providers: readonly CredentialProvider[];
  /** `--image-credential-provider-bin-dir`. */
  readonly directory: string;
  readonly run: RunProgram;
  /** What the programs inherit, under their own. */
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** Upstream's limit of a program's time (pkg/credentialprovider/plugin). */
const TIMEOUT_MS = 60_000;
const MOST_ANSWERS = 500;
const NOTHING = new Map<string, Auth>();

type Auth = { readonly username: string; readonly password: string };

interface Answer {
  /** `Image`, `Registry`, `Global`: what else it holds for. */
  readonly cacheKeyType: string;
  readonly cacheMs: number;
  readonly auth: ReadonlyMap<string, Auth>;
}

/**
 * Programs that answer for credentials: CredentialProviderRequest on their standard input, CredentialProviderResponse on the output
 * (credentialprovider.kubelet.k8s.io/v1). Answers are kept as long as they say; asked once for many pods at a time.
 */
export function createCredentialProviders(options: CredentialProvidersOptions): CredentialProviders {
  const { clock, logger, providers } = options;
  const kept = new Map<string, { readonly endMs: number; readonly auth: ReadonlyMap<string, Auth> }>();
  const asking = new Map<string, Promise<ReadonlyMap<string, Auth>>>();

  async function authOf(provider: CredentialProvider, image: string, repository: string): Promise<ReadonlyMap<string, Auth>> {
    const registry = repository.split('/', 1)[0]!;
    const keys = {
      Image: `${provider.name} image ${image}`,
      Registry: `${provider.name} registry ${registry}`,
      Global: `${provider.name} global`,
    };
    for (const key of Object.values(keys)) {
      const known = kept.get(key);
      if (known && known.endMs > clock.now()) return known.auth;
      kept.delete(key);
    }
    // The whole name may differ for images of one registry: nobody knows yet what the answer will hold for.
    const before = asking.get(keys.Image);
    if (before !== undefined) return before;
    const answer = ask(options, provider, image).then(({ cacheKeyType, cacheMs, auth }) => {
      if (cacheMs > 0) {
        kept.set(keys[cacheKeyType as keyof typeof keys], { endMs: clock.now() + cacheMs, auth });
        if (kept.size > MOST_ANSWERS) kept.delete(kept.keys().next().value!);
      }
      return auth;
    });
    asking.set(keys.Image, answer);
    try {
      return await answer;
    } finally {
      asking.delete(keys.Image);
    }
  }

  return {
    async credentialsFor(image, repository, signal) {
      const index = new RegistryIndex<TrackedCredentials>();
      for (const provider of providers.filter((one) => providesFor(one, repository))) {
        signal.throwIfAborted();
        const auth = await authOf(provider, image, repository).catch((error: unknown) => {
          logger.error('Failed getting credential from external registry credential provider', {
            provider: provider.name,
            err: error,
          });
          return NOTHING;
        });
        for (const [location, credentials] of auth) index.add(location, { credentials, hash: hashOf(credentials) });
      }
      return index.find(repository);
    },
  };
}

async function ask(options: CredentialProvidersOptions, provider: CredentialProvider, image: string): Promise<Answer> {
  const { directory, run, environment } = options;
  const inherited = Object.entries(environment).filter((entry): entry is [string, string] => entry[1] !== undefined);
  const { stdout } = await run(join(directory, provider.name), provider.args, {
    input: JSON.stringify({ kind: 'CredentialProviderRequest', apiVersion: provider.apiVersion, image }),
    environment: { ...Object.fromEntries(inherited), ...provider.env },
    timeoutMs: TIMEOUT_MS,
  });
  return readAnswer(stdout, provider);
}

/** @throws Error without a word of the answer, which is secret */
function readAnswer(text: string, provider: CredentialProvider): Answer {
  const fail = (why: string) => new Error(`credential provider plugin ${provider.name} ${why}`);
  let answer: Record<string, unknown>;
  try {
    answer = (JSON.parse(text) ?? {}) as Record<string, unknown>;
  } catch {
    throw fail('did not answer with JSON');
  }
  const { kind, apiVersion, cacheKeyType, cacheDuration, auth = {} } = answer;
  if (kind !== 'CredentialProviderResponse') throw fail('did not answer with a CredentialProviderResponse');
  if (apiVersion !== provider.apiVersion) throw fail(`did not answer in ${provider.apiVersion}`);
  if (cacheKeyType !== 'Image' && cacheKeyType !== 'Registry' && cacheKeyType !== 'Global')
    throw fail('answered with an unknown cacheKeyType');
  const entries = Object.entries((auth ?? {}) as Record<string, Partial<Auth> | null>).map(
    ([location, one]) => [location, { username: String(one?.username ?? ''), password: String(one?.password ?? '') }] as const,
  );
  const cacheMs = typeof cacheDuration === 'string' ? parseDuration(cacheDuration) : provider.defaultCacheMs;
  return { cacheKeyType, cacheMs, auth: new Map(entries) };
}
