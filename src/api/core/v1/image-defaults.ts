const COMPONENT = '[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*';
const DOMAIN = '(?:[a-zA-Z0-9][a-zA-Z0-9.-]*|\\[[a-fA-F0-9:]+\\])(?::[0-9]+)?';
/** A reference to an image as the distribution project reads it: a domain, a path, a tag, a digest. */
const REFERENCE = new RegExp(
  `^(?<name>(?:${DOMAIN}/)?${COMPONENT}(?:/${COMPONENT})*)(?::(?<tag>[\\w][\\w.-]{0,127}))?(?<digest>@[A-Za-z][A-Za-z0-9+._-]*:[0-9a-fA-F]{32,})?$`,
);
/** More than any image can be called, and little enough to be looked at. */
const LONGEST = 1024;
const LONGEST_NAME = 255;

/**
 * Images are pulled again and again only when their tag says that it moves (pkg/util/parsers). What is no reference to an image is
 * not: pods with it are refused, or wait.
 */
export function defaultPullPolicy(image: string): string {
  const parts = image.length > LONGEST ? undefined : REFERENCE.exec(image)?.groups;
  if (!parts || parts['name']!.length > LONGEST_NAME) return 'IfNotPresent';
  const tag = parts['tag'] ?? (parts['digest'] ? '' : 'latest');
  return tag === 'latest' ? 'Always' : 'IfNotPresent';
}
