import type { CommandEntry, GroupEntry } from './command-table.ts';
import { TOKEN_FLAGS } from './token/token-flags.ts';

const tokenCommands: readonly CommandEntry[] = [
  {
    name: 'create',
    summary: 'make a bootstrap token',
    load: async () => (await import('./commands/token-create.ts')).tokenCreateCommand,
  },
  {
    name: 'list',
    summary: 'list the bootstrap tokens',
    load: async () => (await import('./commands/token-list.ts')).tokenListCommand,
  },
  {
    name: 'delete',
    summary: 'delete bootstrap tokens',
    load: async () => (await import('./commands/token-delete.ts')).tokenDeleteCommand,
  },
  {
    name: 'generate',
    summary: 'print a token that could be used',
    load: async () => (await import('./commands/token-generate.ts')).tokenGenerateCommand,
  },
];
const token: GroupEntry = {
  name: 'token',
  summary: 'bootstrap tokens: create, list, delete, generate',
  commands: tokenCommands,
  flags: TOKEN_FLAGS,
};

const certs: GroupEntry = {
  name: 'certs',
  summary: "a cluster's certificates on disk: init, list, renew",
  commands: [
    {
      name: 'init',
      summary: 'make an authority and the certificates of a cluster',
      load: async () => (await import('./commands/certs-init.ts')).certsInitCommand,
    },
    {
      name: 'list',
      summary: 'say when each certificate expires',
      load: async () => (await import('./commands/certs-list.ts')).certsListCommand,
    },
    {
      name: 'renew',
      summary: 'issue certificates again',
      load: async () => (await import('./commands/certs-renew.ts')).certsRenewCommand,
    },
  ],
};

const explain: GroupEntry = {
  name: 'explain',
  summary: 'say why a certificate request, a node or a token does not work: csr, node, token',
  commands: [
    {
      name: 'csr',
      summary: "say of a kubelet's certificate request which rules hold, and what mends the others",
      load: async () => (await import('../approver/explain-csr.ts')).explainCsrCommand,
    },
    {
      name: 'node',
      summary: 'say how far a node came on its way from a token to Ready, and what holds it up',
      load: async () => (await import('../doctor/explain/commands.ts')).explainNodeCommand,
    },
    {
      name: 'token',
      summary: 'say whether a node can join with a bootstrap token, and what keeps it from that',
      load: async () => (await import('../doctor/explain/commands.ts')).explainTokenCommand,
    },
  ],
};

const deploy: GroupEntry = {
  name: 'deploy',
  summary:
    'make a cluster of hosts that are reached by ssh, and keep it: plan, apply, status, node, token, etcd, upgrade, rotate, reset',
  commands: [
    {
      name: 'plan',
      summary: 'look at the hosts and print what apply would change',
      load: async () => (await import('./commands/deploy-plan.ts')).deployPlanCommand,
    },
    {
      name: 'apply',
      summary: 'make the hosts a cluster; goes on where it was ended',
      load: async () => (await import('./commands/deploy-apply.ts')).deployApplyCommand,
    },
    {
      name: 'bundle',
      summary: 'make one file of all that hosts are given, for networks that lead nowhere',
      load: async () => (await import('./commands/deploy-bundle.ts')).deployBundleCommand,
    },
    {
      name: 'verify',
      summary: 'check the cluster as the runbooks do by hand',
      load: async () => (await import('./commands/deploy-verify.ts')).deployVerifyCommand,
    },
    {
      name: 'reset',
      summary: 'remove from the hosts what apply put there',
      load: async () => (await import('./commands/deploy-reset.ts')).deployResetCommand,
    },
    {
      name: 'status',
      summary: 'show services, programs, certificates and nodes of all hosts, and what is unfinished',
      load: async () => (await import('./commands/deploy-status.ts')).deployStatusCommand,
    },
    {
      name: 'token',
      summary: 'bootstrap tokens, one for each node',
      commands: [
        {
          name: 'list',
          summary: 'list them, with when they end',
          load: async () => (await import('./commands/deploy-token.ts')).deployTokenListCommand,
        },
        {
          name: 'create',
          summary: 'make one for a host, and print it',
          load: async () => (await import('./commands/deploy-token.ts')).deployTokenCreateCommand,
        },
        {
          name: 'renew',
          summary: 'give hosts that have not joined another one where theirs has expired',
          load: async () => (await import('./commands/deploy-token.ts')).deployTokenRenewCommand,
        },
        {
          name: 'delete',
          summary: 'take tokens back, by their ids or of hosts',
          load: async () => (await import('./commands/deploy-token.ts')).deployTokenDeleteCommand,
        },
      ],
    },
    {
      name: 'etcd',
      summary: 'members of etcd: add one, take one out, defragment them',
      commands: [
        {
          name: 'add',
          summary: 'make hosts members of the etcd that runs, or replace members that lost their data',
          load: async () => (await import('./commands/deploy-etcd-add.ts')).deployEtcdAddCommand,
        },
        {
          name: 'remove',
          summary: 'take one member out, if a majority of those that stay serves',
          load: async () => (await import('./commands/deploy-etcd-remove.ts')).deployEtcdRemoveCommand,
        },
        {
          name: 'defrag',
          summary: 'give back what the databases do not use, one member at a time',
          load: async () => (await import('./commands/deploy-etcd-defrag.ts')).deployEtcdDefragCommand,
        },
      ],
    },
    {
      name: 'upgrade',
      summary: 'replace the program on all hosts, one at a time, masters first, and back where it does not serve',
      load: async () => (await import('./commands/deploy-upgrade.ts')).deployUpgradeCommand,
    },
    {
      name: 'rotate',
      summary: 'replace keys and certificates of a cluster that runs, without a gap',
      commands: [
        {
          name: 'ca',
          summary: 'replace the authority and all that it signed',
          load: async () => (await import('./commands/deploy-rotate.ts')).deployRotateCaCommand,
        },
        {
          name: 'certificates',
          summary: 'make new keys and certificates of the same authority',
          load: async () => (await import('./commands/deploy-rotate.ts')).deployRotateCertificatesCommand,
        },
        {
          name: 'service-accounts',
          summary: "replace the key that signs service accounts' tokens",
          load: async () => (await import('./commands/deploy-rotate.ts')).deployRotateServiceAccountsCommand,
        },
        {
          name: 'encryption-key',
          summary: 'replace the key with which Secrets lie in etcd, and write them anew',
          load: async () => (await import('./commands/deploy-rotate-encryption.ts')).deployRotateEncryptionCommand,
        },
      ],
    },
    {
      name: 'node',
      summary: 'add hosts to a cluster that runs, and take them out',
      commands: [
        {
          name: 'add',
          summary: 'make hosts of the inventory nodes; the others are not touched',
          load: async () => (await import('./commands/deploy-node-add.ts')).deployNodeAddCommand,
        },
        {
          name: 'remove',
          summary: 'drain hosts, take away what apply put there, delete their nodes',
          load: async () => (await import('./commands/deploy-node-remove.ts')).deployNodeRemoveCommand,
        },
      ],
    },
  ],
};

/** What the program called `kubeadm` can do. */
const kubeadmTable: readonly CommandEntry[] = [
  token,
  {
    name: 'version',
    summary: 'print the version of Kubernetes that this follows',
    load: async () => (await import('./commands/kubeadm-version.ts')).kubeadmVersionCommand,
  },
];

/** Every command, its code loaded when it is used. */
export const commandTable: readonly CommandEntry[] = [
  {
    name: 'up',
    summary: 'start a cluster in the background and wait until its nodes are Ready',
    load: async () => (await import('./commands/up.ts')).upCommand,
  },
  {
    name: 'down',
    summary: 'stop a cluster and delete its data',
    load: async () => (await import('./commands/down.ts')).downCommand,
  },
  { name: 'ls', summary: 'list the clusters on this machine', load: async () => (await import('./commands/ls.ts')).lsCommand },
  {
    name: 'status',
    summary: "show a cluster's nodes, certificates and process",
    load: async () => (await import('./commands/status.ts')).statusCommand,
  },
  {
    name: 'kubeconfig',
    summary: "print a cluster's kubeconfig",
    load: async () => (await import('./commands/kubeconfig.ts')).kubeconfigCommand,
  },
  {
    name: 'backup',
    summary: "keep a cluster's store, certificates and keys in one file",
    load: async () => (await import('./commands/backup.ts')).backupCommand,
  },
  {
    name: 'restore',
    summary: 'bring back what backup kept',
    load: async () => (await import('./commands/restore.ts')).restoreCommand,
  },
  token,
  certs,
  deploy,
  { name: 'kubeadm', summary: 'the commands of kubeadm that muster has', commands: kubeadmTable, flags: TOKEN_FLAGS },
  {
    name: 'kube-apiserver',
    summary: 'run the API server',
    load: async () => (await import('../apiserver/command.ts')).apiserverCommand,
  },
  {
    name: 'kube-controller-manager',
    summary: 'run the controllers',
    load: async () => (await import('../controllers/command.ts')).controllerManagerCommand,
  },
  {
    name: 'kube-scheduler',
    summary: 'run the scheduler',
    load: async () => (await import('../scheduler/command.ts')).schedulerCommand,
  },
  { name: 'kubelet', summary: 'run a node', load: async () => (await import('../kubelet/command.ts')).kubeletCommand },
  {
    name: 'kube-proxy',
    summary: 'make Services reachable on a node',
    load: async () => (await import('../proxy/command.ts')).proxyCommand,
  },
  {
    name: 'dns',
    summary: 'run the cluster DNS server, as a Corefile says',
    load: async () => (await import('../dns/command.ts')).dnsCommand,
  },
  {
    name: 'flanneld',
    summary: "lead packets to other nodes' pods, as flannel does",
    load: async () => (await import('../network/flannel/flannel-command.ts')).flannelCommand,
  },
  {
    name: 'network-policy',
    summary: 'enforce NetworkPolicies on a node, with nftables',
    load: async () => (await import('../network/policy/policy-command.ts')).networkPolicyCommand,
  },
  {
    name: 'doctor',
    summary: 'say what is wrong, or soon will be, with certificates, tokens, nodes and names of a cluster',
    load: async () => (await import('../doctor/command.ts')).doctorCommand,
  },
  {
    name: 'rehearse',
    summary: "play a cluster's certificates through years in seconds, with faults",
    load: async () => (await import('../cluster/rehearsal/command.ts')).rehearseCommand,
  },
  {
    name: 'rescue',
    summary: 'bring back nodes whose certificates ran out while they were off: a plan first',
    load: async () => (await import('./commands/rescue.ts')).rescueCommand,
  },
  explain,
  {
    name: 'approver',
    summary: "approve kubelets' serving certificates, by rules that look at what no node can write",
    load: async () => (await import('../approver/command.ts')).approverCommand,
  },
  {
    name: 'calico-node',
    summary: "run Calico's pod network on a node, with BIRD",
    load: async () => (await import('../network/bgp/calico-command.ts')).calicoNodeCommand,
  },
  {
    name: 'lb',
    summary: 'lead TCP connections to the API servers that answer',
    load: async () => (await import('../deploy/balancer/lb-command.ts')).lbCommand,
  },
  {
    name: 'link',
    summary: 'make kubelet, kubeadm and the like commands of their own',
    load: async () => (await import('./commands/link.ts')).linkCommand,
  },
  { name: 'version', summary: 'print the version', load: async () => (await import('./commands/version.ts')).versionCommand },
];
