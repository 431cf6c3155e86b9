import type { SwarmOptions } from "./options.ts";

/** What docker calls its own registry in its configuration. */
const DOCKER_HUB = "https://index.docker.io/v1/";
const HUB_HOSTS = new Set(["docker.io", "index.docker.io", "registry-1.docker.io"]);

export interface RegistryCredentials {
  readonly username: string;
  readonly password: string;
  /** As Docker names the registry. */
  readonly serveraddress: string;
}

/** Credentials for one registry, as images name it; null when the options have none. */
export function credentialsFor(
  registry: string,
  { registry: known }: Pick<SwarmOptions, "registry">,
): RegistryCredentials | null {
  const wanted = canonical(registry);
  const found = Object.entries(known).find(([host]) => canonical(host) === wanted)?.[1];
  return found
    ? {
        username: found.username,
        password: found.password.reveal(),
        serveraddress: wanted === "docker.io" ? DOCKER_HUB : registry,
      }
    : null;
}

/** Content of docker's `config.json` for one run. Only the registry that is needed is in it. */
export function dockerConfig(credentials: RegistryCredentials | null): string {
  if (credentials === null) {
    return "{}\n";
  }
  const { username, password, serveraddress } = credentials;
  const auth = Buffer.from(`${username}:${password}`).toString("base64");
  return `${JSON.stringify({ auths: { [serveraddress]: { auth } } })}\n`;
}

function canonical(host: string): string {
  const lower = host.toLowerCase();
  return HUB_HOSTS.has(lower) ? "docker.io" : lower;
}
