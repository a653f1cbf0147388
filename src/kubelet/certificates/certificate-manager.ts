import { StatusError } from '../../api/machinery/status-error.ts';
import type { Client } from '../../client/client.ts';
import { generatePrivateKey } from '../../pki/keys.ts';
import { type Clock, sleepUntil } from '../../std/clock.ts';
import { formatGoDuration } from '../../std/go-duration.ts';
import { type Component, deferred, isAbort } from '../../std/lifecycle.ts';
import type { Logger } from '../../std/logger.ts';
import type { CertificateStore, KeyPair } from './certificate-store.ts';
import { formatGoTime, planRotation, type RequestTemplate, rotationRetryDelayMs } from './rotation-plan.ts';
import { awaitCertificate, fileSigningRequest, SigningError } from './signing-request.ts';

export interface CertificateManagerOptions {
  readonly signerName: 'kubernetes.io/kube-apiserver-client-kubelet' | 'kubernetes.io/kubelet-serving';
  readonly usages: readonly string[];
  readonly template: RequestTemplate;
  readonly store: CertificateStore;
  /** The pair in use at start, if any; one that is expired counts as none. */
  readonly initial: KeyPair | undefined;
  /** Ask for a certificate of our own at once, though `initial` is good: it was only lent (upstream's bootstrap pair). */
  readonly forceRotation?: boolean;
  readonly client: Client;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly random: () => number;
  /** How long one request may stay unsigned. Default 15 minutes, as upstream. */
  readonly requestTimeoutMs?: number;
  /** Called after each renewal, when the new pair is on disk. */
  readonly onRenewed: (pair: KeyPair) => void;
}

export interface CertificateManager extends Component {
  /** The pair in use; undefined when there is none or it has expired. */
  current(): KeyPair | undefined;
  /** Tries of renewal that failed. */
  readonly renewFailures: number;
}

const DEFAULT_REQUEST_TIMEOUT_MS = 15 * 60_000;
/**
 * As upstream. A certificate whose deadline has passed when it is issued (very short-lived, or backdated) is renewed at once: without a
 * pause that would be as fast as the API server answers, and files are named by the second.
 */
const PAUSE_AFTER_RENEWAL_MS = 1000;
/**
 * A certificate that ends no later than the one before is all that the signer has to give: its authority ends then. Every node asking for the
 * next one each second would only keep the API server from whoever replaces the authority. A part of what is left is waited for instead, so
 * that there is time for more tries whatever the reason was: two requests within one second get the same end, too.
 */
const PAUSE_WITHOUT_GAIN = 0.25;
const LONGEST_PAUSE_WITHOUT_GAIN_MS = 3_600_000;

/**
 * Keeps one certificate renewed through CertificateSigningRequests (upstream's client-go/util/certificate Manager). `start`
 * does not wait for a certificate; failures are logged and tried again for as long as it runs.
 */
export function createCertificateManager(options: CertificateManagerOptions): CertificateManager {
  const { clock, random, store, template } = options;
  const logger = options.logger.child({ signer: options.signerName });
  const done = deferred();
  let pair = options.initial && options.initial.notAfterMs > clock.now() ? options.initial : undefined;
  let forced = options.forceRotation ?? false;
  let renewFailures = 0;

  async function waitForDeadline(signal: AbortSignal): Promise<void> {
    const plan = forced ? ({ at: 'now' } as const) : planRotation(pair, template, random);
    forced = false;
    if (plan.at === 'now') {
      if (plan.why) logger.debug(2, plan.why);
      return;
    }
    logger.debug(2, `Certificate expiration is ${formatGoTime(pair!.notAfterMs)}, rotation deadline is ${formatGoTime(plan.at)}`);
    const waitMs = plan.at - clock.now();
    if (waitMs <= 0) return;
    logger.debug(2, `Waiting ${formatGoDuration(waitMs)} for next certificate rotation`);
    await sleepUntil(clock, plan.at, signal);
  }

  /** One try. Answers whether there is a new certificate; why not is logged. */
  async function rotate(signal: AbortSignal): Promise<boolean> {
    logger.debug(2, 'Rotating certificates');
    const deps = { client: options.client, clock, logger, random };
    const key = await generatePrivateKey();
    try {
      const { signerName, usages } = options;
      const filed = await fileSigningRequest(deps, { key, template, signerName, usages, signal });
      const timeoutMs = options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
      const certificatePem = await awaitCertificate(deps, filed, { timeoutMs, signal });
      pair = await store.save(certificatePem, key.pem);
    } catch (error) {
      if (isAbort(error, signal)) throw error;
      renewFailures++;
      logger.error(explain(error));
      return false;
    }
    warnOfClock(pair, clock.now(), logger);
    options.onRenewed(pair);
    return true;
  }

  async function run(signal: AbortSignal): Promise<void> {
    for (;;) {
      await waitForDeadline(signal);
      const endedMs = pair?.notAfterMs ?? 0;
      for (let failures = 0; !(await rotate(signal)); ) {
        failures++;
        await clock.sleep(rotationRetryDelayMs(failures, random), signal);
      }
      await clock.sleep(pauseAfter(pair!, endedMs, clock.now()), signal);
    }
  }

  return {
    name: `certificates ${options.signerName}`,
    start(signal) {
      logger.debug(2, 'Certificate rotation is enabled');
      run(signal).catch((error: unknown) => (isAbort(error, signal) ? done.resolve() : done.reject(error)));
      return Promise.resolve();
    },
    done: done.promise,
    current: () => (pair && pair.notAfterMs > clock.now() ? pair : undefined),
    get renewFailures() {
      return renewFailures;
    },
  };
}

/** @param endedMs when the certificate before ended; 0 when there was none */
function pauseAfter({ notAfterMs }: KeyPair, endedMs: number, nowMs: number): number {
  if (notAfterMs > endedMs) return PAUSE_AFTER_RENEWAL_MS;
  const pauseMs = (notAfterMs - nowMs) * PAUSE_WITHOUT_GAIN;
  return Math.min(Math.max(pauseMs, PAUSE_AFTER_RENEWAL_MS), LONGEST_PAUSE_WITHOUT_GAIN_MS);
}

function explain(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  if (error instanceof SigningError) return `certificate request was not signed: ${message}`;
  if (error instanceof StatusError) return `Failed while requesting a signed certificate from the control plane: ${message}`;
  return `Certificate rotation failed: ${message}`;
}

/** Says what no later error would: a certificate that only begins in the future is useless until the clocks agree. */
export function warnOfClock(pair: KeyPair, nowMs: number, logger: Logger): void {
  if (pair.notBeforeMs > nowMs)
    logger.error(
      `the issued certificate is not yet valid: it begins ${formatGoTime(pair.notBeforeMs)}, this machine's clock says ${formatGoTime(nowMs)}; correct the clock`,
    );
}
