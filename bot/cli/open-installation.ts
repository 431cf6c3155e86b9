import { userInfo } from "node:os";
import { createClaimsSource } from "../../dashboard/server/auth/claims-source.ts";
import { recoverInterruptedRestore } from "../../shared/backup/restore-backup.ts";
import { databaseUrl, type Config } from "../../shared/config/config.ts";
import { createContainer, type Container } from "../../shared/container.ts";
import { systemActor, type Actor } from "../../shared/core/actor.ts";
import { createDatabaseCopier } from "../../shared/db/database-copier.ts";
import { IdentityUnavailable, InstallationMissing } from "../../shared/errors/catalog.ts";
import { createLogger, type Logger } from "../../shared/lib/logger.ts";
import { createSampleDirectory } from "../services/sample-directory.ts";
import type { CliContext } from "./command.ts";
import { loadFor } from "./load-config.ts";

/** Opens the same data the server uses, also while it runs. Throws InstallationMissing where there is none. */
export async function withInstallation<T>(
  context: CliContext,
  work: (container: Container, config: Config) => Promise<T>,
): Promise<T> {
  const config = loadFor(context);
  await recoverFor(config, context);
  const copier = createDatabaseCopier(databaseUrl(config), context.environment);
  // Making an empty one here would answer for an installation that is somewhere else.
  if (!(await copier.isThere())) {
    throw new InstallationMissing({ database: copier.location });
  }
  const container = await createContainer({
    role: "tool",
    config,
    environment: context.environment,
    logger: quietLogger(config),
    clock: context.clock,
    baseUrl: () => config.server.baseUrl,
    claimsSource: toolClaims(config),
  });
  try {
    return await work(container, config);
  } finally {
    await container.close();
  }
}

/** Puts back what a killed restore left half done, so that nobody works on that. */
export async function recoverFor(config: Config, { environment, out }: CliContext): Promise<void> {
  const copier = createDatabaseCopier(databaseUrl(config), environment);
  if (await recoverInterruptedRestore({ copier, dataDir: config.dataDir })) {
    out.note("A restore was interrupted. What was there before it is back in place.");
  }
}

/** Says only what an operator must know. */
export function quietLogger(config: Config): Logger {
  return createLogger({
    level: "warn",
    secrets: config.secrets.map((secret) => secret.reveal()),
  });
}

/** Whoever runs the command, as the audit log names them: the machine let them in, not the identity provider. */
export function operatorOf({ environment }: CliContext): Actor {
  const user = systemUser();
  const behind = environment["SUDO_USER"];
  const name = behind && behind !== user ? `${behind} as ${user}` : user;
  return { ...systemActor, name: `${name} (command line)`, via: { platform: "cli" } };
}

function systemUser(): string {
  try {
    return userInfo().username;
  } catch {
    // A container may run under a number that has no name.
    return `user ${String(process.getuid?.() ?? "unknown")}`;
  }
}

/** Nobody signs in through a command. */
function toolClaims(config: Config) {
  const issuer = `${config.server.baseUrl}/idp`;
  return createClaimsSource(
    { refresh: () => Promise.reject(new IdentityUnavailable({ issuer })) },
    config.auth.provider.kind === "embedded" ? createSampleDirectory(issuer) : undefined,
  );
}
