import { KUBERNETES_VERSION } from '../../std/version.ts';
import { type Answer, type ApiRequest, errorAnswer, plainAnswer } from './api-exchange.ts';
import type { KubeletView } from './kubelet-view.ts';

const LONGEST_LEVEL_BYTES = 64;
const WARNING =
  'Warning: This endpoint is not meant to be machine parseable, has no formatting compatibility guarantees and is for debugging purposes only.';

/** `/debug/pprof/…`: profiles of a Go program. */
export function profilingPage(): Answer {
  return errorAnswer(501, `profiling is not supported: this kubelet runs on Node.js ${process.version}, which has no pprof`);
}

/** `PUT /debug/flags/v` changes how much is logged. */
export async function verbosityPage(view: Pick<KubeletView, 'setVerbosity'>, { method, body }: ApiRequest): Promise<Answer> {
  if (method !== 'PUT') return plainAnswer(406, 'unsupported http method');
  if (!view.setVerbosity) return plainAnswer(501, 'the verbosity of this kubelet is that of the process it runs in');
  let text: string;
  try {
    text = (await body(LONGEST_LEVEL_BYTES)).trim();
  } catch (error) {
    return plainAnswer(400, `error reading request body: ${(error as Error).message}`);
  }
  if (!/^-?\d{1,9}$/.test(text)) {
    const why = `strconv.ParseInt: parsing ${JSON.stringify(text)}: invalid syntax`;
    return plainAnswer(400, `failed set klog.logging.verbosity ${text}: ${why}`);
  }
  view.setVerbosity(Number(text));
  return plainAnswer(200, `successfully set klog.logging.verbosity to ${text}`);
}

/** `/flagz`: the command line as it was understood. Flags name files and never hold what is in them. */
export function flagzPage(flags: ReadonlyMap<string, string>): Answer {
  const lines = [...flags].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, value]) => `${name}=${value}`);
  return plainAnswer(200, `\nkubelet flagz\n${WARNING}\n\n${lines.join('\n')}\n`);
}

/** `/statusz`: since when the kubelet runs, and what it is. */
export function statuszPage(startedAtMs: number, nowMs: number, paths: readonly string[]): Answer {
  const seconds = Math.max(0, Math.floor((nowMs - startedAtMs) / 1000));
  const two = (n: number) => String(n).padStart(2, '0');
  const lines = [
    `Started: ${new Date(startedAtMs).toUTCString()}`,
    `Up: ${Math.floor(seconds / 3600)} hr ${two(Math.floor(seconds / 60) % 60)} min ${two(seconds % 60)} sec`,
    `Go version: none, node ${process.version}`,
    `Binary version: ${KUBERNETES_VERSION.replace(/^v/, '')}`,
    `Paths: ${[...paths].sort().join(' ')}`,
  ];
  return plainAnswer(200, `\nkubelet statusz\n${WARNING}\n\n${lines.join('\n')}\n`);
}
