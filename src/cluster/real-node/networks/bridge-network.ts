import { installPodNetwork } from '../../../network/cni/pod-network.ts';
import { preparePodBridge } from '../pod-bridge.ts';
import { bridgeNetwork } from '../real-node-plan.ts';
import type { NodeNetwork, NodeNetworkOptions } from './node-network.ts';
import { podRangesOf } from './node-ranges.ts';

/**
 * Pods on a bridge of this machine, with addresses of the node's range.
 *
 * @param isForeign somebody else brings the network: nothing is made
 */
export function createBridgeNetwork(options: NodeNetworkOptions, isForeign: boolean): NodeNetwork {
  const { real, nodeDirectory, logger, run } = options;
  const { configurationDirectory, bridge, plugin } = real.network;
  const life = new AbortController();
  return {
    hasBridge: !isForeign,
    isOurs: !isForeign,
    morePodCidrs: () => [],
    async prepare() {
      if (!isForeign) await preparePodBridge(bridge, run, logger);
    },
    async start() {
      if (plugin === 'none') {
        logger.info('Pods wait for the network that somebody brings', { configurationDirectory });
        return;
      }
      const podCidrs = await podRangesOf(options, life.signal);
      const { path, own } = await installPodNetwork(configurationDirectory, bridgeNetwork(real, nodeDirectory, podCidrs));
      logger.info(own ? 'Wrote the network of pods' : 'Pods use the network that is there', { path, podCidrs });
    },
    async stop() {
      life.abort(new DOMException('the network of pods is stopped', 'AbortError'));
    },
  };
}
