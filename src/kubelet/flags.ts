import type { FlagDefinition } from '../std/flags.ts';
import { BELONGS_IN_FILE, configurationFlags } from './configuration/flag-table.ts';
import { retiredFlags } from './retired-flags.ts';

const ownFlags: readonly FlagDefinition[] = [
  {
    name: 'bootstrap-kubeconfig',
    type: 'string',
    description:
      'Path to a kubeconfig file that will be used to get client certificate for kubelet. It is used when the file of --kubeconfig does not exist or its certificate has expired; the certificate and key go to --cert-dir, and --kubeconfig is written.',
  },
  {
    name: 'kubeconfig',
    type: 'string',
    description: 'Path to a kubeconfig file, specifying how to connect to the API server. Written by the bootstrap.',
  },
  {
    name: 'cert-dir',
    type: 'string',
    default: '/var/lib/kubelet/pki',
    description: 'The directory where the TLS certs are located.',
  },
  {
    name: 'config',
    type: 'string',
    description:
      'The Kubelet will load its initial configuration from this KubeletConfiguration file, JSON or YAML. Command-line flags override configuration from this file.',
  },
  {
    name: 'root-dir',
    type: 'string',
    default: '/var/lib/kubelet',
    description: 'Directory path for managing kubelet files (volume mounts,etc).',
  },
  {
    name: 'hostname-override',
    type: 'string',
    description:
      'If non-empty, will use this string as identification instead of the actual hostname. It must differ on every host.',
  },
  { name: 'node-ip', type: 'string', description: 'IP address (or comma-separated dual-stack IP addresses) of the node.' },
  {
    name: 'node-labels',
    type: 'map',
    description: "Labels to add when registering the node in the cluster. Labels must be key=value pairs separated by ','.",
  },
  {
    name: 'register-with-taints',
    type: 'strings',
    description: 'Register the node with the given list of taints (comma separated "<key>=<value>:<effect>").',
    deprecated: BELONGS_IN_FILE,
  },
  {
    name: 'runtime',
    type: 'string',
    default: 'auto',
    description:
      "Muster's own: what runs the pods. 'containerd' is the container runtime at --container-runtime-endpoint, 'hollow' keeps the state of pods without running them; 'auto' is containerd, found at the usual sockets when no endpoint is given. $MUSTER_RUNTIME goes before this default.",
  },
  {
    name: 'config-dir',
    type: 'string',
    description:
      'Directory of drop-ins: the *.conf files in it are laid over the configuration of --config in the order of their names.',
  },
  {
    name: 'experimental-bootstrap-kubeconfig',
    type: 'string',
    description: 'The older name of --bootstrap-kubeconfig.',
    deprecated: 'Use --bootstrap-kubeconfig',
  },
  {
    name: 'pod-infra-container-image',
    type: 'string',
    description: 'One more name of the image of the container that holds the namespaces of a pod.',
    deprecated: 'will be removed in 1.35. Image garbage collector will get sandbox image information from CRI.',
  },
  {
    name: 'manifest-url-header',
    type: 'strings',
    description: "HTTP headers to use when accessing --manifest-url: 'name:value', comma-separated.",
    deprecated: BELONGS_IN_FILE,
  },
  {
    name: 'reserved-memory',
    type: 'strings',
    description: "Memory reservations for NUMA nodes: '0:memory=1Gi,hugepages-2Mi=1Gi'.",
    deprecated: BELONGS_IN_FILE,
  },
  {
    name: 'image-credential-provider-bin-dir',
    type: 'string',
    description: 'The path to the directory where credential provider plugin binaries are located.',
  },
  {
    name: 'image-credential-provider-config',
    type: 'string',
    description: 'Path to a credential provider plugin config file (JSON/YAML) or a directory of such files.',
  },
  {
    name: 'image-pull-progress-deadline',
    type: 'duration',
    default: '1m0s',
    description:
      'If no pulling progress is made before this deadline, the image pulling will be cancelled. Unless it is given, five minutes.',
  },
  { name: 'lock-file', type: 'string', description: 'The path to file for kubelet to use as a lock file.' },
  {
    name: 'exit-on-lock-contention',
    type: 'bool',
    description: 'Whether kubelet should exit upon lock-file contention.',
  },
  { name: 'version', type: 'bool', description: 'Print version information and quit' },
  { name: 'logtostderr', type: 'bool', default: true, description: 'log to standard error instead of files' },
  { name: 'alsologtostderr', type: 'bool', description: 'log to standard error as well as files' },
  { name: 'log-dir', type: 'string', description: 'If non-empty, write log files in this directory' },
];

/** Accepted because upstream has them, or had them at some version of the runbooks; here they change nothing. */
const withoutEffect: readonly (readonly [name: string, type: FlagDefinition['type'], description: string, fallback?: string])[] =
  [
    ['allow-privileged', 'bool', 'If true, allow containers to request privileged mode.'],
    [
      'azure-container-registry-config',
      'string',
      'Path to the file containing Azure container registry configuration information.',
    ],
    ['bootstrap-checkpoint-path', 'string', '<Warning: Alpha feature> Path to the directory where the checkpoints are stored'],
    ['cadvisor-port', 'int', 'The port of the localhost cAdvisor endpoint (set to 0 to disable)'],
    ['chaos-chance', 'float', 'If > 0.0, introduce random client errors and latency. Intended for testing.'],
    ['cloud-config', 'string', 'The path to the cloud provider configuration file. Empty string for no configuration file.'],
    ['cloud-provider', 'string', 'The provider for cloud services. Set to empty string for running with no cloud provider.'],
    [
      'cni-bin-dir',
      'string',
      '<Warning: Alpha feature> A comma-separated list of full paths of directories in which to search for CNI plugin binaries. This docker-specific flag only works when container-runtime is set to docker.',
      '/opt/cni/bin',
    ],
    [
      'cni-cache-dir',
      'string',
      '<Warning: Alpha feature> The full path of the directory in which CNI should store cache files. This docker-specific flag only works when container-runtime is set to docker.',
      '/var/lib/cni/cache',
    ],
    [
      'cni-conf-dir',
      'string',
      '<Warning: Alpha feature> The full path of the directory in which to search for CNI config files. This docker-specific flag only works when container-runtime is set to docker.',
      '/etc/cni/net.d',
    ],
    ['container-runtime', 'string', "The container runtime to use. Possible values: 'docker', 'remote'.", 'docker'],
    ['containerd', 'string', 'containerd endpoint', '/run/containerd/containerd.sock'],
    ['docker', 'string', 'docker endpoint', 'unix:///var/run/docker.sock'],
    ['docker-endpoint', 'string', 'Use this for the docker endpoint to communicate with.', 'unix:///var/run/docker.sock'],
    ['docker-root', 'string', 'docker root is read from docker info (this is a fallback)', '/var/lib/docker'],
    ['dynamic-config-dir', 'string', 'The Kubelet will use this directory for checkpointing downloaded configurations.'],
    ['enable-cadvisor-json-endpoints', 'bool', 'Enable cAdvisor json /spec and /stats/* endpoints.'],
    [
      'experimental-allocatable-ignore-eviction',
      'bool',
      'When set to true, Hard Eviction Thresholds will be ignored while calculating Node Allocatable.',
    ],
    ['experimental-mounter-path', 'string', '[Experimental] Path of mounter binary. Leave empty to use the default mount.'],
    ['keep-terminated-pod-volumes', 'bool', 'Keep terminated pod volumes mounted to the node after the pod terminates.'],
    ['log-backtrace-at', 'string', 'when logging hits line file:N, emit a stack trace', ':0'],
    ['log-cadvisor-usage', 'bool', 'Whether to log the usage of the cAdvisor container'],
    ['log-file', 'string', 'If non-empty, use this log file'],
    [
      'log-file-max-size',
      'int',
      'Defines the maximum size a log file can grow to (no effect when -logtostderr=true). Unit is megabytes.',
    ],
    ['add-dir-header', 'bool', 'If true, adds the file directory to the header of the log messages'],
    [
      'master-service-namespace',
      'string',
      'The namespace from which the kubernetes master services should be injected into pods.',
      'default',
    ],
    ['maximum-dead-containers', 'int', 'Maximum number of old instances of containers to retain globally.'],
    ['maximum-dead-containers-per-container', 'int', 'Maximum number of old instances to retain per container.'],
    ['minimum-container-ttl-duration', 'duration', 'Minimum age for a finished container before it is garbage collected.'],
    [
      'network-plugin',
      'string',
      '<Warning: Alpha feature> The name of the network plugin to be invoked for various events in kubelet/pod lifecycle. This docker-specific flag only works when container-runtime is set to docker.',
    ],
    [
      'network-plugin-mtu',
      'int',
      '<Warning: Alpha feature> The MTU to be passed to the network plugin, to override the default. This docker-specific flag only works when container-runtime is set to docker.',
    ],
    ['non-masquerade-cidr', 'string', 'Traffic to IPs outside this range will use IP masquerade.', '10.0.0.0/8'],
    ['one-output', 'bool', 'If true, only write logs to their native severity level'],
    ['really-crash-for-testing', 'bool', 'If true, when panics occur crash. Intended for testing.'],
    ['redirect-container-streaming', 'bool', 'Enables container streaming redirect.'],
    ['register-schedulable', 'bool', 'Register the node as schedulable.'],
    ['runtime-cgroups', 'string', 'Optional absolute name of cgroups to create and run the runtime in.'],
    ['seccomp-profile-root', 'string', 'Directory path for seccomp profiles.', '/var/lib/kubelet/seccomp'],
    ['skip-headers', 'bool', 'If true, avoid header prefixes in the log messages'],
    ['skip-log-headers', 'bool', 'If true, avoid headers when opening log files'],
    ['stderrthreshold', 'string', 'logs at or above this threshold go to stderr', '2'],
    ['vmodule', 'string', 'comma-separated list of pattern=N settings for file-filtered logging'],
  ];

/** Every flag of the kubelet, by name. */
export function kubeletFlags(): FlagDefinition[] {
  const configured = configurationFlags();
  const taken = new Set([...ownFlags, ...configured].map(({ name }) => name));
  const idle = withoutEffect
    .filter(([name]) => !taken.has(name))
    .map(
      ([name, type, description, fallback]): FlagDefinition => ({
        name,
        type,
        description,
        noEffect: true,
        ...(fallback !== undefined && { default: fallback }),
      }),
    );
  return [...ownFlags, ...configured, ...idle, ...retiredFlags()].sort((a, b) => (a.name < b.name ? -1 : 1));
}
