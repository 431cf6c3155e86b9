#!/usr/bin/env node
import { Command, InvalidArgumentError } from "commander";
import { createClaimsSource } from "../dashboard/server/auth/claims-source.ts";
import type { Config } from "../shared/config/config.ts";
import { readEnvironment } from "../shared/config/environment.ts";
import { createContainer, type Container } from "../shared/container.ts";
import { systemActor } from "../shared/core/actor.ts";
import { AppError } from "../shared/errors/app-error.ts";
import { EmbeddedIdentityOnly, IdentityUnavailable } from "../shared/errors/catalog.ts";
import { createLogger } from "../shared/lib/logger.ts";
import { loadInstallation } from "./services/load-installation.ts";
import { createSampleDirectory } from "./services/sample-directory.ts";
import { runServer } from "./services/run-server.ts";

const environment = readEnvironment();
const clock = { now: () => new Date() };

const program = new Command("slipway")
  .description("Nothing reaches production unless the right people signed exactly that.")
  .option("-c, --config <file>", "configuration file; SLIPWAY_CONFIG or ./config.yaml otherwise")
  .showHelpAfterError("Say `slipway help` for everything there is.");

program
  .command("start")
  .description("run the server until it is stopped")
  .option("--services <list>", "chat, web and worker are all run by default")
  .action(async ({ services }: { services?: string }) => {
    const { config } = program.opts<{ config?: string }>();
    await runServer({
      args: services === undefined ? [] : [`--services=${services}`],
      environment: config === undefined ? environment : { ...environment, SLIPWAY_CONFIG: config },
      cwd: process.cwd(),
    });
  });

program
  .command("config")
  .description("work with the configuration")
  .command("check")
  .description("tell every mistake at once, with the place and the fix")
  .argument("[file]", "the file to check")
  .action((file?: string) => {
    const config = load(file);
    say(
      config.file === null
        ? "There is no configuration file: the embedded default with its sample workspace is used."
        : `${config.file} is fine: ${counted(config.environments.length, "environment")}, ` +
            `${counted(config.repositories.length, "repository entry", "repository entries")}.`,
    );
  });

program
  .command("migrate")
  .description("bring the database up to this version; the server does it at every start")
  .action(() => withContainer(async () => say("The database is up to date.")));

program
  .command("token")
  .description("make an API token for a sample person; its secret is the last line")
  .requiredOption("--person <username>", "dana, quinn, robin, olivia, adam or vic", nonEmpty)
  .option("--name <name>", "what the token is for", "command-line")
  .action(({ person, name }: { person: string; name: string }) =>
    withContainer(async ({ people }, config) => {
      if (config.auth.provider.kind !== "embedded") {
        throw new EmbeddedIdentityOnly({});
      }
      await people.learnDirectory();
      const { token, expiresAt } = await people.issueToken(person, name);
      say(`A token of ${person}, good until ${expiresAt ?? "revoked"}. It is shown only now:`);
      say(token);
    }),
  );

program
  .command("audit")
  .description("work with the audit log")
  .command("verify")
  .description("prove that no entry was changed, removed or inserted")
  .action(() =>
    withContainer(async ({ services }) => {
      const answer = await services.audit.verify(systemActor);
      say(answer.detail);
      process.exitCode = answer.ok ? 0 : 1;
    }),
  );

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof AppError)) {
    throw error;
  }
  process.stderr.write(`slipway: ${error.message}\n${error.remedy ? `${error.remedy}\n` : ""}`);
  process.exitCode = 1;
}

function load(path?: string): Config {
  const named = path ?? program.opts<{ config?: string }>().config;
  return loadInstallation({
    environment,
    cwd: process.cwd(),
    ...(named === undefined ? {} : { path: named }),
  });
}

/** Opens the same data the server uses, also while it runs. */
async function withContainer(
  work: (container: Container, config: Config) => Promise<void>,
): Promise<void> {
  const config = load();
  const issuer = `${config.server.baseUrl}/idp`;
  const container = await createContainer({
    role: "tool",
    config,
    environment,
    logger: createLogger({
      level: "warn",
      secrets: config.secrets.map((secret) => secret.reveal()),
    }),
    clock,
    baseUrl: () => config.server.baseUrl,
    claimsSource: createClaimsSource(
      { refresh: () => Promise.reject(new IdentityUnavailable({ issuer })) },
      config.auth.provider.kind === "embedded" ? createSampleDirectory(issuer) : undefined,
    ),
  });
  try {
    await work(container, config);
  } finally {
    await container.close();
  }
}

function nonEmpty(value: string): string {
  if (value.trim() === "") {
    throw new InvalidArgumentError("Name somebody, for example dana.");
  }
  return value.trim();
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${String(count)} ${count === 1 ? one : many}`;
}

function say(line: string): void {
  process.stdout.write(`${line}\n`);
}
