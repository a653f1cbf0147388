import type { Dial } from '../../client/transport/https.ts';
import { type Clock, steadyMs } from '../../std/clock.ts';
import type { TokenAuthenticator, UserInfo } from '../contracts.ts';
import { openWebhookClient, type WebhookClient, WebhookFailure, withBackoff } from '../outgoing/webhook-client.ts';
import { AuthenticationFailure } from './authentication-failure.ts';
import { digestOf } from './secret-values.ts';

export interface WebhookTokenConfig {
  readonly kubeconfigPath: string;
  /** `--authentication-token-webhook-version`. */
  readonly version: 'v1' | 'v1beta1';
  /** How long answers are kept, both ways. 0 keeps none. */
  readonly cacheTtlMs: number;
}

export interface WebhookTokenDeps {
  readonly clock: Clock;
  readonly random: () => number;
  /** Makes connections to it. Default: they are made directly. */
  readonly dial?: Dial | undefined;
  /** What tokens are asked about when nothing else is asked for. */
  readonly apiAudiences: readonly string[];
}

type Answer = { readonly user: UserInfo; readonly audiences?: readonly string[] } | undefined;

const TIMEOUT_MS = 30_000;
const INITIAL_BACKOFF_MS = 500;
/** Answers that are remembered; the oldest go first. */
const MOST_ANSWERS = 4096;

/** Asks another server who a token is of, by TokenReview (apiserver/plugin/pkg/authenticator/token/webhook). */
export async function openWebhookTokenAuthenticator(
  config: WebhookTokenConfig,
  deps: WebhookTokenDeps,
): Promise<TokenAuthenticator & { close(): Promise<void> }> {
  const client = await openWebhookClient(config.kubeconfigPath, { clock: deps.clock, dial: deps.dial, timeoutMs: TIMEOUT_MS });
  return { ...createWebhookTokenAuthenticator(client, config, deps), close: () => client.close() };
}

export function createWebhookTokenAuthenticator(
  client: Pick<WebhookClient, 'post'>,
  { version, cacheTtlMs }: Omit<WebhookTokenConfig, 'kubeconfigPath'>,
  { clock, random, apiAudiences }: WebhookTokenDeps,
): TokenAuthenticator {
  const known = new Map<string, { readonly answer: Answer; readonly untilMs: number }>();
  const asking = new Map<string, Promise<Answer>>();

  const ask = async (token: string, audiences: readonly string[]): Promise<Answer> => {
    const apiVersion = `authentication.k8s.io/${version}`;
    const spec = { token, ...(audiences.length && { audiences }) };
    const body = JSON.stringify({
      kind: 'TokenReview',
      apiVersion,
      metadata: { creationTimestamp: null },
      spec,
      status: { user: {} },
    });
    const shouldRetry = (error: unknown) => error instanceof WebhookFailure && error.retryable;
    const review = await withBackoff({ clock, random, initialMs: INITIAL_BACKOFF_MS }, shouldRetry, () =>
      client.post(body),
    ).catch((error: Error) => {
      throw new AuthenticationFailure(`webhook token authentication: ${error.message}`);
    });
    return readReview(review, audiences, apiAudiences);
  };
  const remember = (key: string, answer: Answer) => {
    if (cacheTtlMs <= 0) return;
    known.delete(key);
    known.set(key, { answer, untilMs: steadyMs(clock) + cacheTtlMs });
    if (known.size > MOST_ANSWERS) known.delete(known.keys().next().value!);
  };
  return {
    async authenticateToken(token, wanted) {
      const audiences = wanted?.length ? wanted : apiAudiences;
      // By hash: the memory of the process holds no tokens.
      const key = `${digestOf(token).toString('base64')} ${JSON.stringify(audiences)}`;
      const found = known.get(key);
      if (found && found.untilMs > steadyMs(clock)) return found.answer;
      let running = asking.get(key);
      if (!running) {
        running = ask(token, audiences).finally(() => asking.delete(key));
        asking.set(key, running);
      }
      const answer = await running;
      remember(key, answer);
      return answer;
    },
  };
}

function readReview(review: unknown, audiences: readonly string[], apiAudiences: readonly string[]): Answer {
  const status = (review as { status?: unknown } | undefined)?.status as
    | { authenticated?: unknown; error?: unknown; audiences?: unknown; user?: Record<string, unknown> }
    | undefined;
  if (status?.authenticated !== true) {
    if (typeof status?.error === 'string' && status.error) throw new AuthenticationFailure(status.error);
    return undefined;
  }
  const confirmed = strings(status.audiences);
  // A webhook that knows nothing of audiences answers for ours alone.
  const good = confirmed.length ? confirmed : apiAudiences;
  const shared = audiences.filter((audience) => good.includes(audience));
  if (audiences.length && !shared.length) return undefined;
  const { username, uid, groups, extra } = status.user ?? {};
  const user: UserInfo = {
    name: typeof username === 'string' ? username : '',
    groups: strings(groups),
    ...(typeof uid === 'string' && uid && { uid }),
    ...(typeof extra === 'object' &&
      extra !== null && { extra: Object.fromEntries(Object.entries(extra).map(([key, values]) => [key, strings(values)])) }),
  };
  return { user, ...(shared.length && { audiences: shared }) };
}

const strings = (value: unknown): string[] =>
  Array.isArray(value) ? value.filter((entry): entry is string => typeof entry === 'string') : [];
