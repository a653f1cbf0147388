import type { ComponentPage } from '../../api/configuration/component-pages.ts';
import { StatusError } from '../../api/machinery/status-error.ts';
import { type Answer, type ApiRequest, errorAnswer, jsonAnswer, plainAnswer } from './api-exchange.ts';
import type { KubeletView } from './kubelet-view.ts';

const LONGEST_LEVEL_BYTES = 64;

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

/** A page that every component has. */
export async function componentAnswer(make: () => Promise<ComponentPage>): Promise<Answer> {
  try {
    return { status: 200, ...(await make()) };
  } catch (error) {
    if (!(error instanceof StatusError)) throw error;
    return { ...jsonAnswer(error.status), status: error.code };
  }
}
