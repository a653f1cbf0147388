import { flag, ignoredFlags } from '../client/serving/component-flags.ts';
import { CodedError } from '../std/coded-error.ts';
import type { ComponentCommand } from '../std/command.ts';

/**
 * kube-proxy's command line. It is read as upstream's, so that a mistyped flag is told, and then refused: a proxy that writes no
 * rules would look healthy while no Service could be reached.
 */
export const proxyCommand: ComponentCommand = {
  name: 'kube-proxy',
  summary: 'not part of this version',
  flags: [
    flag('config', 'string', 'file with a KubeProxyConfiguration'),
    flag('hostname-override', 'string', "the node's name, the kubelet's"),
    flag('kubeconfig', 'string', 'kubeconfig with the address of the API server and the credentials for it'),
    flag('master', 'string', "address of the API server, over the kubeconfig's"),
    flag('proxy-mode', 'string', 'nftables, iptables or ipvs'),
    flag('cluster-cidr', 'string', 'addresses of pods'),
    flag('bind-address', 'string', 'address of the node', { default: '0.0.0.0' }),
    flag('healthz-bind-address', 'string', 'address of /healthz', { default: '0.0.0.0:10256' }),
    flag('metrics-bind-address', 'string', 'address of /metrics', { default: '127.0.0.1:10249' }),
    flag('cleanup', 'bool', 'remove all rules and end'),
    flag('v', 'int', 'verbosity of the log', { shorthand: 'v' }),
    ...ignoredFlags('bool', 'logtostderr', 'alsologtostderr', 'masquerade-all', 'profiling', 'ipvs-strict-arp'),
    ...ignoredFlags('string', 'log-dir', 'ipvs-scheduler'),
    ...ignoredFlags('duration', 'ipvs-sync-period', 'ipvs-min-sync-period', 'iptables-sync-period', 'iptables-min-sync-period'),
    ...ignoredFlags('map', 'feature-gates'),
  ],
  async run() {
    throw new CodedError('kube-proxy is not part of this version, which writes no Service rules: run upstream’s beside muster', {
      code: 'PROXY_NOT_SUPPORTED',
    });
  },
};
