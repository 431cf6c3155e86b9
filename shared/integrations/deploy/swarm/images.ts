/** The parts of an image reference. */
export interface ImageReference {
  /** Host of the registry, `docker.io` where the reference names none. */
  readonly registry: string;
  /** As it is written, without tag and digest. */
  readonly repository: string;
  readonly tag: string | null;
  readonly digest: string | null;
}

const COMPONENT = "[a-z0-9]+(?:(?:\\.|_|__|-+)[a-z0-9]+)*";
const HOST = "(?:[a-zA-Z0-9](?:[a-zA-Z0-9.-]*[a-zA-Z0-9])?|\\[[0-9a-fA-F:]+\\])(?::\\d{1,5})?";
const REFERENCE = new RegExp(
  `^((?:(${HOST})/)?${COMPONENT}(?:/${COMPONENT})*)(?::(\\w[\\w.-]{0,127}))?(?:@(sha256:[0-9a-f]{64}))?$`,
);
const LONGEST_REFERENCE = 500;

/** What a tag can be. */
export const TAG = /^\w[\w.-]{0,127}$/;

const DIGEST = /^sha256:[0-9a-f]{64}$/;

/** Tags that are moved from build to build by habit. */
const MOVING = new Set([
  "latest",
  "stable",
  "edge",
  "nightly",
  "main",
  "master",
  "develop",
  "dev",
  "uat",
  "staging",
  "prod",
  "production",
]);

/** Reads an image reference as docker does; null for one docker refuses, such as `shop/api:` without a tag. */
export function readImage(image: string): ImageReference | null {
  const found = image.length > LONGEST_REFERENCE ? null : REFERENCE.exec(image);
  if (!found) {
    return null;
  }
  const [, repository = "", first, tag, digest] = found;
  const isHost = first !== undefined && (/[.:[]/.test(first) || first === "localhost");
  if (!isHost && /[A-Z]/.test(repository)) {
    return null;
  }
  return {
    registry: isHost ? first : "docker.io",
    repository,
    tag: tag ?? null,
    digest: digest ?? null,
  };
}

/** The same image, exactly these bits. The tag stays for people to read. */
export function pinImage(image: ImageReference, digest: string): string {
  if (!DIGEST.test(digest)) {
    throw new Error(`"${digest.slice(0, 80)}" is not the digest of an image`);
  }
  return `${image.repository}${image.tag === null ? "" : `:${image.tag}`}@${digest}`;
}

/** Whether two deploys of the same reference may bring different bits, by what people use such tags for. */
export function isMoving(image: ImageReference): boolean {
  return image.digest === null && (image.tag === null || MOVING.has(image.tag.toLowerCase()));
}

/** Whether both name the same image: what was pinned later is still what was asked for by its tag. */
export function isSameImage(a: string, b: string): boolean {
  const [one, other] = [readImage(a), readImage(b)];
  if (!one || !other) {
    return a === b;
  }
  if (one.digest !== null && other.digest !== null) {
    return one.digest === other.digest;
  }
  return familiarName(one) === familiarName(other);
}

/** As docker thinks of it: `docker.io/library/nginx` is `nginx:latest`. */
function familiarName({ registry, repository, tag }: ImageReference): string {
  const path = repository.replace(/^docker\.io\//, "").replace(/^library\//, "");
  return `${registry} ${path}:${tag ?? "latest"}`;
}
