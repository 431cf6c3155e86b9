import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { userInfo } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { untilItWorks } from "../../../../testing/until-it-works.ts";

const run = promisify(execFile);
const SSHD = "/usr/sbin/sshd";

/** What `describeWith` says is missing where there is no server. */
export const SSH_PART = "OpenSSH (sshd)";
export const hasSshServer = existsSync(SSHD);

/** A server on this machine that lets one key in, and a client that knows it. */
export interface TestSsh {
  readonly host: string;
  /** A PATH on which `ssh` is one that uses nothing but the key and the known hosts of this server. */
  readonly path: string;
  /** Makes the client forget the host, as if it were another machine. */
  forgetHost(): Promise<void>;
  stop(): Promise<void>;
}

/** Starts it in a folder. On the other side the docker program talks to `dockerHost`. */
export async function startSsh(folder: string, dockerHost: string, path: string): Promise<TestSsh> {
  const at = (name: string) => join(folder, name);
  for (const name of ["host-key", "client-key"]) {
    await run("ssh-keygen", ["-q", "-t", "ed25519", "-N", "", "-f", at(name)]);
  }
  const port = await freePort();
  await writeFile(at("authorized"), await readFile(at("client-key.pub")), { mode: 0o600 });
  const hostKey = (await readFile(at("host-key.pub"), "utf8")).split(" ").slice(0, 2).join(" ");
  await writeFile(at("known"), `[127.0.0.1]:${port} ${hostKey}\n`);
  await writeFile(
    at("sshd.conf"),
    `ListenAddress 127.0.0.1
Port ${port}
HostKey ${at("host-key")}
AuthorizedKeysFile ${at("authorized")}
PidFile none
StrictModes no
UsePAM no
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
SetEnv DOCKER_HOST=${dockerHost} PATH=${path}
`,
  );
  await mkdir(at("bin"));
  await writeFile(
    at("bin/ssh"),
    `#!/bin/sh
exec /usr/bin/ssh -F none -i '${at("client-key")}' -o IdentitiesOnly=yes -o IdentityAgent=none \\
  -o UserKnownHostsFile='${at("known")}' -o GlobalKnownHostsFile=none -o StrictHostKeyChecking=yes "$@"
`,
  );
  await chmod(at("bin/ssh"), 0o755);
  // Where it drops its rights; Debian makes it when the service starts.
  await mkdir("/run/sshd", { recursive: true });
  const server = spawn(SSHD, ["-D", "-e", "-f", at("sshd.conf")], { stdio: "ignore" });
  const ended = once(server, "close");
  const client = `${at("bin")}:${path}`;
  const { username } = userInfo();
  await untilItWorks(
    () => run(at("bin/ssh"), ["-p", String(port), "-l", username, "127.0.0.1", "true"]),
    { timeoutMs: 15_000, intervalMs: 50 },
  );
  return {
    host: `ssh://${username}@127.0.0.1:${port}`,
    path: client,
    forgetHost: () => writeFile(at("known"), ""),
    async stop() {
      server.kill();
      await ended;
    },
  };
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const address = server.address();
  server.close();
  await once(server, "close");
  return typeof address === "object" && address !== null ? address.port : 0;
}
