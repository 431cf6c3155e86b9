import { unescape } from "node:querystring";

/** Where a repository can be fetched from, with what is secret about it kept apart. */
export interface RemoteUrl {
  /** The address without credentials: shown to people, stored, and given to git. */
  readonly address: string;
  /** Given to git through its environment only. */
  readonly credentials: { readonly username: string; readonly password: string } | null;
}

/** `user@host:path`, as ssh takes it. */
const SCP_LIKE = /^[\w.-]+@[A-Za-z0-9][\w.-]*:(?!\/\/)[^-\s:][^\s]*$/;

const FIX =
  "Write an https, ssh or file address, such as https://git.example.com/team/service.git or git@host:team/service.git.";

/** Reads an address of the configuration, or says why it cannot be used. */
export function parseRemoteUrl(
  text: string,
): RemoteUrl | { readonly why: string; readonly fix: string } {
  // eslint-disable-next-line no-control-regex -- exactly these characters must not reach a command
  if (/[\u0000-\u0020\u007f]/.test(text) || text.startsWith("-")) {
    return { why: "is not an address", fix: FIX };
  }
  if (SCP_LIKE.test(text)) {
    return { address: text, credentials: null };
  }
  const url = URL.parse(text);
  switch (url?.protocol) {
    case "https:":
      return url.search === "" && url.hash === ""
        ? withoutCredentials(url)
        : { why: "has something after its path", fix: "Remove the ? or # and what follows." };
    case "ssh:":
      return url.password === "" && /^[A-Za-z0-9[]/.test(url.hostname)
        ? { address: text, credentials: null }
        : {
            why: "cannot be used with ssh",
            fix: "Write ssh://user@host/path, without a password: ssh signs in with keys.",
          };
    case "file:":
      return text.startsWith("file:///")
        ? { address: text, credentials: null }
        : { why: "has a host in it", fix: "Write file:/// and the whole path." };
    default:
      return { why: "is not an https, ssh or file address", fix: FIX };
  }
}

/** What a repository is called when nobody named it: the last part of its address, without `.git`. */
export function remoteName(text: string): string {
  const last = text.replace(/\/+$/, "").split(/[/:]/).at(-1) ?? "";
  return last.replace(/\.git$/, "") || "repository";
}

/**
 * Settings that make git sign in at exactly this host. They belong into the environment: arguments can be read by
 * everybody on the machine.
 */
export function credentialSettings(remote: RemoteUrl): readonly (readonly [string, string])[] {
  if (remote.credentials === null) {
    return [];
  }
  const { username, password } = remote.credentials;
  const basic = Buffer.from(`${username}:${password}`).toString("base64");
  return [[`http.${new URL(remote.address).origin}/.extraHeader`, `Authorization: Basic ${basic}`]];
}

function withoutCredentials(url: URL): RemoteUrl {
  const username = unescape(url.username);
  const password = unescape(url.password);
  url.username = "";
  url.password = "";
  return {
    address: url.href,
    credentials: username === "" && password === "" ? null : { username, password },
  };
}
