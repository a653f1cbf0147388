import { join } from 'node:path';

/** Where one test's containerd keeps everything, and how its pods' network is called. */
export interface ContainerdPlan {
  readonly root: string;
  readonly snapshotter: 'overlayfs' | 'native';
  readonly sandboxImage: string;
  readonly cniBinDir: string;
  /** Unique on the machine: names the CNI network, its bridge and its firewall comments. */
  readonly network: string;
  /** `10.200.7.0/24` */
  readonly podCidr: string;
  /** More tables of config.toml, as they stand. */
  readonly extraConfig: string;
}

export interface ContainerdPaths {
  readonly socket: string;
  readonly state: string;
  readonly data: string;
  readonly config: string;
  readonly cniConfDir: string;
  /** `certs.d`: a test puts `<registry>/hosts.toml` there. */
  readonly registryConfDir: string;
}

export function pathsOf({ root }: Pick<ContainerdPlan, 'root'>): ContainerdPaths {
  return {
    socket: join(root, 'c.sock'),
    state: join(root, 'state'),
    data: join(root, 'data'),
    config: join(root, 'config.toml'),
    cniConfDir: join(root, 'cni', 'net.d'),
    registryConfDir: join(root, 'certs.d'),
  };
}

/** The config.toml (version 2, containerd 1.6) of a containerd that shares nothing with others but the kernel. */
export function configToml(plan: ContainerdPlan): string {
  const paths = pathsOf(plan);
  const text = (value: string) => JSON.stringify(value);
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = ${text(paths.data)}
state = ${text(paths.state)}
temp = ${text(join(plan.root, 'temp'))}
disabled_plugins = [${UNUSED_PLUGINS.map(text).join(', ')}]

[grpc]
  address = ${text(paths.socket)}

[plugins."io.containerd.internal.v1.opt"]
  path = ${text(join(plan.root, 'opt'))}

[${cri}]
  sandbox_image = ${text(plan.sandboxImage)}
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  tolerate_missing_hugetlb_controller = true
  disable_hugetlb_controller = true
  stream_server_address = "127.0.0.1"
  stream_server_port = "0"
  [${cri}.cni]
    bin_dir = ${text(plan.cniBinDir)}
    conf_dir = ${text(paths.cniConfDir)}
  [${cri}.containerd]
    snapshotter = ${text(plan.snapshotter)}
    default_runtime_name = "runc"
    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = ${text(join(paths.state, 'runc'))}
  [${cri}.registry]
    config_path = ${text(paths.registryConfDir)}
${plan.extraConfig}`;
}

/** Pods on a bridge of their own; they reach the host at the first address of their range. */
export function cniConfiguration({ network, podCidr, root }: Pick<ContainerdPlan, 'network' | 'podCidr' | 'root'>): object {
  return {
    cniVersion: '0.4.0',
    name: network,
    plugins: [
      {
        type: 'bridge',
        bridge: network,
        isGateway: true,
        hairpinMode: true,
        ipam: {
          type: 'host-local',
          dataDir: join(root, 'cni', 'addresses'),
          ranges: [[{ subnet: podCidr }]],
          routes: [{ dst: '0.0.0.0/0' }],
        },
      },
      { type: 'portmap', capabilities: { portMappings: true } },
    ],
  };
}

const UNUSED_PLUGINS = [
  'io.containerd.internal.v1.restart',
  'io.containerd.snapshotter.v1.aufs',
  'io.containerd.snapshotter.v1.btrfs',
  'io.containerd.snapshotter.v1.devmapper',
  'io.containerd.snapshotter.v1.zfs',
  'io.containerd.tracing.processor.v1.otlp',
  'io.containerd.internal.v1.tracing',
];
