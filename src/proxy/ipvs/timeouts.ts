import type { RunProgram } from '../../host/run-program.ts';
import { parseGoDuration } from '../../std/go-duration.ts';
import type { Logger } from '../../std/logger.ts';
import type { KubeProxyConfiguration } from '../configuration/kube-proxy-configuration.ts';

/** How long IPVS remembers connections on which nothing is sent, where the configuration says so; 0 leaves one as it is. */
export async function applyIpvsTimeouts(
  { ipvs }: Pick<KubeProxyConfiguration, 'ipvs'>,
  { run, logger }: { readonly run: RunProgram; readonly logger: Logger },
): Promise<void> {
  const { tcpTimeout, tcpFinTimeout, udpTimeout } = ipvs;
  const seconds = [tcpTimeout, tcpFinTimeout, udpTimeout].map((text) => Math.floor(parseGoDuration(text) / 1000));
  if (seconds.every((value) => value === 0)) return;
  try {
    await run('ipvsadm', ['--set', ...seconds.map(String)]);
  } catch (error) {
    logger.warn('Failed to configure IPVS timeouts', { tcpTimeout, tcpFinTimeout, udpTimeout, error });
  }
}
