import { createHash } from 'node:crypto';

/** What the VolumeAttachment of a CSI volume on a node is called: controllers and kubelets find it by that (pkg/volume/csi/csi_attacher.go). */
export function attachmentName(handle: string, driver: string, node: string): string {
  return `csi-${createHash('sha256').update(`${handle}${driver}${node}`).digest('hex')}`;
}
