import { CodedError } from '../std/coded-error.ts';
import { shellWord } from '../std/shell-word.ts';
import { runBySsh, type SshOptions } from './collect/run-by-ssh.ts';
import type { KubeletPaths } from './rescue-plan.ts';

/**
 * Gives a node the bootstrap kubeconfig, puts aside the certificate that ran out and its kubeconfig, and restarts the kubelet. May be done
 * again at any time: what is not there is not moved, and what was moved is kept.
 * @param kubeconfig the text of the bootstrap kubeconfig; holds a token
 * @throws CodedError SSH_FAILED; RESCUE_PATH for a path that cannot be written into a script
 */
export async function rescueHost(target: string, paths: KubeletPaths, kubeconfig: string, options: SshOptions): Promise<void> {
  await runBySsh(target, rescueScript(paths, kubeconfig), options);
}

/** `ROOT` stands for `/` in tests. */
export function rescueScript(paths: KubeletPaths, kubeconfig: string): string {
  const [bootstrap, own, certificates] = [paths.bootstrapKubeconfig, paths.kubeconfig, paths.certificateDirectory].map(quoted);
  return `set -e
umask 077
R=\${ROOT:-}
bootstrap=$R${bootstrap}
certificates=$R${certificates}
mkdir -p "\${bootstrap%/*}" "$certificates.before"
cat > "$bootstrap.new" <<'END-OF-KUBECONFIG'
${kubeconfig.trimEnd()}
END-OF-KUBECONFIG
mv -f "$bootstrap.new" "$bootstrap"
for file in "$certificates"/kubelet-client-* $R${own}; do
  if [ -e "$file" ] || [ -L "$file" ]; then mv -f "$file" "$certificates.before/"; fi
done
systemctl reset-failed kubelet 2>/dev/null || :
systemctl restart kubelet
`;
}

/** One word of a shell, whatever stands in it. */
function quoted(path: string): string {
  if (!path.startsWith('/') || path.includes('\0') || path.includes('\n'))
    throw new CodedError(`${JSON.stringify(path)} is no absolute path of a kubelet`, { code: 'RESCUE_PATH' });
  return shellWord(path);
}
